/** The one database that a repository's development uses, or that nobody can say: what `init` proposes and `doctor` compares. Pure. */
import { posix } from 'node:path'
import type { DatabaseInParts } from './database-parts.ts'
import type { EmptyUrl, EnvDatabaseUrl, SqliteFile } from './database.ts'
import { railsSqlitePaths, type RailsDatabase } from './database-yml.ts'
import type { DatabaseProvider, Orm } from './orm.ts'
import { findServerUrl, isTestKey, type PostgresSigns } from './postgres.ts'

export type DatabaseSigns = {
  orms: readonly Orm[]
  databaseUrls: readonly EnvDatabaseUrl[]
  databaseParts: readonly DatabaseInParts[]
  railsDatabases: readonly RailsDatabase[]
  sqliteFiles: readonly SqliteFile[]
  emptyDatabaseUrls: readonly EmptyUrl[]
}

export type FoundDatabase =
  | {
      state: 'server'
      provider: Exclude<DatabaseProvider, 'sqlite'>
      host: string | undefined
      port: number | undefined
      database: string | undefined
      /** For "database.url" or a service's "url": `$DATABASE_URL`, or one of several variables. They are looked up in the top folder's .env.local and .env alone: see `file`. Undefined where no variable says it. */
      url: string | undefined
      file: string
      line: number
    }
  /** Paths in the repository, the first one first: for "database.path". */
  | { state: 'sqlite'; paths: readonly string[] }
  /** It has a database, and where that is nobody can say from its files. `reason` is for people. */
  | { state: 'unknown'; provider: DatabaseProvider | undefined; reason: string }
  /** Nothing in it says that it has one. */
  | { state: 'none' }

/** A PostgreSQL server as "database.url" of agent-isolate.json can name it. */
export type NamedServer = {
  /** `$DATABASE_URL`, or the parts that env files name: `postgresql://$POSTGRES_USER:…`. */
  url: string
  /** The variable with the URL or, of parts, with the host. */
  key: string
  host: string | undefined
  file: string
}

/** Of the files in which that is looked up: a whole URL, else its parts. */
export function findPostgresServer(
  signs: PostgresSigns & Pick<DatabaseSigns, 'databaseParts'>,
): NamedServer | undefined {
  const whole = findServerUrl(signs)
  if (whole !== undefined) return { url: `$${whole.key}`, key: whole.key, host: whole.host, file: whole.file }
  const inParts = ['.env.local', '.env'].flatMap((path) =>
    signs.databaseParts.flatMap(({ file, provider, url, keys, host }) =>
      file !== path || provider !== 'postgresql' || url === undefined || keys.host === undefined
        ? []
        : [{ url, key: keys.host, host, file }],
    ),
  )
  return inParts[0]
}

/** URLs first, then their parts, config/database.yml, files. Nothing for tests counts. */
export function findMainDatabase(signs: DatabaseSigns): FoundDatabase {
  const url = chooseUrl(signs)
  if (url !== undefined && url.provider !== 'sqlite') {
    const { provider, host, port, database, file, line } = url
    return { state: 'server', provider, host, port, database: database || undefined, url: `$${url.key}`, file, line }
  }
  return (
    (url === undefined ? (fromParts(signs) ?? fromRails(signs)) : undefined) ?? fromFiles(signs) ?? unknownOrNone(signs)
  )
}

function chooseUrl({ orms, databaseUrls }: DatabaseSigns): EnvDatabaseUrl | undefined {
  const own = databaseUrls.filter(({ key }) => !isTestKey(key))
  const wanted = [...orms.map(({ variable }) => variable), 'DATABASE_URL']
  return wanted.flatMap((name) => own.find(({ key }) => key === name) ?? [])[0] ?? own[0]
}

function fromParts({ databaseParts }: DatabaseSigns): FoundDatabase | undefined {
  const found = databaseParts.find(({ provider }) => provider !== undefined && provider !== 'sqlite')
  if (found?.provider === undefined || found.provider === 'sqlite') return undefined
  const { provider, host, port, database, url, file, line } = found
  return { state: 'server', provider, host, port, database, url, file, line }
}

function fromRails({ railsDatabases }: DatabaseSigns): FoundDatabase | undefined {
  const [paths, found] = [railsSqlitePaths(railsDatabases), railsDatabases[0]]
  if (paths.length > 0) return { state: 'sqlite', paths }
  if (found?.provider === undefined || found.provider === 'sqlite') return undefined
  const { provider, host, port, database, variables, file, line } = found
  const url = variables['url'] === undefined ? undefined : `$${variables['url']}`
  return { state: 'server', provider, host, port, database, url, file, line }
}

function fromFiles({ sqliteFiles, databaseUrls }: DatabaseSigns): FoundDatabase | undefined {
  const names = databaseUrls.filter((each) => each.provider === 'sqlite').map(({ database }) => database)
  const path = chooseSqliteFile(
    sqliteFiles.filter(({ isTracked }) => !isTracked).map((file) => file.path),
    names,
  )
  return path === undefined ? undefined : { state: 'sqlite', paths: [path] }
}

/**
 * Of SQLite files the application's: the one that a URL names, else one that is not known by its name to be an index, a cache or
 * for tests, else the first. Undefined for none.
 */
export function chooseSqliteFile(paths: readonly string[], urls: readonly string[]): string | undefined {
  // A URL's path is relative to whatever its reader takes for the start, so the file that is there decides.
  const named = paths.find((path) => urls.some((url) => posix.basename(url) === posix.basename(path)))
  return named ?? paths.find((path) => !isBesides(path)) ?? paths[0]
}

function isBesides(path: string): boolean {
  return (
    /(?:^|\/)(?:tests?|fixtures?|spec|\.cache|cache|tmp)\//i.test(path) ||
    /(?:^|[._-])(?:search|index|fts|cache[ds]?|vectors?|embeddings?|telemetry|analytics|logs?|metrics|sessions?|queue|cable|tests?)(?:[._-]|$)/i.test(
      posix.basename(path),
    )
  )
}

function unknownOrNone({ orms, emptyDatabaseUrls, railsDatabases, databaseParts }: DatabaseSigns): FoundDatabase {
  const provider = [...orms, ...railsDatabases].map((each) => each.provider).find((one) => one !== undefined)
  const [empty] = emptyDatabaseUrls
  if (empty !== undefined) {
    return { state: 'unknown', provider, reason: `${empty.key} is empty in ${empty.file}, line ${empty.line}` }
  }
  const [part] = databaseParts
  if (part !== undefined) {
    return { state: 'unknown', provider, reason: `${part.file} names a host, ${part.keys.host}, of no known kind` }
  }
  const [orm] = orms
  if (orm !== undefined && provider !== 'sqlite')
    return { state: 'unknown', provider, reason: `${orm.id} is used, and ${orm.variable} is set in no env file` }
  return { state: 'none' }
}
