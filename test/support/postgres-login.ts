/** What the tests of the client share: a password that must not show up, and errors that are looked through for it. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { ConnectionError, PostgresError, type PostgresTarget } from '../../lib/database/postgres/client/connection.ts'
import { parseDatabaseUrl, targetOf } from '../../lib/database/postgres/client/database-url.ts'
import type { PostgresServer } from './postgres.ts'

/** With characters that are special to URLs, SQL, shells, SCRAM and Unicode. */
export const secret = `s3cret ${randomBytes(6).toString('hex')} \\'"$,=é`

/** The superuser's login to the server, with something else instead. */
export function targetAt(server: PostgresServer, change: Partial<PostgresTarget> = {}): PostgresTarget {
  return { ...targetOf(parseDatabaseUrl(server.url())), ...change }
}

/** Why the promise is rejected; there is no password in the error, however it is printed. */
export async function rejection(promise: Promise<unknown>): Promise<PostgresError | ConnectionError> {
  const error: unknown = await promise.then(
    () => assert.fail('it does not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof PostgresError || error instanceof ConnectionError, inspect(error))
  assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(secret.slice(0, 19)))
  return error
}
