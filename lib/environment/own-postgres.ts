/** Tells which PostgreSQL databases that env files name are the main checkout's, and what a worktree has for them. Pure. */
import {
  parseDatabaseUrl,
  renderDatabaseUrl,
  targetOf,
  withDatabase,
  type PostgresTarget,
  type PostgresUrl,
} from '../database/postgres/client/database-url.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { isLoopback } from '../env-text/loopback.ts'

export type Place = Pick<PostgresTarget, 'host' | 'port' | 'database'>

export type OwnPostgres = {
  own: PostgresTarget
  /** The worktree's database for tests. */
  test: PostgresTarget | undefined
  /** Main's own database, under all the names that are known. */
  mains: readonly Place[]
  /** The worktree's database is on main's server; else on one that we started, and every one of this machine is main's. */
  isOnMainServer: boolean
}

/** `kept`: not the worktree's, and nothing is known that could take its place. */
export type Verdict = PostgresTarget | 'kept' | undefined

/** What takes the place of a database; undefined for one that is no business of ours. `isTest`: what names it says that it is for tests. */
export function judgePlace(place: Place, { own, test, mains, isOnMainServer }: OwnPostgres, isTest: boolean): Verdict {
  if ([own, test].some((one) => one !== undefined && isSamePlace(one, place))) return undefined
  const isForTests = isTest || /test/i.test(place.database)
  if (!isForTests && mains.some((main) => isSamePlace(main, place))) return own
  const isMainServer = mains.some((main) => isSameServer(main, place)) || (!isOnMainServer && isLoopback(place.host))
  if (!isMainServer) return undefined
  if (isForTests) return test ?? 'kept'
  return isOnMainServer ? 'kept' : own
}

/** Undefined for what is no URL of a PostgreSQL database. */
export function findDatabaseUrl(text: string): PostgresUrl | undefined {
  if (!/^(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?:\/\//i.test(text)) return undefined
  try {
    return parseDatabaseUrl(text)
  } catch (error) {
    if (error instanceof IsolateError) return undefined
    throw error
  }
}

/** The URL for another database: on the same server only its name changes, else its scheme and its driver's parameters stay. JDBC has the login in parameters. */
export function retarget(url: PostgresUrl, target: PostgresTarget, isOnMainServer: boolean): string {
  if (isOnMainServer) return withDatabase(url, target.database)
  const [, rest = '', query = ''] = /^[^:]*(.*?)(?:\?(.*))?$/s.exec(renderDatabaseUrl(target)) ?? []
  const kept = (/\?([^#]*)/.exec(url.text)?.[1] ?? '').split('&').filter((one) => one !== '' && !address.test(one))
  const isJdbc = url.scheme.startsWith('jdbc:')
  const [, credentials = '', server = ''] = /^:\/\/([^@]*)@(.*)$/s.exec(rest) ?? []
  const [user = '', password = ''] = credentials.split(':')
  const login = isJdbc ? [`user=${user}`, `password=${password}`] : []
  const parameters = [...kept, ...login, ...(query === '' ? [] : [query])].join('&')
  return `${url.scheme}${isJdbc ? `://${server}` : rest}${parameters === '' ? '' : `?${parameters}`}`
}

/** Parameters that say where a database is, and how it is reached. */
const address = /^(?:host|port|user|password|dbname|ssl\w*)=/

/** Where a URL leads. */
export function placeOf(url: PostgresUrl): Place {
  const { host, port, database } = targetOf(url)
  return { host, port, database }
}

function isSamePlace(one: Place, other: Place): boolean {
  return one.database === other.database && isSameServer(one, other)
}

function isSameServer(one: Place, other: Place): boolean {
  const isSameHost = one.host === other.host || (isLoopback(one.host) && isLoopback(other.host))
  return isSameHost && one.port === other.port
}
