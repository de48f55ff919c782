import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { noPostgres, shareServer, startServer } from '../support/postgres.ts'
import {
  assertClear,
  configureUrl,
  createServerRepository,
  createSource,
  databaseOf,
  listOurs,
  runCreate,
  runProgram,
  snapshotServer,
  untilQuiet,
  urlOf,
} from '../support/postgres-repository.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

const skip = noPostgres()
const server = shareServer()
const count = 'SELECT count(*) FROM item'

test(
  'a worktree has its databases in its environment, on the command line and in what the model is told',
  { skip },
  async (t) => {
    createSource(t, server())
    const repository = createServerRepository(t, server(), { database: { test: true } })
    const { sandbox, root } = repository
    const worktree = await createThroughHook(sandbox, root, 'one')
    const { block } = requireLeaseAt(sandbox, worktree)
    for (const file of [join(worktree, '.env.local'), join(sandbox.folder, `state/leases/${block}.json`)]) {
      assert.equal(statSync(file).mode & 0o777, 0o600, file)
    }
    assert.equal(sandbox.cli(root, 'db', 'url', '--name', 'one'), urlOf(worktree))
    assert.equal(sandbox.cli(worktree, 'db', 'url', '--test'), urlOf(worktree, 'TEST_DATABASE_URL'))
    assert.equal(sandbox.cli(worktree, 'exec', '--', 'printenv', 'DATABASE_URL'), urlOf(worktree))
    for (const [args, variable] of [
      [['db', 'psql'], 'DATABASE_URL'],
      [['db', 'psql', '--test'], 'TEST_DATABASE_URL'],
    ] as const) {
      const shell = await runProgram(repository, worktree, args, { input: 'SELECT current_database()' })
      assert.match(shell.stdout, new RegExp(databaseOf(worktree, variable)))
    }
    const payload = { cwd: worktree, hook_event_name: 'SessionStart', source: 'startup' }
    const session = await runHook(sandbox, 'session-start', payload)
    assert.equal(session.code, 0, session.stderr)
    for (const name of [databaseOf(worktree), databaseOf(worktree, 'TEST_DATABASE_URL')])
      assert.ok(session.stdout.includes(name))
    for (const text of [session.stdout, session.stderr, sandbox.cli(root, 'list')]) {
      assert.ok(!text.includes(server().password))
    }
  },
)

test(
  "a reset brings the source's content back into the one database, whoever is connected to it",
  { skip },
  async (t) => {
    createSource(t, server())
    const repository = createServerRepository(t, server(), { database: { test: true } })
    const { sandbox, root } = repository
    const worktree = await createThroughHook(sandbox, root, 'one')
    const [own, forTests] = [databaseOf(worktree), databaseOf(worktree, 'TEST_DATABASE_URL')]
    for (const name of [own, forTests]) server().psql(name, 'DELETE FROM item WHERE id = 1')
    const shell = runProgram(repository, worktree, ['db', 'psql', '--test'], { input: 'SELECT pg_sleep(300)' })
    while (server().psql('postgres', `SELECT count(*) FROM pg_stat_activity WHERE datname = '${forTests}'`) === '0');
    assert.equal(sandbox.cli(worktree, 'db', 'reset', '--test'), urlOf(worktree, 'TEST_DATABASE_URL'))
    assert.notEqual((await shell).code, 0)
    assert.equal(server().psql(forTests, count), '3')
    assert.equal(server().psql(own, count), '2')
    sandbox.cli(worktree, 'db', 'reset')
    assert.equal(server().psql(own, count), '3')

    server().psql('postgres', 'ALTER DATABASE shop RENAME TO moved')
    t.after(() => server().psql('postgres', 'DROP DATABASE IF EXISTS moved'))
    const failed = await runProgram(repository, worktree, ['db', 'reset'])
    assert.equal(failed.code, 1)
    assertClear(failed.stderr, server(), /there is no database "shop"/)
    assert.equal(server().psql(own, count), '3')
  },
)

test('a comment that a migration sets neither costs the data nor keeps the database', { skip }, async (t) => {
  createSource(t, server())
  const repository = createServerRepository(t, server())
  const { sandbox, root } = repository
  const worktree = await createThroughHook(sandbox, root, 'one')
  server().psql(
    databaseOf(worktree),
    `INSERT INTO item VALUES (4); COMMENT ON DATABASE "${databaseOf(worktree)}" IS 'a shop'`,
  )
  sandbox.cli(worktree, 'setup')
  assert.equal(server().psql(databaseOf(worktree), count), '4')
  assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
  assert.deepEqual(listOurs(server()), [])
})

test('a creation that fails behind its databases takes them back, and the template with them', { skip }, async (t) => {
  createSource(t, server())
  const repository = createServerRepository(t, server(), { config: { setup: ['exit 3'] }, database: { test: true } })
  const before = snapshotServer(server())
  const { code } = await runCreate(repository, 'one')
  assert.equal(code, 1)
  await untilQuiet(server())
  assert.deepEqual(snapshotServer(server()), before)
})

test('names of any kind and length give databases of at most 63 bytes that can be told apart', { skip }, async (t) => {
  const source = `Größe "x" 'y' 😀 %2F\\; --`
  createSource(t, server(), source)
  const long = `a${'-very'.repeat(19)}`
  const url = server().url(encodeURIComponent(source))
  const repository = createServerRepository(t, server(), {
    name: `My "Shop" Größe ${'x'.repeat(60)}'; \\`,
    url,
    database: { test: true },
  })
  const { sandbox, root } = repository
  const worktrees = await Promise.all(
    [`${long}-1`, `${long}-2`, '7', 'Feature/A.b_c-D'].map((name) => createThroughHook(sandbox, root, name)),
  )
  const names = worktrees.flatMap((worktree) => [databaseOf(worktree), databaseOf(worktree, 'TEST_DATABASE_URL')])
  assert.equal(new Set(names).size, 8)
  for (const name of names) {
    assert.match(name, /^agent_my_shop_gr_e_\w+_[0-9a-f]{10}(_test)?$/)
    assert.ok(Buffer.byteLength(name) <= 63, name)
    assert.equal(server().psql(name, count), '3')
  }
  for (const worktree of worktrees) assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
  assert.deepEqual(listOurs(server()), [])

  const longest = 'ü'.repeat(31) + 'x'
  createSource(t, server(), longest)
  configureUrl(repository, server().url(encodeURIComponent(longest)))
  assert.equal(server().psql(databaseOf(await createThroughHook(sandbox, root, 'one')), count), '3')
})

test(
  'a password of special characters, and a unix socket, lead to the database and are kept in its URL',
  { skip },
  async (t) => {
    createSource(t, server())
    const password = "p%/@:#?&= $x'ü"
    server().psql('postgres', `CREATE ROLE "odd one" LOGIN SUPERUSER PASSWORD '${password.replace("'", "''")}'`)
    t.after(() => server().psql('postgres', 'DROP ROLE "odd one"'))
    const { socketFolder, port } = server()
    const login = `${encodeURIComponent('odd one')}:${encodeURIComponent(password).replaceAll("'", '%27')}`
    const folder = encodeURIComponent(socketFolder)
    const repository = createServerRepository(t, server())
    const { sandbox, root } = repository
    for (const [name, url] of Object.entries({
      tcp: `postgresql://${login}@127.0.0.1:${port}/shop?application_name=shop`,
      host: `postgresql://${login}@${folder}:${port}/shop`,
      query: `postgresql://${login}@localhost:${port}/shop?host=${folder}`,
    })) {
      configureUrl(repository, url)
      const worktree = await createThroughHook(sandbox, root, name)
      const found = server().psql(
        'postgres',
        `SELECT datname FROM pg_database WHERE datname LIKE 'agent_shop_${name}_%'`,
      )
      assert.equal(urlOf(worktree).replace(found, 'shop'), url)
      const shell = await runProgram(repository, worktree, ['db', 'psql'], {
        input: 'SELECT current_user, count(*) FROM item',
      })
      assert.match(shell.stdout, /odd one +\| +3/)
    }
    for (const name of ['tcp', 'host', 'query']) sandbox.cli(root, 'remove', name)
    assert.deepEqual(listOurs(server()), [])
  },
)

test('a worktree goes while the server is down, and gc drops what it had when it is back', { skip }, async (t) => {
  const own = await startServer(t)
  createSource(t, own)
  const repository = createServerRepository(t, own, { database: { test: true } })
  const { sandbox, root } = repository
  const worktree = await createThroughHook(sandbox, root, 'one')
  const old = databaseOf(worktree)
  await own.stop()
  const removal = await removeThroughHook(sandbox, worktree)
  assert.equal(removal.code, 0, removal.stderr)
  assertClear(
    removal.stderr,
    own,
    new RegExp(`the database ${old} of one is left for later: .*cannot be reached.*agent-isolate gc`),
  )
  assert.ok(!existsSync(worktree))
  assert.equal(JSON.stringify(JSON.parse(sandbox.cli(root, 'list', '--json'))).includes('"ready"'), false)
  assert.equal((await runCreate(repository, 'one')).code, 1)
  const early = await runProgram(repository, root, ['gc'])
  assertClear(early.stderr, own, /left for later/)

  await own.start()
  const again = await createThroughHook(sandbox, root, 'one')
  assert.equal(again, worktree)
  assert.notEqual(databaseOf(again), old)
  assert.ok(listOurs(own).includes(old))
  sandbox.cli(root, 'gc')
  assert.deepEqual(
    listOurs(own).filter((name) => !name.startsWith('agent_template_')),
    [databaseOf(again), databaseOf(again, 'TEST_DATABASE_URL')],
  )
  assert.equal(own.psql(databaseOf(again), count), '3')
  assert.equal(loadLeases(sandbox).length, 1)
  sandbox.cli(root, 'remove', 'one')
  assert.deepEqual(listOurs(own), [])
})

test('a password that was changed keeps no worktree, and setup brings the new one in', { skip }, async (t) => {
  createSource(t, server())
  server().psql('postgres', "CREATE ROLE dev LOGIN SUPERUSER PASSWORD 'old-secret'")
  t.after(() => server().psql('postgres', 'DROP ROLE dev'))
  const url = (password: string): string =>
    server()
      .url('shop')
      .replace(/\/\/[^@]*/, `//dev:${password}`)
  const repository = createServerRepository(t, server(), { url: url('old-secret') })
  const { sandbox, root } = repository
  const [kept, gone] = [await createThroughHook(sandbox, root, 'kept'), await createThroughHook(sandbox, root, 'gone')]
  server().psql('postgres', "ALTER ROLE dev PASSWORD 'new-secret'")
  const removal = await removeThroughHook(sandbox, gone)
  assert.equal(removal.code, 0, removal.stderr)
  assertClear(removal.stderr, { password: 'old-secret' }, /left for later: .*password authentication failed/)
  assert.ok(!existsSync(gone))

  configureUrl(repository, url('new-secret'))
  sandbox.cli(kept, 'setup')
  assert.ok(urlOf(kept).includes('new-secret'))
  sandbox.cli(root, 'remove', 'kept')
  server().psql('postgres', "ALTER ROLE dev PASSWORD 'old-secret'")
  sandbox.cli(root, 'gc')
  assert.deepEqual(listOurs(server()), [])
  assert.deepEqual(loadLeases(sandbox), [])
})
