/** Servers that are none, that break off, or that mean harm: nobody is left waiting, nothing is believed. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connectPostgres, type PostgresTarget } from '../../lib/database/postgres/client/connection.ts'
import { findFreePort } from '../support/postgres.ts'
import { rejection, secret } from '../support/postgres-login.ts'

async function listen(t: TestContext, server: Server): Promise<PostgresTarget> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { host: '127.0.0.1', port: address.port, user: 'u', password: secret, database: 'd', ssl: 'disable' }
}

/** A server that answers one piece of text after another, whatever it is told; after the last it says nothing more. */
function answering(...answers: (Buffer | string | ((sent: Buffer) => Buffer | string))[]): Server {
  return createServer((socket) => {
    let step = 0
    socket.on('data', (sent) => {
      const answer = answers[step]
      step += 1
      if (answer !== undefined) socket.write(typeof answer === 'function' ? answer(sent) : answer)
    })
  })
}

function message(type: string, ...parts: (Buffer | string | number)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'number' ? int32(part) : Buffer.from(part))))
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** A test that fails has an end. */
const limits = { timeoutMs: 60_000, queryTimeoutMs: 60_000 }

const letIn = Buffer.concat([message('R', 0), message('Z', 'I')])

for (const ssl of ['disable', 'prefer', 'verify-full'] as const) {
  test(`a listener that says nothing is given up in time (sslmode ${ssl})`, async (t) => {
    const target = await listen(t, createServer())
    const start = performance.now()
    const error = await rejection(connectPostgres({ ...target, ssl }, { timeoutMs: 150 }))
    assert.equal(error.code, 'ETIMEDOUT')
    assert.match(error.message, new RegExp(`127.0.0.1:${target.port} .* 150 ms`))
    assert.ok(performance.now() - start < 20_000)
  })

  test(`a listener that hangs up at once is told from one that refuses (sslmode ${ssl})`, async (t) => {
    const target = await listen(
      t,
      createServer((socket) => socket.end()),
    )
    assert.equal((await rejection(connectPostgres({ ...target, ssl }, limits))).code, 'ECONNRESET')
    const refused = connectPostgres({ ...target, ssl, port: await findFreePort() }, limits)
    assert.equal((await rejection(refused)).code, 'ECONNREFUSED')
  })

  test(`an HTTP server is no PostgreSQL server (sslmode ${ssl})`, async (t) => {
    const target = await listen(t, createHttpServer())
    const error = await rejection(connectPostgres({ ...target, ssl }, limits))
    assert.deepEqual(
      [error.code, error.message],
      ['EPROTO', `what answers on 127.0.0.1:${target.port} is not a PostgreSQL server`],
    )
  })
}

for (const [what, answer] of [
  ['an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['a MySQL server', Buffer.from('4a0000000a382e302e33', 'hex')],
  ['a message of two gigabytes', Buffer.from('R\x7f\xff\xff\xff', 'latin1')],
  ['a message of less than nothing', Buffer.from('R\xff\xff\xff\xff', 'latin1')],
  ['a message of a megabyte in the login', Buffer.from('E\x00\x10\x00\x00', 'latin1')],
  ['a query result in the login', message('D', 1)],
  ['a login without a kind', message('R')],
] as const) {
  test(`${what} ends the login`, async (t) => {
    const target = await listen(t, answering(answer))
    assert.equal((await rejection(connectPostgres(target, limits))).code, 'EPROTO')
  })
}

test('a message that comes byte by byte is read whole', async (t) => {
  const server = createServer((socket) => {
    socket.once('data', () => {
      letIn.forEach((byte, index) => setTimeout(() => socket.write(Buffer.from([byte])), index))
    })
  })
  const connection = await connectPostgres(await listen(t, server), limits)
  await connection.close()
})

for (const [what, code, answer] of [
  ['is cut off by the server', 'EPROTO', message('D', Buffer.from([0, 1]), 100, 'x')],
  ['has values without columns', 'EPROTO', message('T', Buffer.from([0, 3]), 'a\0')],
  ['is of a kind that does not exist', 'EPROTO', message('q')],
  ['is announced with two gigabytes', 'EPROTO', Buffer.from('D\x7f\xff\xff\xff', 'latin1')],
] as const) {
  test(`a result that ${what} ends the connection`, async (t) => {
    const columns = Buffer.concat([message('T', Buffer.from([0, 1]), 'a\0', Buffer.alloc(18))])
    const connection = await connectPostgres(await listen(t, answering(letIn, Buffer.concat([columns, answer]))), {
      timeoutMs: 60_000,
    })
    for (const sql of ['select 1', 'select 2']) assert.equal((await rejection(connection.query(sql))).code, code)
    await connection.close()
  })
}

test('a server that hangs up in the middle of a result leaves nobody waiting', async (t) => {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(letIn)
      socket.once('data', () => socket.end(message('T', Buffer.from([0, 0])).subarray(0, 4)))
    })
  })
  const connection = await connectPostgres(await listen(t, server), limits)
  assert.equal((await rejection(connection.query('select 1'))).code, 'ECONNRESET')
})

test('close ends even where the server does not let go', async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.once('data', () => socket.write(letIn)))
  const connection = await connectPostgres(await listen(t, server), limits)
  const start = performance.now()
  await connection.close()
  const time = performance.now() - start
  assert.ok(time > 500 && time < 30_000, `${time} ms`)
})

const askForScram = message('R', 10, 'SCRAM-SHA-256\0\0')
const scramChallenge = (iterations: number) => (sent: Buffer) =>
  message('R', 11, `r=${/r=(.*)$/.exec(sent.toString('latin1'))?.[1]}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=${iterations}`)

for (const [what, answers] of [
  ['does not know the password', [askForScram, scramChallenge(4096), message('R', 12, `v=${'A'.repeat(43)}=`)]],
  ['left out a step', [askForScram, scramChallenge(4096), letIn]],
  ['left out a step', [askForScram, letIn]],
  ['2147483647 rounds', [askForScram, scramChallenge(2 ** 31 - 1)]],
  ['offers no login but SCRAM-SHA-512', [message('R', 10, 'SCRAM-SHA-512\0\0')]],
  ['not supported', [message('R', 7)]],
] as const) {
  test(`a login is broken off when the server turns out as one that: ${what}`, async (t) => {
    const error = await rejection(connectPostgres(await listen(t, answering(...answers)), limits))
    assert.equal(error.code, 'EAUTH')
    assert.ok(error.message.includes(what), error.message)
  })
}

test('the time for the login ends while a password is hashed, too', async (t) => {
  const target = await listen(t, answering(askForScram, scramChallenge(3_000_000)))
  const start = performance.now()
  assert.equal((await rejection(connectPostgres(target, { timeoutMs: 50 }))).code, 'ETIMEDOUT')
  assert.ok(performance.now() - start < 800)
})
