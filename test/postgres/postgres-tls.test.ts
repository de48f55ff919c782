/** Encrypted logins to a real server, and a login in each runtime that the engine is made for. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { connectPostgres, type PostgresTarget } from '../../lib/database/postgres/client/connection.ts'
import { renderDatabaseUrl } from '../../lib/database/postgres/client/database-url.ts'
import { noPostgres, shareServer } from '../support/postgres.ts'
import { rejection, targetAt } from '../support/postgres-login.ts'
import { runtimes, skipReason } from '../support/runtimes.ts'

const skip = noPostgres() || noOpenssl()
const { authority, certificate, key } =
  skip === false ? makeCertificates() : { authority: '', certificate: '', key: '' }
const encrypted = shareServer({
  conf: skip === false ? ['ssl = on'] : [],
  files: { 'server.crt': certificate, 'server.key': key },
  hba: [
    'hostssl all never_encrypted all reject',
    'hostnossl all always_encrypted all reject',
    'host all never_encrypted all trust',
  ],
})
const plain = shareServer()

/** Why there are no certificates; false when there are. In CI nothing is skipped. */
function noOpenssl(): string | false {
  const isThere = spawnSync('openssl', ['version']).status === 0
  return isThere || process.env['CI'] ? false : 'openssl is not installed'
}

/** An authority, in a file for `sslrootcert`, and a certificate for `localhost` that it has signed. */
function makeCertificates(): { authority: string; certificate: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'agent-isolate-tls-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...fresh, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=Test authority')
  openssl('req', ...fresh, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost\n')
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'server.crt',
  )
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { authority: join(folder, 'ca.crt'), certificate: read('server.crt'), key: read('server.key') }
}

/** Whether the session that such a login makes is encrypted. */
async function isEncrypted(target: PostgresTarget): Promise<boolean> {
  const connection = await connectPostgres(target, { timeoutMs: 60_000 })
  const [row] = await connection.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
  await connection.close()
  return row?.['ssl'] === 't'
}

for (const [what, change, expected] of [
  ['prefer encrypts where it can', { ssl: 'prefer' }, true],
  ['disable does not', { ssl: 'disable' }, false],
  ['require encrypts and trusts anyone', { ssl: 'require' }, true],
  ['verify-full knows authority and name', { ssl: 'verify-full', host: 'localhost', sslRootCert: authority }, true],
  ['verify-ca passes over the name', { ssl: 'verify-ca', sslRootCert: authority }, true],
  ['require with an authority is verify-ca', { ssl: 'require', sslRootCert: authority }, true],
] as const) {
  test(what, { skip }, async () => {
    assert.equal(await isEncrypted(targetAt(encrypted(), change)), expected)
  })
}

for (const [what, change, message] of [
  ['verify-full refuses another name', { ssl: 'verify-full', sslRootCert: authority }, /no TLS with .*127\.0\.0\.1/],
  ['verify-full refuses an unknown authority', { ssl: 'verify-full', host: 'localhost' }, /no TLS with .*certificate/i],
  ['verify-ca refuses an unknown authority', { ssl: 'verify-ca', sslRootCert: 'system' }, /no TLS with .*certificate/i],
  [
    'a root certificate that is not there',
    { ssl: 'verify-ca', sslRootCert: '/missing/ca.pem' },
    /root certificate cannot be read/,
  ],
] as const) {
  test(what, { skip }, async () => {
    const error = await rejection(isEncrypted(targetAt(encrypted(), change)))
    assert.equal(error.code, 'ETLS')
    assert.match(error.message, message)
  })
}

test('require is refused by a server without TLS, prefer is content', { skip }, async () => {
  assert.equal((await rejection(isEncrypted(targetAt(plain(), { ssl: 'require' })))).code, 'ETLS')
  assert.equal(await isEncrypted(targetAt(plain(), { ssl: 'prefer' })), false)
})

test('prefer goes without encryption where only that is let in, and with a unix socket', { skip }, async () => {
  encrypted().psql('postgres', 'create role never_encrypted login')
  assert.equal(await isEncrypted(targetAt(encrypted(), { user: 'never_encrypted' })), false)
  assert.equal(
    (await rejection(isEncrypted(targetAt(encrypted(), { user: 'never_encrypted', ssl: 'require' })))).code,
    '28000',
  )
  assert.equal(await isEncrypted(targetAt(encrypted(), { host: encrypted().socketFolder, ssl: 'require' })), false)
})

test('a megabyte comes through encryption', { skip }, async () => {
  const connection = await connectPostgres(targetAt(encrypted(), { ssl: 'require' }), { timeoutMs: 60_000 })
  const [row] = await connection.query("select repeat('ü', 1000000) as big")
  assert.equal(row?.['big'], 'ü'.repeat(1_000_000))
  await connection.close()
})

/** A server whose answer to the request for TLS is this; what it is sent then is answered with nothing. */
async function answerTls(t: TestContext, answer: string): Promise<PostgresTarget> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.write(answer))
    t.after(() => socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { host: '127.0.0.1', port: address.port, user: 'u', password: 'p', database: 'd', ssl: 'require' }
}

test('what comes unencrypted before the encryption is not taken for a part of it', async (t) => {
  const target = await answerTls(t, 'SR\0\0\0\x08\0\0\0\0')
  assert.equal((await rejection(isEncrypted(target))).code, 'EPROTO')
  assert.equal((await rejection(isEncrypted(await answerTls(t, 'E\0\0\0\x10SFATAL\0C57P03\0\0')))).code, 'ETLS')
})

test('a handshake that never ends is given up in time', async (t) => {
  const target = await answerTls(t, 'S')
  assert.equal((await rejection(connectPostgres(target, { timeoutMs: 150 }))).code, 'ETIMEDOUT')
})

/** Logs in, tells what it has found, and has to end by itself. */
const program = `
import { connectPostgres } from '${pathToFileURL(join(import.meta.dirname, '../..', 'lib/database/postgres/client')).href}/connection.ts'
import { parseDatabaseUrl, targetOf } from '${pathToFileURL(join(import.meta.dirname, '../..', 'lib/database/postgres/client')).href}/database-url.ts'

const code = (error) => error.code
const codes = []
for (const [ssl, host, sslRootCert] of JSON.parse(process.env.LOGINS)) {
  const target = { ...targetOf(parseDatabaseUrl(process.env.URL)), ssl, host, sslRootCert }
  try {
    const connection = await connectPostgres(target, { timeoutMs: 60_000 })
    const [{ ssl }] = await connection.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    codes.push(ssl, await connection.query('select 1/0').catch(code))
    await connection.close()
    codes.push(await connection.query('select 1').catch(code))
  } catch (error) {
    codes.push(error.code)
  }
}
codes.push(await connectPostgres({ ...targetOf(parseDatabaseUrl(process.env.URL)), password: 'wrong' }, { timeoutMs: 60_000 }).catch(code))
codes.push(await connectPostgres({ ...targetOf(parseDatabaseUrl(process.env.URL)), port: 1 }, { timeoutMs: 60_000 }).catch(code))
const busy = await connectPostgres(targetOf(parseDatabaseUrl(process.env.URL)), { timeoutMs: 60_000, queryTimeoutMs: 60_000 })
codes.push(await busy.query("select pg_terminate_backend(pg_backend_pid())").catch(code))
codes.push(await connectPostgres({ ...targetOf(parseDatabaseUrl(process.env.URL)), host: process.env.SOCKETS }, { timeoutMs: 60_000 }).then((c) => c.close().then(() => 'socket'), code))
const slow = await connectPostgres(targetOf(parseDatabaseUrl(process.env.URL)), { timeoutMs: 60_000, queryTimeoutMs: 100 })
codes.push(await slow.query('select pg_sleep(20)').catch(code))
console.log(JSON.stringify(codes))
`

/** What a login that works leaves: whether it is encrypted, the code of an error, that of a closed connection. */
function works(ssl: 't' | 'f'): string[] {
  return [ssl, '22012', 'ECONNRESET']
}

for (const runtime of runtimes) {
  test(
    `${runtime.name} logs in, encrypted and not, is told what fails, and ends by itself`,
    { skip: skip || skipReason(runtime) },
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'agent-isolate-runtime-'))
      t.after(() => rmSync(folder, { recursive: true, force: true }))
      const file = join(folder, 'program.mjs')
      writeFileSync(file, program)
      const [command = '', ...args] = runtime.command ?? []
      const logins = [
        ['disable', '127.0.0.1'],
        ['require', '127.0.0.1'],
        ['verify-full', 'localhost', authority],
        ['verify-ca', '127.0.0.1', authority],
        ['verify-full', '127.0.0.1', authority],
        ['verify-ca', 'localhost'],
      ]
      const env = {
        ...process.env,
        URL: renderDatabaseUrl(targetAt(encrypted())),
        LOGINS: JSON.stringify(logins),
        SOCKETS: encrypted().socketFolder,
      }
      const child = spawn(command, [...args, file], { cwd: folder, env, timeout: 120_000 })
      const [stdout, stderr, [exitCode]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ])
      assert.deepEqual([stderr, exitCode], ['', 0])
      assert.deepEqual(JSON.parse(stdout), [
        ...works('f'),
        ...works('t'),
        ...works('t'),
        ...works('t'),
        'ETLS',
        'ETLS',
        '28P01',
        'ECONNREFUSED',
        '57P01',
        'socket',
        'ETIMEDOUT',
      ])
    },
  )
}
