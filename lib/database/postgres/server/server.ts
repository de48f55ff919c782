/**
 * A server as the one place that talks to it sees it: connected to its maintenance database, never to one that is to be
 * copied or dropped, with whatever time limits the role has lifted. What the server says becomes an error for people.
 */
import { createHash } from 'node:crypto'
import { noDeadline, type Deadline } from '../../../report/deadline.ts'
import { IsolateError } from '../../../report/isolate-error.ts'
import { UnreachableError } from '../../../report/unreachable-error.ts'
import {
  connectPostgres,
  ConnectionError,
  PostgresError,
  type Connection,
  type PostgresTarget,
} from '../client/connection.ts'
import { describeTarget } from '../client/database-url.ts'

export type Server = {
  /** Its `database` is the one that we are connected to. */
  target: PostgresTarget
  connection: Connection
  /** 15 for 15.4; the major version alone since 10 (postgresql.org/support/versioning). */
  version: number
}

const loginTimeoutMs = 10_000
/** A copy of many gigabytes takes its time; a server that is gone is noticed by the connection itself. */
const longestQueryMs = 540_000

/** Throws `UnreachableError` when nobody answers or the server goes away, `IsolateError` when it refuses. */
export async function withServer<T>(
  target: PostgresTarget,
  work: (server: Server) => Promise<T>,
  deadline: Deadline = noDeadline,
): Promise<T> {
  let connection: Connection | undefined
  try {
    const timeoutMs = deadline.remainingMs(loginTimeoutMs)
    connection = await connectPostgres(target, {
      timeoutMs,
      queryTimeoutMs: () => deadline.remainingMs(longestQueryMs),
    })
    await connection.query(liftLimits)
    return await work({ target, connection, version: majorVersion(connection) })
  } catch (error) {
    throw explainServerError(error, target)
  } finally {
    await connection?.close()
  }
}

/** A role may have limits that would cut a long copy short (not every version knows all of these). */
const liftLimits = `SELECT set_config(name, '0', false) FROM pg_settings
  WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'transaction_timeout')`

function majorVersion({ parameters }: Connection): number {
  return Number.parseInt(parameters.get('server_version') ?? '0', 10)
}

/** A lock of the server's that its holder's end frees; `name` is hashed. Waits; returns when it is ours, until the connection ends. */
export async function takeAdvisoryLock({ connection }: Server, name: string): Promise<void> {
  await connection.query(`SELECT pg_advisory_lock(${lockKey(name)})`)
}

/** The same for a while. */
export async function withAdvisoryLock<T>(server: Server, name: string, work: () => Promise<T>): Promise<T> {
  await takeAdvisoryLock(server, name)
  try {
    return await work()
  } finally {
    await server.connection.query(`SELECT pg_advisory_unlock(${lockKey(name)})`)
  }
}

/** A share in a lock, until the connection ends: it keeps nobody out but `withUnsharedLock`. */
export async function shareAdvisoryLock({ connection }: Server, name: string): Promise<void> {
  await connection.query(`SELECT pg_advisory_lock_shared(${lockKey(name)})`)
}

/** Does the work unless somebody has a share in the lock. */
export async function withUnsharedLock(server: Server, name: string, work: () => Promise<void>): Promise<void> {
  const [row] = await server.connection.query(`SELECT pg_try_advisory_lock(${lockKey(name)}) AS taken`)
  if (row?.['taken'] !== 't') return
  try {
    await work()
  } finally {
    await server.connection.query(`SELECT pg_advisory_unlock(${lockKey(name)})`)
  }
}

function lockKey(name: string): string {
  return createHash('sha256').update(`agent-isolate ${name}`).digest().readBigInt64BE().toString()
}

/** What a client library says, put for people; anything else as it is. */
export function explainServerError(error: unknown, target: PostgresTarget): unknown {
  const where = `the PostgreSQL server ${describeTarget(target)}`
  if (error instanceof ConnectionError) {
    return new UnreachableError(`${where} cannot be reached: ${error.message}`, {
      hint: 'Is it running, and is its address right ("database" in agent-isolate.json, DATABASE_URL)?',
      cause: error,
    })
  }
  if (!(error instanceof PostgresError)) return error
  const known = refusals[error.code]
  const detail = error.detail === undefined ? '' : ` (${error.detail})`
  const message = `${where} refuses: ${error.message}${detail}`
  if (known === undefined) return new IsolateError(message, { ...serverHint(error), cause: error })
  const options = { hint: known.hint(target), cause: error }
  return known.mayPass ? new UnreachableError(message, options) : new IsolateError(message, options)
}

function serverHint({ serverHint: hint }: PostgresError): { hint?: string } {
  return hint === undefined ? {} : { hint }
}

type Refusal = { hint: (target: PostgresTarget) => string; mayPass?: true }

/** By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html). */
const refusals: Readonly<Record<string, Refusal>> = {
  '28P01': { hint: () => 'Fix the user and password in the URL.' },
  '28000': { hint: () => 'Fix the user and password in the URL, or let the role in (pg_hba.conf).' },
  '3D000': {
    hint: () => 'Name a database that is there: "database.maintenance", "database.template" in agent-isolate.json.',
  },
  '42501': {
    hint: ({ user }) =>
      `Let the role make databases, as a superuser: ALTER ROLE "${user}" CREATEDB; and own what is copied.`,
  },
  '25006': { hint: () => 'It is a standby, or the role is read-only there: name the primary server, or another role.' },
  '55006': { hint: () => 'End the sessions on it, or wait for them.' },
  '53100': {
    hint: () => 'The disk of the server is full: remove worktrees that are done (agent-isolate gc), or databases.',
  },
  '53300': { hint: () => 'Too many clients are connected: end some, or raise max_connections.', mayPass: true },
  '57P03': { hint: () => 'Try again when it has started.', mayPass: true },
  '57P01': { hint: () => 'It was shut down meanwhile: try again when it runs.', mayPass: true },
  '57P02': { hint: () => 'It has crashed meanwhile: try again when it runs.', mayPass: true },
}
