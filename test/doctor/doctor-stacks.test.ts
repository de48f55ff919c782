/** What the doctor says of tools that stand between a worktree's environment and the program that is to have it. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Check, Finding } from '../../doctor/check.ts'
import { runnersCheck } from '../../doctor/check-runners.ts'
import { shellToolsCheck } from '../../doctor/check-shell-tools.ts'
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

const turbo = (more: object): Files => ({
  'turbo.json': JSON.stringify({ tasks: { dev: { persistent: true } }, ...more }),
})
const turboLine = 'in turbo.json: "globalPassThroughEnv": ["PORT", "DATABASE_URL"]'

table('runners', runnersCheck, [
  ['none', { 'package.json': '{}' }, []],
  [
    'Turborepo, strict by default',
    { ...turbo({}), '.env.agent.template': `${template}VITE_API=x\nNODE_ENV=test\n` },
    [['runners.turborepo', 'error', turboLine]],
  ],
  [
    'Turborepo that passes on one, with comments',
    { 'turbo.jsonc': '{ // ours\n "globalPassThroughEnv": ["PORT"], "tasks": { "dev": {} }, }' },
    [['runners.turborepo', 'error', 'in turbo.jsonc: "globalPassThroughEnv": ["PORT", "DATABASE_URL"]']],
  ],
  ['Turborepo that passes on all', turbo({ globalPassThroughEnv: ['PORT'], globalEnv: ['DATABASE_*'] }), []],
  [
    'Turborepo that takes one back',
    turbo({ globalEnv: ['*', '!PORT'] }),
    [['runners.turborepo', 'error', 'in turbo.json: "globalPassThroughEnv": ["PORT"]']],
  ],
  ['Turborepo, loose', turbo({ envMode: 'loose' }), []],
  [
    'Turborepo, loose in its scripts',
    { ...turbo({}), 'package.json': '{"scripts":{"dev":"turbo dev --env-mode=loose"}}' },
    [],
  ],
  ['Turborepo before 2', { 'turbo.json': '{"pipeline":{"dev":{}}}' }, []],
  [
    'Turborepo, task by task, one of them in its package',
    {
      ...turbo({ tasks: { build: {}, 'web#dev': { passThroughEnv: ['PORT', 'DATABASE_URL'] }, test: {} } }),
      'apps/api/turbo.json': '{"extends":["//"],"tasks":{"test":{"env":["DATABASE_URL","PORT"]}}}',
    },
    [],
  ],
  [
    'tox',
    { 'tox.ini': '[tox]\nenv_list = py\n[testenv]\npass_env =\n    CI\n    port\n' },
    [['runners.tox', 'error', 'in tox.ini: below [testenv]: pass_env =\n    DATABASE_URL']],
  ],
  ['tox that passes on all', { 'tox.ini': '[testenv]\npassenv = *\n' }, []],
  [
    'tox in pyproject.toml',
    { 'pyproject.toml': '[tool.tox.env_run_base]\npass_env = ["DATABASE_*"]\n' },
    [['runners.tox', 'error', 'in pyproject.toml: below [tool.tox.env_run_base]: pass_env = ["PORT"]']],
  ],
  ['a pyproject.toml without tox', { 'pyproject.toml': '[project]\nname = "x"\n' }, []],
  [
    'nox',
    { 'noxfile.py': 'def tests(session):\n    session.run("pytest", include_outer_env=False)\n' },
    [['runners.nox', 'error', 'in noxfile.py: take include_outer_env=False out']],
  ],
  ['Bazel', { 'MODULE.bazel': '' }, [['runners.bazel', 'warning', 'in .bazelrc: test --test_env=DATABASE_URL']]],
  ['Bazel that passes it to all actions', { 'MODULE.bazel': '', '.bazelrc': 'build --action_env=DATABASE_URL\n' }, []],
  ['Bazel that passes it on', { 'MODULE.bazel': '', '.bazelrc': 'test --test_env=DATABASE_URL\n' }, []],
])

const envrc = 'if has agent-isolate; then eval "$(agent-isolate env 2>/dev/null)"; fi'
const allow = 'and in each worktree, once: direnv allow'

table('direnv and mise', shellToolsCheck, [
  ['an .envrc that sets nothing of the template', { '.envrc': 'export EDITOR=vi\nlayout node\n' }, []],
  [
    'an .envrc with a value of main',
    { '.envrc': '# export DATABASE_URL=x\nexport PORT=3000\n' },
    [['shell-tools.direnv', 'warning', `last in it: ${envrc}\n${allow}`]],
  ],
  ['the same with the line', { '.envrc': `export PORT=3000\n${envrc}\n` }, []],
  [
    'an .envrc that reads the worktree’s own env file',
    { '.envrc': 'dotenv .env.local\n', '.env.local': 'PORT=3000\n' },
    [],
  ],
  [
    'an .envrc that reads another',
    { '.envrc': 'dotenv_if_exists\n', '.env': 'PORT=3000\n' },
    [['shell-tools.direnv', 'warning', `last in it: ${envrc}\n${allow}`]],
  ],
  [
    'mise',
    { 'mise.toml': '[tools]\nnode = "24"\n\n[env]\nDATABASE_URL = "postgres://localhost/shop"\nX = 1\n' },
    [['shell-tools.mise', 'warning', 'below [env], in place of DATABASE_URL: _.file = ".env.local"']],
  ],
  [
    'mise for one person',
    { 'mise.local.toml': '[env]\nPORT = 3000\n' },
    [['shell-tools.mise', 'warning', 'take PORT out of it, and in mise.toml, below [env]: _.file = ".env.local"']],
  ],
  ['mise with tools alone', { 'mise.toml': '[tools]\nPORT = "24"\n', '.tool-versions': 'node 24\n' }, []],
])

test('an .envrc that git does not have is above every worktree, as is one in a folder above', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('home/code/repo', { '.env.agent.template': template, '.gitignore': '.envrc\n' })
  const fixes = async (): Promise<(string | undefined)[]> =>
    (await shellToolsCheck.run(await loadContext(root, sandbox.env, reporter))).map(
      ({ fix, file }) => fix && `${file}: ${fix}`,
    )
  sandbox.write('home/.envrc', 'export PORT=1\n')
  assert.deepEqual(await fixes(), [undefined], 'the home folder’s is no matter of the repository')
  const above = sandbox.write('home/code/.envrc', 'export PORT=3000\n')
  const carried = 'in agent-isolate.json: "copy": [".envrc"]'
  assert.deepEqual(await fixes(), [`${above}: last in .envrc: source_up\n${envrc}\n${carried}\n${allow}`])
  sandbox.write('home/code/repo/.envrc', 'export PORT=3000\n')
  assert.deepEqual(await fixes(), [`.envrc: last in it: ${envrc}\n${carried}\n${allow}`])
  sandbox.write('home/code/repo/.envrc', `export PORT=3000\n${envrc}\n`)
  sandbox.write('home/code/repo/agent-isolate.json', '{"copy": [".envrc"]}')
  assert.deepEqual(await fixes(), [undefined])
})
