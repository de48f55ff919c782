/** How a project uses PostgreSQL: the image of its compose file, and the variables through which it is told of the server. Pure. */
import { posix } from 'node:path'
import type { ComposeFile } from './compose.ts'
import type { DatabaseInParts } from './database-parts.ts'
import type { EnvDatabaseUrl } from './database.ts'
import type { RailsDatabase } from './database-yml.ts'
import type { Orm } from './orm.ts'
import type { ReadFile } from './repository-files.ts'

/** A variable that holds one part of where the database is: `PGHOST`, `DB_NAME`. */
export type DatabaseSetting = { key: string; part: 'host' | 'port' | 'user' | 'password' | 'name' }

export type PostgresService = {
  name: string
  /** Undefined where it is not known to work as the official one does. */
  image: string | undefined
}

/** What each is called, by the last part of an image's name. */
const imageNames = /^(?:[\w.:-]+\/)*(?:postgres(?:ql)?|postgis|pgvector|timescaledb(?:-ha)?|citus|paradedb|pg_duckdb)$/
/** Made in another way than the official one, with other variables and folders. */
const foreignImages = /(?:^|\/)(?:bitnami\w*|supabase)\/|postgresql(?::|@|$)|timescaledb-ha/

/** The first service of the compose files that is a PostgreSQL server. */
export function findPostgresService(compose: readonly ComposeFile[]): PostgresService | undefined {
  for (const { name, image = '' } of compose.flatMap(({ services }) => services)) {
    const text = fillDefaults(image)
    const isServer = imageNames.test(text.replace(/@.*$/, '').replace(/:[^:/]*$/, ''))
    if (!isServer) continue
    const isUsable = /^\w[\w./:@-]*$/.test(text) && !foreignImages.test(text)
    return { name, image: isUsable ? text : undefined }
  }
  return undefined
}

/** `postgres:${PG_VERSION:-16}` as compose reads it where nothing is set. */
function fillDefaults(text: string): string {
  return text.replace(/\$\{\w+:?-([^${}]*)\}/g, '$1')
}

/** Whether anything in the repository says so. */
export function usesPostgres(
  signs: PostgresSigns & { databaseParts: readonly DatabaseInParts[]; railsDatabases: readonly RailsDatabase[] },
): boolean {
  const { orms, databaseUrls, databaseParts, railsDatabases, compose } = signs
  const providers = [...orms, ...databaseUrls, ...databaseParts, ...railsDatabases].map(({ provider }) => provider)
  return providers.includes('postgresql') || findPostgresService(compose) !== undefined
}

export type PostgresSigns = {
  orms: readonly Orm[]
  databaseUrls: readonly EnvDatabaseUrl[]
  compose: readonly ComposeFile[]
}

/** A key of a database for tests: `TEST_DATABASE_URL`, `DATABASE_URL_TEST`. */
export function isTestKey(key: string): boolean {
  return /(?:^|_)TESTS?(?:_|$)/.test(key)
}

/**
 * The URL that the project reads: the ORM's, DATABASE_URL, or the first that there is; of the env files in which a server's
 * URL is looked up (lib/database/postgres/server/server-url.ts). Never one for tests.
 */
export function findServerUrl({ orms, databaseUrls }: PostgresSigns): EnvDatabaseUrl | undefined {
  const urls = ['.env.local', '.env'].flatMap((path) =>
    databaseUrls.filter(({ file, provider, key }) => file === path && provider === 'postgresql' && !isTestKey(key)),
  )
  const wanted = [...orms.map(({ variable }) => variable), 'DATABASE_URL']
  return wanted.flatMap((name) => urls.find(({ key }) => key === name) ?? [])[0] ?? urls[0]
}

const settingKeys =
  /\b(PG|POSTGRES_|POSTGRESQL_|DB_|DATABASE_)(HOST|SERVER|PORT|USER|USERNAME|PASSWORD|PASS|DATABASE|DB|NAME)\b/g

const parts: Readonly<Record<string, DatabaseSetting['part']>> = {
  HOST: 'host',
  SERVER: 'host',
  PORT: 'port',
  USER: 'user',
  USERNAME: 'user',
  PASSWORD: 'password',
  PASS: 'password',
  DATABASE: 'name',
  DB: 'name',
  NAME: 'name',
}

/**
 * Named in env files, their samples, and the settings of Django and Rails. Only families with a HOST: `POSTGRES_PASSWORD`
 * alone is what a compose file's own server is started with.
 */
export function detectDatabaseSettings(files: readonly string[], read: ReadFile): DatabaseSetting[] {
  const texts = files.filter(namesSettings).map((path) => read(path) ?? '')
  const found = texts.flatMap((text) =>
    [...text.matchAll(settingKeys)].map(([key, family = '', end = '']) => ({ key, family, end })),
  )
  const families = new Set(found.flatMap(({ family, end }) => (end === 'HOST' || end === 'SERVER' ? [family] : [])))
  const settings = found.flatMap(({ key, family, end }): [string, DatabaseSetting][] => {
    const part = parts[end]
    return part === undefined || !families.has(family) ? [] : [[key, { key, part }]]
  })
  return [...new Map(settings).values()]
}

/** An env file that `init` wrote names what it was told before. */
function namesSettings(path: string): boolean {
  const name = posix.basename(path)
  if (/^\.env\.agent(?:\.|$)/.test(name)) return false
  return /^\.env(?:\.[\w-]+)*$/.test(name) || /(^|\/)settings(\/\w+)?\.py$|(^|\/)config\/database\.yml$/.test(path)
}
