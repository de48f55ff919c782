/** A lease as `--json` shows it. What other programs read must not change with the ledger's own format. */
import { databaseOf, sqliteUrl, type Database } from '../lib/database/of-lease.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { servicesOf } from '../lib/services/resources.ts'
import { hideSecrets } from '../lib/report/hide-secrets.ts'

export type LeaseJson = {
  name: string
  path: string
  branch: string | null
  ports: Readonly<Record<string, number>>
  database: DatabaseJson | null
  /** The second one, where configured. */
  testDatabase: DatabaseJson | null
  /** What it has on shared servers; without passwords. */
  services: readonly ServiceJson[]
}

/** `database`: a number of Redis, a name, a virtual host. */
export type ServiceJson = { name: string; kind: string; url: string | null; database: string | null; prefix: string }

/** A file, with those beside it where there are any, or a database on a server. */
export type DatabaseJson =
  | { url: string; path: string; further?: readonly { url: string; path: string }[] }
  | { url: string; name: string; host: string; port: number; user: string }

export function leaseJson(lease: Lease): LeaseJson {
  const { name, worktree: path, branch = null, ports } = lease
  return {
    name,
    path,
    branch,
    ports,
    database: shownDatabase(databaseOf(lease)),
    testDatabase: shownDatabase(databaseOf(lease, 'test')),
    services: servicesOf(lease).map((service) => ({
      name: service.name,
      kind: service.engine,
      url: service.url === undefined ? null : hideSecrets(service.url),
      database: service.own ?? null,
      prefix: service.prefix,
    })),
  }
}

/** Without the password: lists are looked at, logged and read to models. */
function shownDatabase(database: Database | undefined): DatabaseJson | null {
  if (database?.kind !== 'postgres') return databaseJson(database)
  return databaseJson({ ...database, url: hideSecrets(database.url) })
}

/** `url` with the password. */
export function databaseJson(database: Database | undefined): DatabaseJson | null {
  if (database === undefined) return null
  if (database.kind === 'sqlite') {
    const further = database.further.map((path) => ({ url: sqliteUrl(path), path }))
    return { url: database.url, path: database.path, ...(further.length === 0 ? {} : { further }) }
  }
  const { url, name, host, port, user } = database
  return { url, name, host, port, user }
}
