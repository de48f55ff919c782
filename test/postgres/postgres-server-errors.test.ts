import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { delimiter, dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connectPostgres } from '../../lib/database/postgres/client/connection.ts'
import { parseDatabaseUrl, targetOf } from '../../lib/database/postgres/client/database-url.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { findFreePort, noPostgres, shareServer, startServer } from '../support/postgres.ts'
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
  type ServerRepository,
} from '../support/postgres-repository.ts'
import { loadLeases, snapshotState } from '../support/state.ts'

const skip = noPostgres()
const server = shareServer()

function urlAs(user: string, password: string): string {
  return server()
    .url('shop')
    .replace(/\/\/[^@]*/, () => `//${user}:${password}`)
}

/** A role of the test's own. */
function createRole(t: TestContext, name: string, attributes: string): void {
  server().psql('postgres', `CREATE ROLE ${name} LOGIN PASSWORD 'secret-${name}' ${attributes}`)
  t.after(() => server().psql('postgres', `DROP ROLE ${name}`))
}

/** A folder with git alone in it, for a PATH without the programs of PostgreSQL. */
function gitAlone({ sandbox }: ServerRepository): NodeJS.ProcessEnv {
  const folder = join(sandbox.folder, 'bin')
  mkdirSync(folder, { recursive: true })
  const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  if (!existsSync(join(folder, 'git'))) symlinkSync(git, join(folder, 'git'))
  return { PATH: folder }
}

/** A creation that fails, says why, and leaves everything as it was. */
async function assertRefused(
  repository: ServerRepository,
  wanted: readonly RegExp[],
  { env = {}, password = server().password }: { env?: NodeJS.ProcessEnv; password?: string } = {},
): Promise<void> {
  const { sandbox, root } = repository
  const before = { server: snapshotServer(repository.server), state: snapshotState(sandbox, root) }
  const { code, stdout, stderr } = await runCreate(repository, 'refused', env)
  assert.deepEqual([code, stdout], [1, ''], stderr)
  assertClear(stderr, { password }, ...wanted)
  await untilQuiet(repository.server)
  assert.deepEqual(snapshotServer(repository.server), before.server)
  assert.deepEqual(snapshotState(sandbox, root), { ...before.state, leases: [], locks: [], temporary: [] })
}

test('what the server refuses is said with the next step, and leaves nothing', { skip }, async (t) => {
  createSource(t, server())
  createRole(t, 'poor', 'NOCREATEDB')
  const urls: readonly [url: string, password: string, wanted: readonly RegExp[]][] = [
    [
      urlAs('poor', 'secret-poor'),
      'secret-poor',
      [/permission denied to create database/, /ALTER ROLE "poor" CREATEDB/],
    ],
    [
      urlAs('owner', 'wrong-one'),
      'wrong-one',
      [/password authentication failed for user "owner"/, /Fix the user and password/],
    ],
    [
      server().url('absent'),
      server().password,
      [/there is no database "absent" on 127\.0\.0\.1:\d+ to copy/, /"database\.template"/],
    ],
    ['mysql://root:secret-mysql@localhost/shop', 'secret-mysql', [/not one of PostgreSQL/, /postgresql:\/\/user/]],
    ['', server().password, [/\$SHOP_URL, which is set nowhere/, /\.env\.local/]],
  ]
  const repository = createServerRepository(t, server())
  for (const [url, password, wanted] of urls) {
    configureUrl(repository, url)
    await assertRefused(repository, wanted, { password })
  }
  const templateless = createServerRepository(t, server(), { name: 'one', database: { template: 'absent' } })
  await assertRefused(templateless, [/there is no database "absent"/, /"database\.template"/])
  const homeless = createServerRepository(t, server(), { name: 'two', database: { maintenance: 'absent' } })
  await assertRefused(homeless, [/database "absent" does not exist/, /"database\.maintenance"/])
})

test('a server that is not there, or does not answer, is named', { skip }, async (t) => {
  const port = await findFreePort()
  const url = `postgres://me:secret@127.0.0.1:${port}/shop`
  const repository = createServerRepository(t, server(), { url })
  await assertRefused(repository, [new RegExp(`127\\.0\\.0\\.1:${port} cannot be reached`), /Is it running/], {
    password: 'secret',
  })
  configureUrl(repository, `postgres://me:secret@%2Fnowhere:${port}/shop`)
  await assertRefused(repository, [/nowhere.* cannot be reached/, /Is it running/], { password: 'secret' })
  configureUrl(repository, 'postgres://me:secret@db.example.invalid/shop')
  await assertRefused(repository, [/db\.example\.invalid:5432 cannot be reached/], { password: 'secret' })
})

test('a server with no place left says so, and is asked again later', { skip }, async (t) => {
  const own = await startServer(t, {
    conf: ['max_connections = 5', 'superuser_reserved_connections = 0', 'max_wal_senders = 0'],
  })
  createSource(t, own)
  const repository = createServerRepository(t, own)
  const worktree = await createThroughHook(repository.sandbox, repository.root, 'one')
  const target = targetOf(parseDatabaseUrl(own.url('postgres')))
  const others = await Promise.all(
    Array.from({ length: 5 }, () => connectPostgres(target, { timeoutMs: 60_000, applicationName: 'developer' })),
  )
  const { code, stderr } = await runCreate(repository, 'two')
  assert.equal(code, 1)
  assertClear(stderr, own, /too many clients/, /max_connections/)
  const removal = await removeThroughHook(repository.sandbox, worktree)
  assert.equal(removal.code, 0)
  assertClear(removal.stderr, own, /left for later: .*too many clients.*: agent-isolate gc/)
  for (const other of others) await other.close()
  repository.sandbox.cli(repository.root, 'gc')
  assert.deepEqual(listOurs(own), [])
  assert.deepEqual(loadLeases(repository.sandbox), [])
})

test(
  'a source in use cannot be copied without pg_dump, nor where the role may not read all of it',
  { skip },
  async (t) => {
    createSource(t, server())
    createRole(t, 'half', 'CREATEDB')
    server().psql('shop', 'CREATE TABLE zebra(); GRANT SELECT ON item TO half')
    const session = await connectPostgres(targetOf(parseDatabaseUrl(server().url('shop'))), {
      timeoutMs: 60_000,
      applicationName: 'developer',
    })
    t.after(() => session.close())
    const repository = createServerRepository(t, server())
    const env = gitAlone(repository)
    await assertRefused(
      repository,
      [/"shop" on .* could not be copied: .*there is no pg_dump on PATH/, /postgresql-client/],
      { env },
    )
    const poor = createServerRepository(t, server(), { name: 'poor', url: urlAs('half', 'secret-half') })
    await assertRefused(poor, [/permission denied for table zebra/, /Let the role read all of it/], {
      password: 'secret-half',
    })

    await session.query('BEGIN')
    await session.query('SELECT 1')
    await session.close()
    await untilQuiet(server())
    const { code, stderr } = await runCreate(repository, 'idle', env)
    assert.equal(code, 0, stderr)
  },
)

test('a restore that gives up ends the dump that feeds it', { skip }, async (t) => {
  createSource(t, server())
  server().psql('shop', 'CREATE TABLE much AS SELECT repeat(md5(i::text), 20) AS text FROM generate_series(1, 10000) i')
  const session = await connectPostgres(targetOf(parseDatabaseUrl(server().url('shop'))), {
    timeoutMs: 60_000,
    applicationName: 'developer',
  })
  t.after(() => session.close())
  const repository = createServerRepository(t, server())
  const program = repository.sandbox.write('programs/pg_restore', '#!/bin/sh\necho "error: no more" >&2\nexit 1\n')
  chmodSync(program, 0o755)
  const env = { PATH: [dirname(program), repository.sandbox.env['PATH']].join(delimiter) }
  await assertRefused(repository, [/could not be copied: error: no more/], { env })
})

test('a standby is told from a server that can be used', { skip }, async (t) => {
  createSource(t, server())
  createRole(t, 'careful', 'CREATEDB')
  server().psql('postgres', 'ALTER ROLE careful SET default_transaction_read_only = on')
  const repository = createServerRepository(t, server(), { url: urlAs('careful', 'secret-careful') })
  await assertRefused(repository, [/read-only transaction/, /name the primary server, or another role/], {
    password: 'secret-careful',
  })
})

test("a database that is a worktree's own is not taken for the source", { skip }, async (t) => {
  createSource(t, server())
  const repository = createServerRepository(t, server())
  const worktree = await createThroughHook(repository.sandbox, repository.root, 'one')
  configureUrl(repository, server().url(databaseOf(worktree)))
  const { code, stderr } = await runCreate(repository, 'two')
  assert.equal(code, 1)
  assertClear(stderr, server(), /is a worktree's own database/, /a variable of another name/)
})

test(
  'a server that is killed in the middle of a creation, or of a copy, leaves what gc releases',
  { skip },
  async (t) => {
    const own = await startServer(t)
    createSource(t, own)
    own.psql('shop', 'CREATE TABLE much AS SELECT repeat(md5(i::text), 20) AS text FROM generate_series(1, 60000) i')
    const repository = createServerRepository(t, own, { database: { test: true } })
    const { sandbox, root } = repository
    const session = await connectPostgres(targetOf(parseDatabaseUrl(own.url('shop'))), {
      timeoutMs: 60_000,
      applicationName: 'developer',
    })
    session.query('SELECT pg_sleep(60)').catch(() => undefined)
    for (const wanted of [/pg_restore|COPY/, /CREATE DATABASE "agent_shop_one_/]) {
      let hasEnded = false
      const creation = runCreate(repository, 'one').finally(() => (hasEnded = true))
      const watcher = await connectPostgres(targetOf(parseDatabaseUrl(own.url('postgres'))), {
        timeoutMs: 60_000,
        applicationName: 'developer',
      })
      for (;;) {
        assert.ok(!hasEnded, 'it has come to its end')
        const active = await watcher.query(
          "SELECT application_name || ' ' || query AS text FROM pg_stat_activity WHERE state = 'active' AND application_name <> 'developer'",
        )
        if (active.some(({ text }) => wanted.test(text ?? ''))) break
      }
      process.kill(own.pid(), 'SIGKILL')
      const { code, stderr } = await creation
      assert.equal(code, 1, stderr)
      assertClear(stderr, own, /cannot be reached|refuses|could not be copied/)
      await watcher.close()
      await own.stop()
      await own.start()
      const gc = await runProgram(repository, root, ['gc'])
      assert.equal(gc.code, 0, gc.stderr)
      assert.deepEqual(listOurs(own), [])
      assert.deepEqual(loadLeases(sandbox), [])
    }
    await session.close()
    const worktree = await createThroughHook(sandbox, root, 'one')
    assert.equal(own.psql(databaseOf(worktree), 'SELECT count(*) FROM much'), '60000')
  },
)

test('a repository that is not trusted gets no database, and no server hears of it', { skip }, async (t) => {
  let connections = 0
  const listener = createServer((socket) => {
    connections += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => listener.close())
  const address = listener.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const repository = createServerRepository(t, server(), {
    url: `postgres://me:secret@127.0.0.1:${port}/shop`,
    isTrusted: false,
  })
  const { code, stdout, stderr } = await runCreate(repository, 'one')
  assert.equal(code, 0, stderr)
  assertClear(stderr, { password: 'secret' }, /warning: no database was made.*not trusted.*agent-isolate trust/)
  const worktree = stdout.trim()
  for (const args of [['setup'], ['list'], ['gc'], ['exec', '--', 'true']]) {
    assert.equal((await runProgram(repository, worktree, args)).code, 0)
  }
  const reset = await runProgram(repository, worktree, ['db', 'reset'])
  assert.equal(reset.code, 1)
  assert.equal((await removeThroughHook(repository.sandbox, worktree)).code, 0)
  assert.equal(connections, 0)
})
