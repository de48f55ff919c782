import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectRepository } from '../init/detect.ts'
import { renderFirstTemplate } from '../init/template.ts'
import { renderTemplate } from '../lib/template.ts'
import { createSandbox } from './_sandbox.ts'

const database = { provider: 'sqlite', path: '.agent-isolate/dev.db', seed: undefined } as const
const answers = {
  scope: 'project',
  database,
  portNames: [],
  dependencies: { node_modules: 'auto', '.venv': 'auto' },
  excludePatterns: [],
  setup: [],
} as const
const prisma = 'datasource db {\n  provider = "sqlite"\n  url = env("PRISMA_URL")\n}\n'
const anyUrl = 'DATABASE_URL="$AGENT_DATABASE_URL"'

const stacks: Readonly<Record<string, [files: Record<string, string>, lines: string[]]>> = {
  'nothing known': [{}, [anyUrl, 'NODE_ENV="test"']],
  Express: [packageOf('express'), [anyUrl, 'NODE_ENV="test"']],
  'Next, which skips .env.local where NODE_ENV is test': [packageOf('next'), [anyUrl]],
  Prisma: [
    { ...packageOf('@prisma/client'), 'prisma/schema.prisma': prisma },
    ['PRISMA_URL="file:$AGENT_SQLITE_PATH"', 'NODE_ENV="test"'],
  ],
  'Prisma on PostgreSQL, whose URL stays': [
    { ...packageOf('prisma'), 'prisma/schema.prisma': prisma.replace('sqlite', 'postgresql') },
    ['NODE_ENV="test"'],
  ],
  'Flask and SQLAlchemy': [
    { 'requirements.txt': 'flask\nflask-sqlalchemy\nsqlalchemy\n' },
    ['FLASK_RUN_PORT=$AGENT_DYNAMIC_PORT', 'DATABASE_URL="sqlite:///$AGENT_SQLITE_PATH"'],
  ],
}

for (const [name, [files, lines]] of Object.entries(stacks)) {
  test(`the first template for ${name}`, async (t) => {
    const root = createSandbox(t).repository('repo', { 'README.md': '', ...files })
    const text = renderFirstTemplate(answers, await detectRepository(root), '.env.agent.template')
    const own = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    assert.deepEqual(own, ['PORT=$AGENT_DYNAMIC_PORT', ...lines])
    assert.deepEqual(renderTemplate(text, variables).warnings, [])
  })
}

test('further ports and a worktree without a database', async (t) => {
  const root = createSandbox(t).repository('repo', packageOf('express'))
  const facts = await detectRepository(root)
  const text = renderFirstTemplate(
    { ...answers, portNames: ['api', 'hmr'], database: { provider: 'none' } },
    facts,
    '.env.agent.template',
  )
  assert.match(text, /\nAPI_PORT=\$AGENT_PORT_API\nHMR_PORT=\$AGENT_PORT_HMR\nNODE_ENV="test"\n$/)
  assert.doesNotMatch(text, /DATABASE_URL=/)
})

const variables = {
  AGENT_DYNAMIC_PORT: '20410',
  AGENT_DATABASE_URL: 'file:/a b/dev.db',
  AGENT_SQLITE_PATH: '/a b/dev.db',
}

function packageOf(name: string): Record<string, string> {
  return { 'package.json': JSON.stringify({ name: 'sample', dependencies: { [name]: '*' } }) }
}
