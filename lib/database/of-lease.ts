/** The database that a lease gives its worktree: what the environment, the command line and the agent are told of it. */
import { join } from 'node:path'
import type { Lease } from '../ledger/lease.ts'
import { parseDatabaseUrl, targetOf } from './postgres/client/database-url.ts'
import { type PostgresResource, postgresShape } from './postgres/resources.ts'
import type { DatabasePurpose } from './purpose.ts'
import { listSqlite, sqliteKind } from './sqlite/kind.ts'

export type Database = SqliteDatabase | PostgresDatabase

export type SqliteDatabase = {
  kind: 'sqlite'
  /** `file:` and the absolute path, as Prisma, libSQL, Drizzle and most drivers read it. */
  url: string
  path: string
  /** Those beside it, as absolute paths. */
  further: readonly string[]
}

export type PostgresDatabase = {
  kind: 'postgres'
  /** With the password. */
  url: string
  name: string
  host: string
  port: number
  user: string
  password: string | undefined
  on: PostgresResource['on']
}

/** Undefined when the lease holds none. After a change of provider the newest counts. */
export function databaseOf(lease: Lease, purpose: DatabasePurpose = 'development'): Database | undefined {
  for (const resource of lease.resources.toReversed()) {
    if (sqliteKind.is(resource) && !resource.isFurther && (resource.isTest ?? false) === (purpose === 'test')) {
      const [path = '', ...further] = listSqlite(lease, purpose).map(({ inner }) => join(lease.worktree, inner))
      return { kind: 'sqlite', url: sqliteUrl(path), path, further }
    }
    if (postgresShape.is(resource) && resource.purpose === purpose) return describe(resource)
  }
  return undefined
}

/** As `SqliteDatabase` has it. */
export function sqliteUrl(path: string): string {
  return `file:${path}`
}

/** For people: never with a password. */
export function describeDatabase(database: Database): string {
  if (database.kind === 'sqlite') return [database.path, ...database.further].join(', ')
  return `${database.name} on ${database.host}:${database.port}`
}

function describe({ url, on }: PostgresResource): PostgresDatabase {
  const { database: name, host, port, user, password } = targetOf(parseDatabaseUrl(url))
  return { kind: 'postgres', url, name, host, port, user, password, on }
}
