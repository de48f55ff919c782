import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answers } from '../../init/answers.ts'
import { detectRepository } from '../../detect/detect.ts'
import { renderFirstTemplate } from '../../init/template.ts'
import { renderTemplate } from '../../lib/env-text/template.ts'
import { createSandbox } from '../support/sandbox.ts'

const database = { provider: 'sqlite', path: '.agent-isolate/dev.db', seed: undefined, hasTest: false } as const
const answers = {
  scope: 'project',
  delivery: 'program',
  database,
  portNames: [],
  dependencies: { node_modules: 'auto', '.venv': 'auto' },
  excludePatterns: [],
  toolIgnores: true,
  setup: [],
} as const
const prisma = 'datasource db {\n  provider = "sqlite"\n  url = env("PRISMA_URL")\n}\n'
const anyUrl = 'DATABASE_URL="$AGENT_DATABASE_URL"'

const stacks: Readonly<Record<string, [files: Record<string, string>, lines: string[]]>> = {
  'nothing known': [{}, [anyUrl]],
  Express: [packageOf('express'), [anyUrl]],
  Next: [packageOf('next'), [anyUrl]],
  Prisma: [
    { ...packageOf('@prisma/client'), 'prisma/schema.prisma': prisma },
    ['PRISMA_URL="file:$AGENT_SQLITE_PATH"'],
  ],
  'Prisma on PostgreSQL, whose URL stays': [
    { ...packageOf('prisma'), 'prisma/schema.prisma': prisma.replace('sqlite', 'postgresql') },
    [],
  ],
  'FastAPI with a URL in the form of SQLAlchemy': [
    { 'requirements.txt': 'fastapi\n', '.env': 'DATABASE_URL=sqlite+aiosqlite:///./shop.db\n' },
    ['UVICORN_PORT=$AGENT_DYNAMIC_PORT', 'DATABASE_URL="sqlite+aiosqlite:///$AGENT_SQLITE_PATH"'],
  ],
  'Flask and SQLAlchemy': [
    { 'requirements.txt': 'flask\nflask-sqlalchemy\nsqlalchemy\n' },
    ['FLASK_RUN_PORT=$AGENT_DYNAMIC_PORT', 'DATABASE_URL="sqlite:///$AGENT_SQLITE_PATH"'],
  ],
}

for (const [name, [files, lines]] of Object.entries(stacks)) {
  test(`the first template for ${name}`, async (t) => {
    const root = createSandbox(t).repository('repo', { 'README.md': '', ...files })
    const text = renderFirstTemplate(answers, { ...(await detectRepository(root)), lines: [] })
    const own = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    assert.deepEqual(own, ['PORT=$AGENT_DYNAMIC_PORT', ...lines])
    assert.deepEqual(renderTemplate(text, variables).warnings, [])
  })
}

test('further ports and a worktree without a database', async (t) => {
  const root = createSandbox(t).repository('repo', packageOf('express'))
  const facts = { ...(await detectRepository(root)), lines: [] }
  const text = renderFirstTemplate({ ...answers, portNames: ['api', 'hmr'], database: { provider: 'none' } }, facts)
  assert.match(text, /\nAPI_PORT=\$AGENT_PORT_API\nHMR_PORT=\$AGENT_PORT_HMR\n$/)
  assert.doesNotMatch(text, /DATABASE_URL=/)
})

const container = {
  provider: 'postgres-docker',
  isolation: 'database',
  image: 'postgres:16',
  seed: undefined,
  hasTest: false,
} as const
const server = { provider: 'postgres-server', url: '$DATABASE_URL', hasTest: false } as const
const withEnv = (name: string, text: string) => ({ ...packageOf(name), '.env': text })
const shopUrl = 'postgresql://me:secret@localhost:5432/shop'

const postgresStacks: Readonly<Record<string, [files: Record<string, string>, lines: string[], Answers['database']]>> =
  {
    'no tool that is known': [packageOf('express'), [anyUrl], container],
    Prisma: [
      { ...packageOf('prisma'), 'prisma/schema.prisma': prisma.replace('sqlite', 'postgresql') },
      ['PRISMA_URL="$AGENT_DATABASE_URL"'],
      container,
    ],
    'several variables of one database, and one of another': [
      withEnv(
        'pg',
        `POSTGRES_URL=${shopUrl}\nDATABASE_URL=${shopUrl}?x=1\nSTATS_URL=postgres://localhost:5432/stats\n`,
      ),
      [anyUrl, 'POSTGRES_URL="$AGENT_DATABASE_URL"'],
      server,
    ],
    'a way around a pooler': [
      withEnv('pg', 'DATABASE_URL=postgres://pool.example.com/shop\nDIRECT_URL=postgres://db.example.com/shop\n'),
      [anyUrl, 'DIRECT_URL="$AGENT_DATABASE_URL"'],
      server,
    ],
    'a driver with a scheme of its own, in a container': [
      withEnv('pg', 'DATABASE_URL=postgresql+asyncpg://me@localhost/shop\n'),
      [
        'DATABASE_URL="postgresql+asyncpg://$AGENT_DB_USER:$AGENT_DB_PASSWORD@$AGENT_DB_HOST:$DYNAMIC_DB_PORT/$AGENT_DB_NAME"',
      ],
      container,
    ],
    'a driver with a scheme of its own, on a server, whose URL has it': [
      withEnv('pg', 'DATABASE_URL=postgresql+asyncpg://me@localhost/shop\n'),
      [anyUrl],
      server,
    ],
    'the variables of libpq': [
      withEnv('pg', 'PGHOST=localhost\nPGPORT=5432\nPGPASSWORD=x\n'),
      [anyUrl, 'PGHOST=$AGENT_DB_HOST', 'PGPORT=$DYNAMIC_DB_PORT', 'PGPASSWORD="$AGENT_DB_PASSWORD"'],
      container,
    ],
    'a second database for tests': [
      packageOf('pg'),
      [anyUrl, 'TEST_DATABASE_URL="$AGENT_TEST_DATABASE_URL"'],
      { ...container, hasTest: true },
    ],
    'a second database for tests, by the name that it has': [
      withEnv('pg', `DATABASE_URL=${shopUrl}\nDATABASE_URL_TEST=${shopUrl}_test\n`),
      [anyUrl, 'DATABASE_URL_TEST="$AGENT_TEST_DATABASE_URL"'],
      { ...server, hasTest: true },
    ],
  }

for (const [name, [files, lines, own]] of Object.entries(postgresStacks)) {
  test(`the first template on PostgreSQL for ${name}`, async (t) => {
    const root = createSandbox(t).repository('repo', files)
    const facts = { ...(await detectRepository(root)), lines: [] }
    const text = renderFirstTemplate({ ...answers, database: own }, facts)
    const written = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    assert.deepEqual(written, ['PORT=$AGENT_DYNAMIC_PORT', ...lines])
    assert.deepEqual(renderTemplate(text, postgresVariables).warnings, [])
    assert.doesNotMatch(text, /secret/)
  })
}

const postgresVariables = {
  AGENT_DYNAMIC_PORT: '20410',
  AGENT_DATABASE_URL: 'postgresql://a:b@127.0.0.1:5432/x',
  AGENT_TEST_DATABASE_URL: 'postgresql://a:b@127.0.0.1:5432/x_test',
  AGENT_DB_HOST: '127.0.0.1',
  DYNAMIC_DB_PORT: '5432',
  AGENT_DB_NAME: 'x',
  AGENT_DB_USER: 'a',
  AGENT_DB_PASSWORD: 'b',
}

const variables = {
  AGENT_DYNAMIC_PORT: '20410',
  AGENT_DATABASE_URL: 'file:/a b/dev.db',
  AGENT_SQLITE_PATH: '/a b/dev.db',
}

function packageOf(name: string): Record<string, string> {
  return { 'package.json': JSON.stringify({ name: 'sample', dependencies: { [name]: '*' } }) }
}
