/**
 * A small client of PostgreSQL for control statements (CREATE DATABASE, comments, small SELECTs), made of Node's built-ins: psql is not
 * everywhere, this code is copied into repositories and has no dependencies, and only a login from outside tells whether a server is ready.
 */
import { authenticate, type Session } from './authenticate.ts'
import { ConnectionError } from './connection-error.ts'
import { describeTarget, type PostgresTarget } from './database-url.ts'
import { createMessageStream, type MessageStream } from './message-stream.ts'
import { type Guard, openSocket } from './open-socket.ts'
import { cancelRequest, PostgresError, type Row, terminateMessage } from './protocol.ts'
import { runQuery } from './run-query.ts'

export type { PostgresTarget } from './database-url.ts'
export { ConnectionError } from './connection-error.ts'
export { PostgresError, type Row } from './protocol.ts'

export type ConnectOptions = {
  /** For the whole login, names looked up and all. */
  timeoutMs: number
  /**
   * For each query, without limit when left out; a function is asked when the query begins. One that takes longer is
   * cancelled, and the connection is lost (ETIMEDOUT).
   */
  queryTimeoutMs?: number | (() => number)
  /** What pg_stat_activity shows. */
  applicationName?: string
}

export type Connection = {
  /**
   * Runs SQL by the simple query protocol and returns the rows of the last statement that has a result, be it empty. Several
   * statements are one transaction, which CREATE DATABASE must not be in. Queries run one after another. Rejects with
   * `PostgresError`, after which the connection can be used on, or with `ConnectionError`, after which it cannot.
   */
  query(sql: string): Promise<Row[]>
  /** What the server has told about itself: server_version, server_encoding, … */
  parameters: ReadonlyMap<string, string>
  /** Says goodbye and waits until the server's session is over. Safe to repeat, never throws. */
  close(): Promise<void>
}

/** Logs in. Rejects with `PostgresError` when the server says no, with `ConnectionError` when it cannot be talked to. */
export async function connectPostgres(target: PostgresTarget, options: ConnectOptions): Promise<Connection> {
  const guard: Guard = { end: () => {} }
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const message = `${describeTarget(target)} did not complete the login within ${options.timeoutMs} ms`
      const reason = new ConnectionError('ETIMEDOUT', message)
      guard.end(reason)
      // The hashing of a password cannot be ended.
      reject(reason)
    }, options.timeoutMs)
  })
  try {
    const { stream, session } = await Promise.race([logInAsPreferred(target, options, guard), expired])
    return createConnection(stream, session, target, options)
  } finally {
    clearTimeout(timer)
  }
}

type Login = { stream: MessageStream; session: Session }

/** With `prefer`, as libpq: what fails because of the encryption is tried without. */
async function logInAsPreferred(target: PostgresTarget, options: ConnectOptions, guard: Guard): Promise<Login> {
  try {
    return await logIn(target, options, guard)
  } catch (error) {
    if (target.ssl !== 'prefer' || !isForEncryption(error)) throw error
    return await logIn({ ...target, ssl: 'disable' }, options, guard)
  }
}

/** 28000: pg_hba.conf may have rules for sessions with and without encryption. */
function isForEncryption(error: unknown): boolean {
  if (error instanceof PostgresError) return error.code === '28000'
  return error instanceof ConnectionError && error.code === 'ETLS'
}

async function logIn(target: PostgresTarget, options: ConnectOptions, guard: Guard): Promise<Login> {
  const socket = await openSocket(target, guard)
  const stream = createMessageStream(socket, describeTarget(target))
  guard.end = (reason) => stream.fail(reason)
  try {
    return { stream, session: await authenticate(stream, target, options.applicationName ?? 'agent-isolate') }
  } catch (error) {
    await stream.close(terminateMessage(), 0)
    throw error
  }
}

/** Time for the server to end the session, in ms; it takes a few. */
const closeMs = 1000

function createConnection(
  stream: MessageStream,
  session: Session,
  target: PostgresTarget,
  { queryTimeoutMs }: ConnectOptions,
): Connection {
  let last: Promise<unknown> = Promise.resolve()
  const runOne = async (sql: string): Promise<Row[]> => {
    const limitMs = typeof queryTimeoutMs === 'function' ? queryTimeoutMs() : queryTimeoutMs
    const timer = limitMs === undefined ? undefined : setTimeout(() => giveUp(limitMs), limitMs)
    try {
      return await runQuery(stream, sql, session.parameters)
    } catch (error) {
      // What was read half is not to be taken for the answer to the next query.
      if (error instanceof ConnectionError) stream.fail(error)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
  const giveUp = (limitMs: number): void => {
    const message = `${describeTarget(target)} did not answer a query within ${limitMs} ms`
    stream.fail(new ConnectionError('ETIMEDOUT', message))
    if (session.cancelKey !== undefined) void cancelQuery(target, session.cancelKey)
  }
  return {
    query: (sql) => {
      const result = last.then(() => runOne(sql))
      last = result.catch(() => {})
      return result
    },
    parameters: session.parameters,
    close: () => stream.close(terminateMessage(), closeMs),
  }
}

/** Without it the server goes on, and makes the database that nobody waits for any more. It answers nothing but the end. */
async function cancelQuery(target: PostgresTarget, key: Buffer): Promise<void> {
  const guard: Guard = { end: () => {} }
  const timer = setTimeout(() => guard.end(new ConnectionError('ETIMEDOUT', 'no time to cancel')), closeMs)
  try {
    const socket = await openSocket(target, guard)
    const stream = createMessageStream(socket, describeTarget(target))
    await stream.close(cancelRequest(key), closeMs)
  } catch (error) {
    // The query has failed already, and this server does not listen.
    if (!(error instanceof ConnectionError)) throw error
  } finally {
    clearTimeout(timer)
  }
}
