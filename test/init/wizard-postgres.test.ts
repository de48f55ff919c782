/** `init` in a project on PostgreSQL: what it offers, what it takes by itself, and what it writes. Docker is a script here. */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { snapshotFolder } from '../support/snapshot-folder.ts'
import { requireTmux, startTerminal, type Terminal } from '../support/terminal.ts'

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')
const migrate = 'npx prisma migrate deploy'
const secretUrl = 'postgresql://me:secret@localhost:5432/shop'

const isThere = 'echo 27.1.0'
const isDown = 'echo "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?" >&2; exit 1'

/** A project on Prisma with migrations and a compose file, and a docker that does what the script says. */
function createShop(t: TestContext, docker: string): { sandbox: Sandbox; root: string; env: { PATH: string } } {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('home/shop', {
    'package.json': '{"dependencies": {"@prisma/client": "7"}}',
    'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n',
    'prisma/migrations/1_first/migration.sql': '',
    'compose.yaml': 'services:\n  db:\n    image: postgis/postgis:17-3.5\n    ports: ["5432:5432"]\n',
    '.gitignore': '.env\n',
  })
  sandbox.write('home/shop/.env', `DATABASE_URL=${secretUrl}\n`)
  const fake = sandbox.write('programs/docker', `#!/bin/sh\n${docker}\n`)
  chmodSync(fake, 0o755)
  return { sandbox, root, env: { PATH: `${dirname(fake)}${delimiter}${process.env['PATH']}` } }
}

function readConfig(root: string): { database: unknown; setup?: unknown } {
  return JSON.parse(readFileSync(join(root, 'agent-isolate.json'), 'utf8'))
}

test('--yes takes one container for the repository where docker answers, and says what will run', async (t) => {
  const { sandbox, root, env } = createShop(t, isThere)
  const before = snapshotFolder(root)
  const { code, stdout } = await runCli(sandbox, root, ['init', '--yes'], env)
  assert.equal(code, 0)
  assert.match(stdout, new RegExp(`\n  set-up: ${migrate}\n  database container: postgis/postgis:17-3\\.5\n`))
  const { database, setup } = readConfig(root)
  assert.deepEqual(database, { provider: 'postgres-docker', isolation: 'database', image: 'postgis/postgis:17-3.5' })
  assert.deepEqual(setup, [migrate])
  assert.match(readFileSync(join(root, '.env.agent.template'), 'utf8'), /^DATABASE_URL="\$AGENT_DATABASE_URL"$/m)
  const again = await runCli(sandbox, root, ['init', '--yes'], { PATH: env.PATH })
  assert.match(again.stdout, /^nothing to change/)
  await runCli(sandbox, root, ['uninstall', '--yes'], env)
  assert.deepEqual(snapshotFolder(root), before)
})

test('--yes leaves the database alone where docker does not answer, and says how to change that', async (t) => {
  const { sandbox, root, env } = createShop(t, isDown)
  const { code, stdout } = await runCli(sandbox, root, ['init', '--yes'], env)
  assert.equal(code, 0)
  assert.deepEqual(readConfig(root), {
    $schema: 'https://unpkg.com/agent-isolate/agent-isolate.schema.json',
    database: { provider: 'none' },
    compose: { ports: { db: 5432 } },
    ports: { remap: { 5432: 'db' } },
    environment: { file: '.env' },
  })
  assert.match(stdout, /docker compose up -d db starts a PostgreSQL of its own/)
  assert.match(stdout, /\n {2}npx agent-isolate init --database postgres-docker\n/)
})

test('options choose a server by the name of a variable, and migrations come along; no password is written', async (t) => {
  const { sandbox, root, env } = createShop(t, isDown)
  const options = ['--database', 'postgres-server', '--test-database', 'yes']
  assert.equal((await runCli(sandbox, root, ['init', '--yes', ...options], env)).code, 0)
  const { database, setup } = readConfig(root)
  assert.deepEqual(database, { provider: 'postgres-server', url: '$DATABASE_URL', test: true })
  assert.deepEqual(setup, [migrate])
  for (const text of Object.values(snapshotFolder(join(root, '.claude')))) assert.doesNotMatch(text, /me:secret/)
  const template = readFileSync(join(root, '.env.agent.template'), 'utf8')
  assert.match(template, /^TEST_DATABASE_URL="\$AGENT_TEST_DATABASE_URL"$/m)
  const other = await runCli(sandbox, root, ['init', '--yes', '--url-variable', 'SHOP_URL'], env)
  assert.equal(other.code, 0)
  assert.deepEqual(readConfig(root).database, { provider: 'postgres-server', url: '$SHOP_URL', test: true })
})

test('a server without a known variable, and a URL for one, are refused with nothing changed', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo')
  const before = snapshotFolder(root)
  const unknown = await runCli(sandbox, root, ['init', '--yes', '--database', 'postgres-server'])
  assert.equal(unknown.code, 1)
  assert.match(
    unknown.stderr,
    /no variable is known that holds the URL of a PostgreSQL server\n {2}Name it: --url-variable/,
  )
  const url = await runCli(sandbox, root, ['init', '--yes', '--url-variable', secretUrl])
  assert.equal(url.code, 2)
  assert.match(url.stderr, /--url-variable must be the name of a variable/)
  assert.doesNotMatch(url.stderr, /secret/)
  assert.deepEqual(snapshotFolder(root), before)
})

const others = '--scope project --ports none --node-modules auto --exclude none'.split(' ')

test('the wizard offers PostgreSQL in its three ways, with what the repository has filled in', async (t) => {
  if (!requireTmux(t)) return
  const { sandbox, root, env } = createShop(t, isThere)
  const command = [process.execPath, program, 'init', ...others]
  const terminal = startTerminal(t, sandbox, { cwd: root, command, env })
  const screen = await reach(terminal, 'A database for each worktree?')
  assert.match(
    screen,
    /● PostgreSQL: one container here, a database in it for each \(docker answers\)\n│ {2}○ PostgreSQL: a container for each\n│ {2}○ PostgreSQL: a database for each, on a server that is there\n│ {2}○ a SQLite file of its own\n│ {2}○ none/,
  )
  terminal.press('Down', 'Enter')
  assert.match(await reach(terminal, 'Of which image?'), /│ {2}postgis\/postgis:17-3\.5/)
  terminal.press('C-u')
  terminal.type('postgres latest')
  terminal.press('Enter')
  await terminal.waitFor(/must be the name of a container image/)
  terminal.press('C-u')
  terminal.type('postgres:17')
  terminal.press('Enter')
  assert.match(await reach(terminal, 'Run in a new worktree?'), new RegExp(migrate))
  terminal.press('Enter')
  await reach(terminal, 'And then?')
  terminal.press('Enter')
  assert.match(await reach(terminal, 'Write these changes?'), /│ {4}database container: postgres:17/)
  terminal.press('Enter')
  await reach(terminal, 'Try it now?')
  terminal.press('Right', 'Enter')
  const { code, text } = await terminal.end()
  assert.equal(code, 0, text)
  assert.ok(text.split('\n').every((line) => line.length <= 80))
  assert.deepEqual(readConfig(root).database, { provider: 'postgres-docker', image: 'postgres:17' })
})

test('of a server the wizard asks for the name of its variable; migrations are suggested though docker is down', async (t) => {
  if (!requireTmux(t)) return
  const { sandbox, root, env } = createShop(t, isDown)
  const command = [process.execPath, program, 'init', ...others]
  const terminal = startTerminal(t, sandbox, { cwd: root, command, env })
  assert.match(await reach(terminal, 'A database for each worktree?'), /● none \(compose starts one: db\)/)
  terminal.press('Up', 'Up', 'Enter')
  assert.match(await reach(terminal, 'Which variable (in .env.local, .env)'), /│ {2}DATABASE_URL/)
  terminal.press('C-u')
  terminal.type(secretUrl)
  terminal.press('Enter')
  await terminal.waitFor(/must be the name of a variable/)
  terminal.press('C-u')
  terminal.type('SHOP_URL')
  terminal.press('Enter')
  assert.match(await reach(terminal, 'Run in a new worktree?'), new RegExp(migrate))
  terminal.press('Enter')
  await reach(terminal, 'And then?')
  terminal.press('Enter')
  await reach(terminal, 'Write these changes?')
  terminal.press('Enter')
  await reach(terminal, 'Try it now?')
  terminal.press('Right', 'Enter')
  const { code, text } = await terminal.end()
  assert.equal(code, 0, text)
  assert.deepEqual(readConfig(root).database, { provider: 'postgres-server', url: '$SHOP_URL' })
  assert.deepEqual(readConfig(root).setup, [migrate])
})

/** Waits until that question is the one that is asked: clack marks it with a filled diamond. */
function reach(terminal: Terminal, question: string): Promise<string> {
  return terminal.waitFor(new RegExp(`^[◆▲] {2}${question.replaceAll(/[?.()]/g, '\\$&')}`, 'm'))
}
