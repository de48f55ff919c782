/** How psql, pg_dump and pg_restore are told where to log in. */
import { childEnvironment } from '../../../processes/run.ts'
import type { PostgresTarget } from '../client/database-url.ts'

/** What libpq's programs read: no password among anybody's arguments. Nothing of our own environment's stays. */
export function clientEnvironment(target: PostgresTarget): NodeJS.ProcessEnv {
  const own = Object.fromEntries(Object.entries(childEnvironment()).filter(([key]) => !/^PG[A-Z]+$/.test(key)))
  const { host, port, user, password, database, ssl, sslRootCert } = target
  return {
    ...own,
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGSSLMODE: ssl,
    PGAPPNAME: 'agent-isolate',
    PGCONNECT_TIMEOUT: '10',
    ...(password === undefined ? {} : { PGPASSWORD: password }),
    ...(sslRootCert === undefined ? {} : { PGSSLROOTCERT: sslRootCert }),
  }
}
