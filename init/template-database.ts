/** The lines of the first template that tell a project where its worktree's database is, in the form that it reads. Pure. */
import type { Answers } from './answers.ts'
import type { Detection } from '../detect/detect.ts'
import { railsSqlitePaths } from '../detect/database-yml.ts'
import type { DatabaseProvider } from '../detect/orm.ts'
import { findServerUrl, isTestKey, type DatabaseSetting } from '../detect/postgres.ts'

/** What the lines depend on. */
export type DatabaseFacts = Pick<Detection, 'orms' | 'databaseUrls' | 'databaseSettings' | 'railsDatabases' | 'compose'>

/** None without a database. A tool that talks to another kind of database keeps its URL. */
export function databaseLines({ database }: Pick<Answers, 'database'>, facts: DatabaseFacts): string[] {
  if (database.provider === 'none') return []
  const isSqlite = database.provider === 'sqlite'
  return [
    ...(isSqlite ? sqliteLines(facts) : postgresLines(facts, database.provider)),
    ...(database.hasTest ? testLines(facts, isSqlite ? 'sqlite' : 'postgresql') : []),
  ]
}

const urlLine = 'DATABASE_URL="$AGENT_DATABASE_URL"'

/** Rails finds its files by itself, and what DATABASE_URL says would hold for its tests as well. */
function sqliteLines({ orms, databaseUrls, railsDatabases }: DatabaseFacts): string[] {
  if (railsSqlitePaths(railsDatabases).length > 0) return []
  const fitting = orms.filter(({ provider }) => provider === undefined || provider === 'sqlite')
  const known = orms.length === 0 ? [{ variable: 'DATABASE_URL', sqliteUrl: '$AGENT_DATABASE_URL' }] : fitting
  return known.map(({ variable, sqliteUrl }) => {
    const scheme = databaseUrls.find(({ key, scheme: each }) => key === variable && each.startsWith('sqlite'))?.scheme
    return `${variable}="${scheme === undefined ? sqliteUrl : fileUrl(scheme)}"`
  })
}

/** As the project has it: `sqlite:` and `sqlite+aiosqlite:` want an absolute path behind three slashes. */
function fileUrl(scheme: string): string {
  return `${scheme}${/^sqlite[+:]/.test(scheme) ? '///' : ''}$AGENT_SQLITE_PATH`
}

function postgresLines(facts: DatabaseFacts, provider: 'postgres-docker' | 'postgres-server'): string[] {
  const urls = facts.databaseUrls.filter((each) => each.provider === 'postgresql')
  const schemeOf = (key: string): string | undefined => urls.find((each) => each.key === key)?.scheme
  const ofOrms = facts.orms.filter((orm) => orm.provider === undefined || orm.provider === 'postgresql')
  const keys = [...new Set([...ofOrms.map(({ variable }) => variable), ...keysOfMainDatabase(facts)])]
  const lines = keys.map((key) => `${key}="${urlFor(schemeOf(key), provider)}"`)
  return [...(lines.length === 0 ? [urlLine] : lines), ...settingLines(facts)]
}

/** A server's URL is as it was given; a container's is `postgresql:`, which drivers with a name of their own do not take. */
function urlFor(scheme: string | undefined, provider: 'postgres-docker' | 'postgres-server'): string {
  if (provider === 'postgres-server' || scheme === undefined || !scheme.includes('+')) return '$AGENT_DATABASE_URL'
  return composedUrl(scheme)
}

/** For a driver with a scheme of its own: `postgresql+asyncpg:`. */
export function composedUrl(scheme: string): string {
  return `${scheme}//$AGENT_DB_USER:$AGENT_DB_PASSWORD@$AGENT_DB_HOST:$DYNAMIC_DB_PORT/$AGENT_DB_NAME`
}

/** One database may have several variables (DATABASE_URL and POSTGRES_URL; DIRECT_URL goes around a pooler); others are left alone. */
function keysOfMainDatabase(facts: DatabaseFacts): string[] {
  const main = findServerUrl(facts)
  if (main === undefined) return []
  const same = facts.databaseUrls.filter(
    ({ provider, host, port, database, key, file }) =>
      provider === 'postgresql' &&
      !file.includes('/') &&
      !isTestKey(key) &&
      database === main.database &&
      ((host === main.host && port === main.port) || key.startsWith('DIRECT_')),
  )
  return [main.key, ...same.map(({ key }) => key)]
}

function testLines({ databaseUrls }: DatabaseFacts, kind: DatabaseProvider): string[] {
  const keys = databaseUrls.filter(({ provider, key }) => provider === kind && isTestKey(key)).map(({ key }) => key)
  const named = keys.length === 0 ? ['TEST_DATABASE_URL'] : [...new Set(keys)]
  return named.map((key) => `${key}="$AGENT_TEST_DATABASE_URL"`)
}

const valueOf: Readonly<Record<DatabaseSetting['part'], string>> = {
  host: '$AGENT_DB_HOST',
  port: '$DYNAMIC_DB_PORT',
  user: '$AGENT_DB_USER',
  password: '"$AGENT_DB_PASSWORD"',
  name: '$AGENT_DB_NAME',
}

function settingLines({ databaseSettings }: DatabaseFacts): string[] {
  return databaseSettings.map(({ key, part }) => `${key}=${valueOf[part]}`)
}
