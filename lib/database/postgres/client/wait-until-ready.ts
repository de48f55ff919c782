/**
 * Waits for a server that is starting in a container. The one honest test is the login that a client will make: the published
 * port takes connections from the first moment, and the official image starts twice, first for nobody but itself, when
 * `pg_isready` in the container already says yes (docker-library/postgres docker-entrypoint.sh).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { connectPostgres, ConnectionError, PostgresError, type PostgresTarget } from './connection.ts'

export type Patience = {
  limitMs: number
  /** Asked about once a second; throws when waiting has become pointless. */
  requireAlive: () => Promise<void>
}

/** False when the limit has passed. Rejects with what `requireAlive` throws, and with a `PostgresError` that no waiting fixes. */
export async function waitUntilReady(target: PostgresTarget, { limitMs, requireAlive }: Patience): Promise<boolean> {
  const start = performance.now()
  let lastLook = start
  while (performance.now() - start < limitMs) {
    if (await answers(target)) return true
    if (performance.now() - lastLook > lookMs) {
      await requireAlive()
      lastLook = performance.now()
    }
    await sleep(napMs)
  }
  return false
}

const napMs = 40
const lookMs = 1000
/** A login over loopback takes some 10 ms; a remote engine's some 100. */
const loginMs = 3000

/** True when a login succeeds. */
export async function answers(target: PostgresTarget): Promise<boolean> {
  try {
    const connection = await connectPostgres(target, { timeoutMs: loginMs })
    await connection.close()
    return true
  } catch (error) {
    if (error instanceof ConnectionError) return false
    // Starting up, or shutting down to start again; the database comes a moment after the server.
    if (error instanceof PostgresError && ['57P03', '57P01', '3D000'].includes(error.code)) return false
    throw error
  }
}

/** True when the server says that the password is wrong. */
export async function refuses(target: PostgresTarget): Promise<boolean> {
  try {
    await answers(target)
    return false
  } catch (error) {
    if (error instanceof PostgresError) return error.code === '28P01'
    throw error
  }
}
