/** Opens a socket to a server: TCP or unix, and TLS over it as the sslmode asks for. */
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { posix } from 'node:path'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { readIfAny } from '../../../files/read-if-any.ts'
import { errorText, IsolateError } from '../../../report/isolate-error.ts'
import { ConnectionError } from './connection-error.ts'
import { describeTarget, type PostgresTarget } from './database-url.ts'
import { notPostgres, socketError } from './message-stream.ts'
import { sslRequest } from './protocol.ts'

/** What the deadline ends, at whatever step the login is: `end` is told how. */
export type Guard = { end: (reason: ConnectionError) => void }

/**
 * A connected socket, encrypted or not. Rejects with `ConnectionError`: code ETLS when `target.ssl` asks for more than the server
 * offers, or when the handshake fails. `guard.end` ends it on the way.
 */
export async function openSocket(target: PostgresTarget, guard: Guard): Promise<Socket> {
  const socket = connect(socketOptions(target))
  await awaitEvent(socket, target, 'connect', guard)
  // As libpq: nobody listens in on a unix socket.
  if (target.ssl === 'disable' || isUnixSocket(target)) return socket
  socket.write(sslRequest())
  const answer = await awaitEvent(socket, target, 'data', guard)
  if (answer === 'S') return await encrypt(socket, target, guard)
  if (answer === 'N' && target.ssl === 'prefer') return socket
  socket.destroy()
  if (answer === 'N')
    throw new ConnectionError('ETLS', `${describeTarget(target)} offers no TLS, and sslmode is ${target.ssl}`)
  // A server that cannot even start a session says so (E) where nobody can tell who says it: nothing of it is believed.
  throw answer.startsWith('E')
    ? new ConnectionError('ETLS', `${describeTarget(target)} answered the request for TLS with an error`)
    : notPostgres(describeTarget(target))
}

function isUnixSocket(target: PostgresTarget): boolean {
  return target.host.startsWith('/')
}

/** Time for one address of a name, in ms; Node's 250 is too short for a server on the other side of the world. */
const attemptMs = 2000

function socketOptions(target: PostgresTarget): NetConnectOpts {
  if (isUnixSocket(target)) return { path: posix.join(target.host, `.s.PGSQL.${target.port}`) }
  const { host, port } = target
  return { host, port, noDelay: true, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: attemptMs }
}

/** Waits for the event; with `data`, returns its bytes. */
async function awaitEvent(
  socket: Socket,
  target: PostgresTarget,
  event: 'connect' | 'data' | 'secureConnect',
  guard: Guard,
): Promise<string> {
  const server = describeTarget(target)
  // One that comes between two steps would end the process.
  socket.on('error', () => {})
  // Bun has given up already where there is no unix socket, and says why in a moment.
  if (event !== 'connect' && socket.destroyed)
    throw new ConnectionError('ECONNRESET', `${server} closed the connection without a word`)
  return await new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      socket.off(event, onEvent).off('error', onError).off('close', onClose)
      act()
    }
    const fail = (reason: ConnectionError): void =>
      finish(() => {
        socket.destroy()
        reject(reason)
      })
    const onEvent = (bytes?: Buffer): void =>
      finish(() => {
        if (event === 'data') socket.pause()
        resolve(bytes?.toString('latin1') ?? '')
      })
    const onError = (error: Error): void =>
      fail(event === 'secureConnect' ? tlsError(server, error) : socketError(server, error))
    const onClose = (): void =>
      fail(
        event === 'secureConnect'
          ? new ConnectionError('ETLS', `${server} closed the connection in the TLS handshake`)
          : new ConnectionError('ECONNRESET', `${server} closed the connection without a word`),
      )
    guard.end = fail
    socket.on(event, onEvent).on('error', onError).on('close', onClose)
  })
}

function tlsError(server: string, error: unknown): ConnectionError {
  return new ConnectionError('ETLS', `no TLS with ${server}: ${errorText(error)}`, error)
}

async function encrypt(socket: Socket, target: PostgresTarget, guard: Guard): Promise<Socket> {
  const encrypted = connectTls({ socket, ...tlsOptions(target) })
  await awaitEvent(encrypted, target, 'secureConnect', guard)
  return encrypted
}

/** As libpq: `require` trusts anyone, unless a root certificate is named; then it is `verify-ca`. */
function tlsOptions(target: PostgresTarget): ConnectionOptions {
  const { host, ssl, sslRootCert } = target
  const hasRoot = sslRootCert !== undefined && sslRootCert !== 'system'
  const isVerified = ssl.startsWith('verify') || (ssl === 'require' && hasRoot)
  return {
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(hasRoot && isVerified ? { ca: readRoot(sslRootCert) } : {}),
    rejectUnauthorized: isVerified,
    ...(ssl === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  }
}

function readRoot(path: string): string {
  try {
    const text = readIfAny(path)
    if (text === undefined) throw new IsolateError(`there is no ${path}`)
    return text
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    throw new ConnectionError('ETLS', `the root certificate cannot be read: ${errorText(error)}`, error)
  }
}
