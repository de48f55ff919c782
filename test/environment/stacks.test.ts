/** What shells of a worktree do not get, since a build or a test run would take it for its own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { keptFromShells, withoutTestModes } from '../../lib/environment/stacks.ts'
import { renderTemplate } from '../../lib/env-text/template.ts'
import { createThroughHook, runHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'

const gemfile = 'source "https://rubygems.org"\ngem "rails"\ngem "dotenv-rails"\n'
const databaseYml = 'development:\n  database: shop\ntest:\n  database: shop_test\n'
const template =
  'PORT=$AGENT_DYNAMIC_PORT\nDATABASE_URL="$AGENT_DATABASE_URL"\nNODE_ENV="test"\nRAILS_ENV=development\n'

test('builds are no test builds, and tests of Rails keep their database, while development has the worktree’s', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('shop', {
    Gemfile: gemfile,
    'config/database.yml': databaseYml,
    '.env.agent.template': template,
    '.gitignore': '.env.local\n',
    'agent-isolate.json': JSON.stringify({ setup: ['echo "${DATABASE_URL-none} ${NODE_ENV-none}" >said'] }),
  })
  sandbox.cli(repository, 'trust')
  const worktree = await createThroughHook(sandbox, repository, 'one')
  const envFile = join(sandbox.folder, 'session.sh')
  const payload = { cwd: worktree, hook_event_name: 'SessionStart', source: 'startup' }
  const { stdout } = await runHook(sandbox, 'session-start', payload, { env: { CLAUDE_ENV_FILE: envFile } })
  const say = 'echo "${DATABASE_URL-none} ${NODE_ENV-none} ${RAILS_ENV-none} ${PORT:+port}"'
  const script = `. "${envFile}"; ${say}`
  const env = { ...sandbox.env, PWD: worktree }
  assert.equal(execFileSync('bash', ['-c', script], { cwd: worktree, env, encoding: 'utf8' }), 'none none none port\n')
  assert.equal(sandbox.cli(worktree, 'exec', '--', 'sh', '-c', say), 'none none none port')
  assert.equal(readFileSync(join(worktree, 'said'), 'utf8'), 'none none\n')
  const file = readFileSync(join(worktree, '.env.local'), 'utf8')
  assert.match(file, /^DATABASE_URL=.*\/dev\.db/m)
  assert.doesNotMatch(file, /^NODE_ENV/m)
  assert.match(stdout, /DATABASE_URL is in \.env\.local alone, for development/)
})

const keys = 'DATABASE_URL=$X\nDB_DATABASE=x\nPORT=1\nREDIS_URL=x'
const laravel = { artisan: '', 'composer.json': '{"require": {"laravel/framework": "^12.0"}}' }
const phpunit = '<php><env name="DB_DATABASE" value=":memory:"/><!-- <env name="PORT" value="1"/> --></php>'

const rows: readonly [title: string, files: Record<string, string>, file: string, sqlite: string[], kept: string[]][] =
  [
    [
      'Rails that reads no env file',
      { Gemfile: 'gem "rails"', 'config/database.yml': databaseYml },
      '.env.local',
      [],
      [],
    ],
    ['Rails with dotenv', { Gemfile: gemfile, 'config/database.yml': databaseYml }, '.env.local', [], ['DATABASE_URL']],
    [
      'Rails with dotenv, whose tests read .env too',
      { Gemfile: gemfile, 'config/database.yml': databaseYml },
      '.env',
      [],
      [],
    ],
    [
      'Rails whose tests have a URL of their own',
      { Gemfile: gemfile, 'config/database.yml': `${databaseYml}\n  url: <%= ENV["TEST_DATABASE_URL"] %>\n` },
      '.env.local',
      [],
      [],
    ],
    [
      'Rails with the worktree’s file where database.yml says',
      {
        Gemfile: 'gem "rails"',
        'config/database.yml': 'development:\n  database: storage/dev.sqlite3\ntest:\n  # url: x\n',
      },
      '.env.local',
      ['storage/dev.sqlite3'],
      ['DATABASE_URL'],
    ],
    ['Laravel with phpunit.xml', { ...laravel, 'phpunit.xml': phpunit }, '.env', [], ['DB_DATABASE']],
    [
      'Laravel with a forced value',
      { ...laravel, 'phpunit.xml': phpunit.replace('/>', ' force="true"/>') },
      '.env',
      [],
      [],
    ],
    ['Laravel with .env.testing', { ...laravel, '.env.testing': 'DB_DATABASE=test' }, '.env', [], ['DB_DATABASE']],
    ['any with .env.test', { '.env.test': 'DATABASE_URL=x\nPORT=1' }, '.env', [], ['DATABASE_URL']],
    ['any with .env.test and a file that not all read', { '.env.test': 'DATABASE_URL=x' }, '.env.local', [], []],
    ['nothing known', {}, '.env', [], []],
  ]

for (const [title, files, file, sqlite, kept] of rows) {
  test(`kept from shells, ${title}: ${kept.join(', ') || 'nothing'}`, () => {
    const { entries } = renderTemplate(keys, {})
    const found = keptFromShells(entries, { file, sqlite, read: (path) => files[path] })
    assert.deepEqual(
      found.map(({ key }) => key),
      kept,
    )
  })
}

test('a test mode of the template stays where the main checkout has it so, and lines keep their numbers', () => {
  const lines = 'A=1\nNODE_ENV="test"\nAPP_ENV=testing\nNODE_ENV=production\n'
  assert.equal(withoutTestModes(lines, 'NODE_ENV=test\nAPP_ENV=testing\n'), lines)
  assert.deepEqual(withoutTestModes(lines, 'NODE_ENV=development\n').split('\n'), [
    'A=1',
    '# Left out, as it would hold for every command: NODE_ENV="test"',
    '# Left out, as it would hold for every command: APP_ENV=testing',
    'NODE_ENV=production',
    '',
  ])
})
