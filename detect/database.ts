/** Databases that a repository points at: URLs in its env files, and SQLite files that lie in it. */
import { join, posix } from 'node:path'
import { splitServer } from '../lib/database/postgres/client/database-url.ts'
import { endOfCredentials } from '../lib/report/hide-secrets.ts'
import { isSqliteFile } from '../lib/database/sqlite/database-file.ts'
import { readExpandedValues } from './expanded-env.ts'
import type { ReadFile, RepositoryFiles } from './repository-files.ts'
import { providerOf, type DatabaseProvider } from './orm.ts'

/** Where a URL leads, without user name and password. */
export type DatabaseTarget = {
  provider: DatabaseProvider
  /** As written, with the `:`: `postgresql:`, `file:`, `sqlite:`, `postgresql+asyncpg:`. */
  scheme: string
  /** Undefined for a file. */
  host: string | undefined
  port: number | undefined
  /** The database's name, or the file's path as written (absolute with a leading `/`). */
  database: string
}

/** A variable of an env file that holds one. */
export type EnvDatabaseUrl = DatabaseTarget & { file: string; line: number; key: string; isTracked: boolean }

export type SqliteFile = { path: string; isTracked: boolean }

/** Env files of every folder, except samples. */
export function isEnvFile(path: string): boolean {
  return (
    /^\.env(?:\.[\w-]+)*$/.test(posix.basename(path)) && !/\.(?:example|sample|template|dist|vault|keys)$/.test(path)
  )
}

export function detectDatabaseUrls({ tracked, untracked }: RepositoryFiles, read: ReadFile): EnvDatabaseUrl[] {
  const urlsOf = (paths: readonly string[], isTracked: boolean): EnvDatabaseUrl[] =>
    paths
      .filter(isEnvFile)
      .flatMap((file) => parseEnvDatabaseUrls(read(file) ?? '').map((url) => ({ ...url, file, isTracked })))
  return [...urlsOf(tracked, true), ...urlsOf(untracked, false)]
}

/** A variable of an env file that is there for a database's URL, and has none. */
export type EmptyUrl = { file: string; line: number; key: string }

/** `DATABASE_URL=` is no value: a database there may be, and where is not known. */
export function detectEmptyDatabaseUrls({ tracked, untracked }: RepositoryFiles, read: ReadFile): EmptyUrl[] {
  return [...tracked, ...untracked].filter(isEnvFile).flatMap((file) =>
    readExpandedValues(read(file) ?? '')
      .filter(({ key, value }) => value.trim() === '' && /(?:^|_)(?:DATABASE|DB|POSTGRES|MYSQL)_(?:URL|URI)$/.test(key))
      .map(({ key, line }) => ({ file, key, line })),
  )
}

/** The assignments of an env file whose value is a database URL, whatever the key; parts that are variables of the file are filled in. */
export function parseEnvDatabaseUrls(text: string): (DatabaseTarget & { line: number; key: string })[] {
  return readExpandedValues(text).flatMap(({ key, value, line }) => {
    const target = parseDatabaseTarget(value)
    if (target === undefined) return []
    // Of files only those that are a database's: `file:` is used for anything.
    if (target.scheme === 'file:' && !/DATABASE|DB|SQLITE/i.test(key)) return []
    return [{ ...target, line, key }]
  })
}

/** Undefined for text that is no database URL. A reference (`$HOST`) is kept as text. */
export function parseDatabaseTarget(text: string): DatabaseTarget | undefined {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.]*:)(\S*)$/i.exec(text.trim()) ?? []
  const provider = providerOf(scheme.slice(0, -1))
  if (provider === undefined) return undefined
  if (provider === 'sqlite') return parseFileTarget(scheme, rest)
  if (!rest.startsWith('//')) return undefined
  const { host: hosts, path } = splitServer(withoutCredentials(rest.slice(2)))
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:,]*)(?::([^,]*))?/.exec(hosts) ?? []
  return { provider, scheme, host, port: /^\d+$/.test(port) ? Number(port) : undefined, database: path.slice(1) }
}

/** Given what is behind the `://` of a server's URL. What people write is not always one: no part of a password may pass for a host. */
export function withoutCredentials(rest: string): string {
  return rest.slice(endOfCredentials(rest) + 1)
}

/** The beginning of a URL of a database server in any text, for a regular expression (ignoring case). */
export const serverScheme = '(?:postgres(?:ql)?|mysql2?|mariadb|mongodb(?:\\+srv)?|sqlserver|cockroachdb)(?:\\+\\w+)?'

/** `file:./dev.db`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite3:path`; a `libsql://host` is a server. */
function parseFileTarget(scheme: string, rest: string): DatabaseTarget {
  const path = rest.replace(/[?#].*$/, '')
  const isServer = /^(?:libsql|turso):/.test(scheme) && path.startsWith('//')
  const [, host, name = ''] = isServer ? (/^\/\/([^/]*)\/?(.*)$/.exec(path) ?? []) : []
  const base = { provider: 'sqlite', scheme, port: undefined } as const
  if (isServer) return { ...base, host: host ?? '', database: name }
  const drop = scheme === 'file:' ? /^\/\/(?=\/)/ : /^\/\/\//
  return { ...base, host: undefined, database: path.replace(drop, '') }
}

export function detectSqliteFiles(root: string, { tracked, untracked }: RepositoryFiles): SqliteFile[] {
  const filesOf = (paths: readonly string[], isTracked: boolean): SqliteFile[] =>
    paths
      .filter((path) => /\.(?:db|db3|sqlite|sqlite3)$/i.test(path))
      .slice(0, mostDatabaseFiles)
      .filter((path) => isSqliteFile(join(root, path)))
      .map((path) => ({ path, isTracked }))
  return [...filesOf(tracked, true), ...filesOf(untracked, false)]
}

const mostDatabaseFiles = 100

/** Whether a URL with that host, as `parseDatabaseTarget` has it ('' for none), leads to this machine. Pure. */
export function isThisMachine(host: string): boolean {
  return /^(?:localhost|127\.[\d.]+|\[::1\]|)$/.test(host)
}
