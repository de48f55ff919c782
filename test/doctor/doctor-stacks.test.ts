/** What the doctor says of tools that stand between a worktree's environment and the program that is to have it. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Check, Finding } from '../../doctor/check.ts'
import { stacksCheck } from '../../doctor/check-stacks.ts'
import { loadContext } from '../../doctor/load-context.ts'
import { createSandbox } from '../support/sandbox.ts'

const reporter = { info: () => {}, warn: () => {}, progress: () => {} }
const template = 'PORT=$AGENT_DYNAMIC_PORT\nDATABASE_URL="$AGENT_DATABASE_URL"\n'

type Files = Record<string, string>

async function findFaults(t: TestContext, check: Check, files: Files): Promise<Finding[]> {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { '.env.agent.template': template, ...files })
  const found = await check.run(await loadContext(root, sandbox.env, reporter))
  return found.filter(({ severity }) => severity !== 'ok')
}

/** `id`, `severity` and the first line to write, or each of several. */
type Row = readonly [title: string, files: Files, faults: readonly (readonly [string, Finding['severity'], string])[]]

function table(name: string, check: Check, rows: readonly Row[]): void {
  for (const [title, files, faults] of rows) {
    test(`${name}: ${title}`, async (t) => {
      const found = await findFaults(t, check, files)
      assert.deepEqual(
        found.map(({ id, severity, fix }) => [id, severity, fix]),
        faults,
      )
    })
  }
}

const rails = {
  Gemfile: 'gem "rails"\n',
  'config/database.yml': 'development:\n  database: shop\ntest:\n  database: shop_test\n',
}
const server = (more: object = {}): string =>
  JSON.stringify({ database: { provider: 'postgres-server', url: '$SHOP_URL', ...more } })
const ownTest = 'in agent-isolate.json, in "database": "test": true'
const testLine = 'in .env.agent.template: TEST_DATABASE_URL="$AGENT_TEST_DATABASE_URL"'

table('builds and tests', stacksCheck, [
  ['nothing known', {}, []],
  [
    'a mode in the template',
    { '.env.agent.template': `${template}NODE_ENV="test"\n` },
    [['stacks.mode', 'warning', 'take NODE_ENV out of .env.agent.template']],
  ],
  [
    'Rails on a server, with no env file that development reads',
    { ...rails, 'agent-isolate.json': server() },
    [
      [
        'stacks.tests',
        'error',
        `in config/database.yml, below test: url: <%= ENV["TEST_DATABASE_URL"] %>\n${ownTest}\n${testLine}`,
      ],
    ],
  ],
  [
    'the same once the lines are written',
    {
      Gemfile: rails.Gemfile,
      'config/database.yml': `${rails['config/database.yml']}  url: <%= ENV["TEST_DATABASE_URL"] %>\n`,
      '.env.agent.template': `${template}TEST_DATABASE_URL="$AGENT_TEST_DATABASE_URL"\n`,
      'agent-isolate.json': server({ test: true }),
    },
    [],
  ],
  [
    'Rails on a server, with dotenv-rails',
    { ...rails, Gemfile: 'gem "rails"\ngem "dotenv-rails"\n', 'agent-isolate.json': server({ test: true }) },
    [
      [
        'stacks.shared-test',
        'warning',
        'in agent-isolate.json: "environment": { "files": { ".env.test.local": { "DATABASE_URL": "$AGENT_TEST_DATABASE_URL" } } }',
      ],
    ],
  ],
  [
    'an .env.test that loses to the shell',
    { '.env.test': 'DATABASE_URL=postgres://localhost/test\nPORT=1\n', 'agent-isolate.json': server() },
    [['stacks.tests', 'warning', `start tests with DATABASE_URL="$TEST_DATABASE_URL"\n${ownTest}\n${testLine}`]],
  ],
  [
    'Laravel, whose env file is .env',
    {
      artisan: '',
      'composer.json': '{"require": {"laravel/framework": "^12.0"}}',
      'phpunit.xml': '<php><env name="DATABASE_URL" value=""/></php>',
    },
    [
      [
        'stacks.tests',
        'error',
        'in agent-isolate.json: "environment": { "file": ".env" }, which Laravel reads and which is not exported then',
      ],
    ],
  ],
  [
    'Phoenix',
    { 'config/test.exs': 'config :shop, Shop.Repo,\n  database: "shop_test#{System.get_env("MIX_TEST_PARTITION")}"\n' },
    [['stacks.shared-test', 'warning', 'in .env.agent.template: MIX_TEST_PARTITION=_$AGENT_SLUG']],
  ],
])
