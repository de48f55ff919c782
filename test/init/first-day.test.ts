/** What `init --yes` decides where a machine lacks something: set-up that could not run is not written, and worktrees come all the same. */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { noPostgres, shareServer } from '../support/postgres.ts'
import { createSandbox } from '../support/sandbox.ts'

test('without Django, migrations and a compose program: no set-up that fails, a worktree, and its name when we go', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', {
    'manage.py': 'import django\n',
    'requirements.txt': 'django\n',
    'shop/settings.py': 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}\n',
    'package.json': '{"dependencies": {"drizzle-orm": "1", "better-sqlite3": "12"}}\n',
    'drizzle.config.ts': 'export default { dialect: "sqlite" }\n',
    'compose.yaml': 'services:\n  cache:\n    image: redis:7\n    ports: ["6379:6379"]\n',
    '.gitignore': '.venv\n',
  })
  const fake = sandbox.write('programs/docker', '#!/bin/sh\nexit 1\n')
  chmodSync(fake, 0o755)
  chmodSync(sandbox.write('programs/docker-compose', '#!/bin/sh\necho 1.29.2\n'), 0o755)
  const env = { PATH: `${dirname(fake)}${delimiter}${process.env['PATH']}` }
  const run = (...args: string[]) => runCli(sandbox, root, args, env)
  assert.equal((await run('init', '--yes')).code, 0)
  const readConfig = () => JSON.parse(readFileSync(join(root, 'agent-isolate.json'), 'utf8'))
  assert.deepEqual([readConfig().setup, readConfig().compose], [undefined, { ports: { cache: 6379 } }])

  const { code, stderr } = await run('create', 'one')
  assert.equal(code, 0, stderr)
  assert.match(stderr, /no ports of their own here: "compose\.ports" needs Docker Compose 2\.24\.4 or newer/)
  const { stdout } = await run('uninstall', '--yes')
  assert.match(stdout, /\n {2}npx agent-isolate remove one\n$/)
  assert.equal((await run('remove', 'one')).code, 0)

  sandbox.write('shop/.venv/lib/python3.13/site-packages/django/__init__.py', '')
  sandbox.write('shop/drizzle/meta/_journal.json', '{}')
  assert.equal((await run('init', '--yes')).code, 0)
  assert.deepEqual(readConfig().setup, ['npx drizzle-kit migrate', '.venv/bin/python manage.py migrate --noinput'])
})

test('--trial makes a worktree, takes out the command that fails, and leaves nothing', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop')
  const options = ['--setup', 'echo ready', '--setup', 'echo no such migration >&2; exit 3']
  const { code, stdout, stderr } = await runCli(sandbox, root, ['init', '--yes', '--trial', ...options])
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    /taken out of the set-up, as it fails: echo no such migration[^]*failed \(3\)[^]*no such migration/,
  )
  assert.match(stdout, /tried: a worktree was made, set up and removed/)
  const { setup } = JSON.parse(readFileSync(join(root, 'agent-isolate.json'), 'utf8'))
  assert.deepEqual(setup, ['echo ready'])
  assert.equal(sandbox.git(root, 'worktree', 'list').split('\n').length, 1)
  assert.equal(sandbox.git(root, 'branch', '--list'), '* main')
  assert.equal(sandbox.cli(root, 'list', '--json').includes('init-trial'), false)
})

const server = shareServer()

test('where no engine answers, the server of the URL is taken, and said why', { skip: noPostgres() }, async (t) => {
  const sandbox = createSandbox(t)
  const files = { 'package.json': '{"dependencies": {"pg": "8"}}\n', '.gitignore': '.env\n' }
  const root = sandbox.repository('shop', files)
  sandbox.write('shop/.env', `SHOP_URL=${server().url('postgres')}\n`)
  const env = { DOCKER_HOST: 'unix:///nowhere.sock' }
  assert.equal((await runCli(sandbox, root, ['init', '--yes'], env)).code, 0)
  const { database } = JSON.parse(readFileSync(join(root, 'agent-isolate.json'), 'utf8'))
  assert.deepEqual(database, { provider: 'postgres-server', url: '$SHOP_URL' })
  sandbox.write('shop/.env', 'SHOP_URL=postgresql://postgres@127.0.0.1:1/shop\n')
  await runCli(sandbox, root, ['uninstall', '--yes'], env)
  assert.equal((await runCli(sandbox, root, ['init', '--yes'], env)).code, 0)
  const config = JSON.parse(readFileSync(join(root, 'agent-isolate.json'), 'utf8'))
  assert.deepEqual(config.database, { provider: 'none' })
})
