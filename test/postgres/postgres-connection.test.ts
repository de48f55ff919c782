import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  connectPostgres,
  PostgresError,
  type Connection,
  type PostgresTarget,
} from '../../lib/database/postgres/client/connection.ts'
import { parseDatabaseUrl, renderDatabaseUrl, targetOf } from '../../lib/database/postgres/client/database-url.ts'
import { quoteIdentifier, quoteLiteral } from '../../lib/database/postgres/client/sql-quoting.ts'
import { noPostgres, postgresProgram, shareServer, startServer } from '../support/postgres.ts'
import { rejection, secret, targetAt } from '../support/postgres-login.ts'

const skip = noPostgres()
const shared = shareServer({
  hba: [
    'host all sends_cleartext all password',
    'host all sends_md5 all md5',
    'host all needs_nothing all trust',
    'host all is_rejected all reject',
  ],
})

async function logIn(
  t: TestContext,
  change: Partial<PostgresTarget> = {},
  queryTimeoutMs = 20_000,
): Promise<Connection> {
  const connection = await connectPostgres(targetAt(shared(), change), { timeoutMs: 60_000, queryTimeoutMs })
  t.after(() => connection.close())
  return connection
}

test(
  'a user logs in by each way that a server may ask for, with any password, and not with a wrong one',
  { skip },
  async (t) => {
    const admin = await logIn(t)
    for (const [user, encryption] of [
      ['sends_cleartext', 'scram-sha-256'],
      ['sends_md5', 'md5'],
      ['needs_nothing', 'scram-sha-256'],
      ['Sends, "scram"=', 'scram-sha-256'],
    ] as const) {
      await admin.query(`set password_encryption = ${quoteLiteral(encryption)}`)
      await admin.query(`create role ${quoteIdentifier(user)} login password ${quoteLiteral(secret)}`)
      const connection = await logIn(t, { user, password: secret })
      assert.deepEqual(await connection.query('select current_user as me'), [{ me: user }])
      if (user === 'needs_nothing') continue
      const wrong = await rejection(logIn(t, { user, password: `${secret}x` }))
      assert.ok(wrong instanceof PostgresError)
      assert.deepEqual([wrong.code, wrong.severity], ['28P01', 'FATAL'])
      const without = await rejection(logIn(t, { user, password: undefined }))
      assert.deepEqual([without.name, without.code], ['ConnectionError', 'EAUTH'])
    }
  },
)

test('a password that Unicode can write in two ways is the same password, as in libpq', { skip }, async (t) => {
  const admin = await logIn(t)
  await admin.query(`create role composed login password ${quoteLiteral('caf\u00e9 \u2168')}`)
  await logIn(t, { user: 'composed', password: 'cafe\u0301\u00a0IX' })
})

test('a login through the unix socket', { skip }, async (t) => {
  const connection = await logIn(t, { host: shared().socketFolder })
  assert.deepEqual(await connection.query('select inet_client_addr() as address'), [{ address: null }])
  const missing = await rejection(logIn(t, { host: join(shared().socketFolder, 'missing') }))
  assert.equal(missing.code, 'ENOENT')
})

test('what the server says to a login that fails', { skip }, async (t) => {
  const noDatabase = await rejection(logIn(t, { database: 'no such' }))
  assert.deepEqual([noDatabase.code, noDatabase.message], ['3D000', 'database "no such" does not exist'])
  assert.equal((await rejection(logIn(t, { user: 'is_rejected' }))).code, '28000')
})

test('a server that is starting up says so', { skip }, async (t) => {
  const server = await startServer(t, { conf: ['hot_standby = off'], files: { 'standby.signal': '' } })
  const error = await rejection(connectPostgres(targetAt(server), { timeoutMs: 60_000 }))
  assert.ok(error instanceof PostgresError)
  assert.equal(error.code, '57P03')
})

test('a URL that we render is read by psql and by us', { skip }, async (t) => {
  const admin = await logIn(t)
  await admin.query(`create role "u@/:" login password ${quoteLiteral(secret)}`)
  await admin.query('create database "d /?#"')
  for (const host of ['127.0.0.1', shared().socketFolder]) {
    const url = renderDatabaseUrl(targetAt(shared(), { host, user: 'u@/:', password: secret, database: 'd /?#' }))
    const answer = execFileSync(postgresProgram('psql'), ['-XAtc', 'select current_user, current_database()', url], {
      encoding: 'utf8',
    })
    assert.equal(answer, 'u@/:|d /?#\n')
    const connection = await connectPostgres(targetOf(parseDatabaseUrl(url)), { timeoutMs: 60_000 })
    assert.deepEqual(await connection.query('select current_database() as d'), [{ d: 'd /?#' }])
    await connection.close()
  }
})

test('rows come as text, null as null, whatever is in them', { skip }, async (t) => {
  const connection = await logIn(t)
  const text = 'Grüße, 世界 🐘 \\ \' " \n\t$1'
  assert.deepEqual(
    await connection.query(`select ${quoteLiteral(text)} as "Ä b", null as n, '' as e, 1 = 1 as t, 1 as __proto__`),
    [
      Object.fromEntries([
        ['Ä b', text],
        ['n', null],
        ['e', ''],
        ['t', 't'],
        ['__proto__', '1'],
      ]),
    ],
  )
  await connection.query('set standard_conforming_strings = off; set escape_string_warning = off')
  assert.deepEqual(await connection.query(`select ${quoteLiteral(text)} as v`), [{ v: text }])
  assert.deepEqual(await connection.query(''), [])
  assert.deepEqual(await connection.query('create temporary table t (v int); insert into t values (1), (2)'), [])
})

test('of several statements the last with a result counts, and one that fails undoes them all', { skip }, async (t) => {
  const connection = await logIn(t)
  assert.deepEqual(await connection.query('select 1 as a; select 2 as b; set work_mem = 100'), [{ b: '2' }])
  assert.deepEqual(await connection.query('select 1 as a; select 2 as b where false'), [])
  const error = await rejection(connection.query('create table undone (); select 1; select 1/0; select 2'))
  assert.equal(error.code, '22012')
  assert.deepEqual(await connection.query("select to_regclass('undone') as t"), [{ t: null }])
})

test('a megabyte in one value, and in many rows', { skip }, async (t) => {
  const connection = await logIn(t)
  const [row] = await connection.query("select repeat('ü', 1000000) as big")
  assert.equal(row?.['big'], 'ü'.repeat(1_000_000))
  const rows = await connection.query("select n, repeat('x', 100) as v from generate_series(1, 10000) n")
  assert.deepEqual([rows.length, rows[9999]], [10_000, { n: '10000', v: 'x'.repeat(100) }])
})

test('an error has what the server says, and the connection can be used on', { skip }, async (t) => {
  const connection = await logIn(t)
  const error = await rejection(
    connection.query(
      "do $$ begin raise 'the message' using errcode = 'AB123', detail = 'the detail', hint = 'the hint'; end $$",
    ),
  )
  assert.ok(error instanceof PostgresError)
  const { message, code, severity, detail, serverHint } = error
  assert.deepEqual(
    { message, code, severity, detail, serverHint },
    { message: 'the message', code: 'AB123', severity: 'ERROR', detail: 'the detail', serverHint: 'the hint' },
  )
  assert.equal((await rejection(connection.query('selec'))).code, '42601')
  await assert.rejects(connection.query('select \0'), /NUL/)
  assert.deepEqual(await connection.query('select 1 as a'), [{ a: '1' }])
})

test('notices are read over, and parameters are kept', { skip }, async (t) => {
  const connection = await logIn(t)
  assert.match(connection.parameters.get('server_version') ?? '', /^\d+/)
  assert.equal(connection.parameters.get('client_encoding'), 'UTF8')
  assert.deepEqual(await connection.query("do $$ begin raise notice 'x'; end $$; select 1 as a"), [{ a: '1' }])
  await connection.query("set timezone = 'Asia/Tokyo'")
  assert.equal(connection.parameters.get('TimeZone'), 'Asia/Tokyo')
  assert.deepEqual(
    await connection.query('select application_name as a from pg_stat_activity where pid = pg_backend_pid()'),
    [{ a: 'agent-isolate' }],
  )
})

test('COPY is refused, in both directions, and the connection can be used on', { skip }, async (t) => {
  const connection = await logIn(t)
  await connection.query('create temporary table t (v int)')
  const error = await rejection(connection.query('copy t from stdin'))
  assert.deepEqual([error.code, /COPY is not supported/.test(error.message)], ['57014', true])
  await assert.rejects(connection.query('copy (select generate_series(1, 1000)) to stdout'), /COPY is not supported/)
  assert.deepEqual(await connection.query('select 1 as a'), [{ a: '1' }])
})

test('queries that are asked at once run one after another, past one that fails', { skip }, async (t) => {
  const connection = await logIn(t)
  const answers = await Promise.allSettled([
    connection.query('select pg_sleep(0.05), 1 as a'),
    connection.query('select 1/0'),
    connection.query('select 3 as c'),
  ])
  assert.deepEqual(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : String(answer.reason))),
    [[{ pg_sleep: '', a: '1' }], 'PostgresError: division by zero', [{ c: '3' }]],
  )
})

test('after close the session is gone from the server, and a query fails', { skip }, async (t) => {
  const admin = await logIn(t)
  await admin.query('create database closed')
  for (let round = 0; round < 10; round += 1) {
    const connection = await logIn(t, { database: 'closed' })
    await connection.close()
    assert.deepEqual(await admin.query("select count(*) as n from pg_stat_activity where datname = 'closed'"), [
      { n: '0' },
    ])
    await connection.close()
    assert.equal((await rejection(connection.query('select 1'))).code, 'ECONNRESET')
  }
})

test('a query over its limit fails, and the server stops working on it', { skip }, async (t) => {
  const admin = await logIn(t)
  const connection = await logIn(t, {}, 200)
  const start = performance.now()
  const waiting = [connection.query('select pg_sleep(30)'), connection.query('select 1')]
  for (const query of waiting) assert.equal((await rejection(query)).code, 'ETIMEDOUT')
  assert.ok(performance.now() - start < 20_000)
  const find =
    'select 1 from pg_stat_activity where pid <> pg_backend_pid() and query ~ $$pg_sleep.30$$ and state = $$active$$'
  for (let wait = 0; (await admin.query(find)).length > 0; wait += 1) {
    assert.ok(wait < 1000, 'it is still running')
    await sleep(20)
  }
})

test('a session that is killed in the middle of a query fails at once', { skip }, async (t) => {
  const server = await startServer(t)
  const connection = await connectPostgres(targetAt(server), { timeoutMs: 60_000 })
  const [row] = await connection.query('select pg_backend_pid() as pid')
  const error = rejection(connection.query('select pg_sleep(30)'))
  await sleep(100)
  const start = performance.now()
  process.kill(Number(row?.['pid']), 'SIGKILL')
  assert.deepEqual([(await error).name, (await error).code], ['ConnectionError', 'ECONNRESET'])
  assert.ok(performance.now() - start < 20_000)
  assert.equal((await rejection(connection.query('select 1'))).code, 'ECONNRESET')
  await connection.close()
})

test('a server that is shut down says so to a query, and refuses from then on', { skip }, async (t) => {
  const server = await startServer(t)
  const [busy, idle] = await Promise.all([
    connectPostgres(targetAt(server), { timeoutMs: 60_000 }),
    connectPostgres(targetAt(server), { timeoutMs: 60_000 }),
  ])
  const error = rejection(busy.query('select pg_sleep(30)'))
  await sleep(100)
  await server.stop()
  assert.deepEqual([(await error).name, (await error).code], ['PostgresError', '57P01'])
  assert.equal((await rejection(busy.query('select 1'))).code, 'ECONNRESET')
  assert.match((await rejection(idle.query('select 1'))).code, /^(57P01|ECONNRESET)$/)
  for (const host of ['127.0.0.1', 'localhost']) {
    const refused = await rejection(connectPostgres(targetAt(server, { host }), { timeoutMs: 60_000 }))
    assert.equal(refused.code, 'ECONNREFUSED')
  }
  await Promise.all([busy.close(), idle.close()])
})
