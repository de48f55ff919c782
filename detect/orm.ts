/** Who talks to the database: which tool, which kind of database, and how that tool wants to be told where it is. */
import { posix } from 'node:path'
import { folderOf, type ReadFile } from './repository-files.ts'
import type { Packages } from './packages.ts'
import type { Python } from './python.ts'

export type DatabaseProvider = 'sqlite' | 'postgresql' | 'mysql' | 'mongodb' | 'sqlserver'

export type OrmId = 'prisma' | 'drizzle' | 'knex' | 'typeorm' | 'django' | 'rails' | 'sqlalchemy'

export type Orm = {
  id: OrmId
  folder: string
  /** Undefined where its files do not say. */
  provider: DatabaseProvider | undefined
  /** The environment variable in which it looks for its URL. */
  variable: string
  /** That URL for a worktree's SQLite file, as a line of the template may have it: `file:$AGENT_SQLITE_PATH`. */
  sqliteUrl: string
  /** Brings a database up to date; undefined where there is nothing to apply. */
  migrate: string | undefined
}

const filePrefix = 'file:$AGENT_SQLITE_PATH'
/** Three slashes and an absolute path: four in all, as SQLAlchemy and dj-database-url want it. */
const slashPrefix = 'sqlite:///$AGENT_SQLITE_PATH'

export function detectOrms(
  files: readonly string[],
  { manager, manifests }: Packages,
  python: Python | undefined,
  read: ReadFile,
): Orm[] {
  const execute = manager?.execute ?? 'npx'
  const fromPackages = manifests.flatMap(({ folder, dependencies }) =>
    packageOrms.flatMap(({ id, names, find }) =>
      names.some((name) => dependencies.has(name))
        ? [{ id, folder, ...find({ folder, files, read, execute, dependencies }) }]
        : [],
    ),
  )
  return [
    ...fromPackages,
    ...detectDjango(files, python, read),
    ...detectRailsDatabase(files, read),
    ...detectAlchemy(files, python, read),
  ]
}

type Place = {
  folder: string
  files: readonly string[]
  read: ReadFile
  execute: string
  dependencies: ReadonlySet<string>
}

type Facts = Omit<Orm, 'id' | 'folder'>

const packageOrms: readonly { id: OrmId; names: readonly string[]; find: (place: Place) => Facts }[] = [
  { id: 'prisma', names: ['prisma', '@prisma/client'], find: findPrisma },
  { id: 'drizzle', names: ['drizzle-orm', 'drizzle-kit'], find: findDrizzle },
  {
    id: 'knex',
    names: ['knex'],
    find: (place) =>
      byDriver(place, hasFile(place, /(^|\/)migrations\//) ? `${place.execute} knex migrate:latest` : undefined),
  },
  { id: 'typeorm', names: ['typeorm'], find: (place) => byDriver(place, undefined) },
]

function findPrisma(place: Place): Facts {
  const schemas = place.files.filter((path) => path.endsWith('.prisma') && isBelow(place.folder, path))
  const datasource = schemas.map((path) => parsePrismaSchema(place.read(path) ?? '')).find((each) => each !== undefined)
  const hasMigrations = hasFile(place, /(^|\/)migrations\/[^/]+\/migration\.sql$/)
  return {
    provider: datasource?.provider,
    variable: datasource?.variable ?? 'DATABASE_URL',
    sqliteUrl: filePrefix,
    migrate: `${place.execute} prisma ${hasMigrations ? 'migrate deploy' : 'db push'}`,
  }
}

/** The datasource of a Prisma schema; its URL moved to prisma.config.ts with Prisma 7. */
export function parsePrismaSchema(
  text: string,
): { provider: DatabaseProvider | undefined; variable: string | undefined } | undefined {
  const block = /^\s*datasource\s+\w+\s*\{([^}]*)\}/m.exec(text.replace(/\/\/.*$/gm, ''))?.[1]
  if (block === undefined) return undefined
  return {
    provider: providerOf(/provider\s*=\s*"(\w+)"/.exec(block)?.[1] ?? ''),
    variable: /\burl\s*=\s*env\("(\w+)"\)/.exec(block)?.[1],
  }
}

function findDrizzle(place: Place): Facts {
  const config = place.files.find(
    (path) => isBelow(place.folder, path) && /^drizzle\.config\.\w+$/.test(posix.basename(path)),
  )
  const text = config === undefined ? '' : (place.read(config) ?? '')
  // Without migrations it fails: `push` is what such projects do, and that asks questions.
  const hasMigrations = hasFile(place, /(^|\/)meta\/_journal\.json$/)
  const facts = byDriver(
    place,
    config !== undefined && hasMigrations ? `${place.execute} drizzle-kit migrate` : undefined,
  )
  return {
    ...facts,
    provider: providerOf(/dialect\s*:\s*["'](\w+)["']/.exec(text)?.[1] ?? '') ?? facts.provider,
    variable: /process\.env\.(\w*(?:DATABASE|DB)\w*)/.exec(text)?.[1] ?? facts.variable,
  }
}

const drivers: readonly (readonly [string, DatabaseProvider])[] = [
  ...(['pg', 'postgres', '@neondatabase/serverless'] as const).map((name) => [name, 'postgresql'] as const),
  ...(['mysql2', 'mysql'] as const).map((name) => [name, 'mysql'] as const),
  ...(['better-sqlite3', 'sqlite3', '@libsql/client'] as const).map((name) => [name, 'sqlite'] as const),
]

function byDriver({ dependencies }: Place, migrate: string | undefined): Facts {
  const provider = drivers.find(([name]) => dependencies.has(name))?.[1]
  return { provider, variable: 'DATABASE_URL', sqliteUrl: filePrefix, migrate }
}

function detectDjango(files: readonly string[], python: Python | undefined, read: ReadFile): Orm[] {
  const manage = files.find((path) => posix.basename(path) === 'manage.py' && /django/i.test(read(path) ?? ''))
  if (manage === undefined) return []
  const settings = files.filter((path) => /(^|\/)settings(\/\w+)?\.py$/.test(path)).map((path) => read(path) ?? '')
  const engine = /["']ENGINE["']\s*:\s*["']django\.db\.backends\.(\w+)["']/.exec(settings.join('\n'))?.[1]
  const migrate = migrateDjango(manage, python)
  const provider = providerOf(engine ?? '')
  return [
    { id: 'django', folder: folderOf(manage), provider, variable: 'DATABASE_URL', sqliteUrl: slashPrefix, migrate },
  ]
}

/** A Python that has no Django would fail: in a virtual environment it has, or where the package manager sees to it. */
function migrateDjango(manage: string, python: Python | undefined): string | undefined {
  if (python !== undefined && python.runPrefix !== '') return `${python.runPrefix}python ${manage} migrate --noinput`
  const venv = python?.environments.find(({ packages }) => packages.has('django'))
  return venv === undefined ? undefined : `${venv.folder}/bin/python ${manage} migrate --noinput`
}

function detectRailsDatabase(files: readonly string[], read: ReadFile): Orm[] {
  return files
    .filter((path) => /(^|\/)config\/database\.yml$/.test(path))
    .map((path) => ({
      id: 'rails',
      folder: folderOf(folderOf(path)),
      provider: providerOf(/^\s*adapter:\s*["']?(\w+)/m.exec(read(path) ?? '')?.[1] ?? ''),
      variable: 'DATABASE_URL',
      sqliteUrl: 'sqlite3:$AGENT_SQLITE_PATH',
      migrate: 'bin/rails db:prepare',
    }))
}

function detectAlchemy(files: readonly string[], python: Python | undefined, read: ReadFile): Orm[] {
  const ini = files.find((path) => posix.basename(path) === 'alembic.ini')
  const names = ['sqlalchemy', 'flask-sqlalchemy', 'sqlmodel', 'alembic']
  if (ini === undefined && !names.some((name) => python?.dependencies.has(name))) return []
  const url = ini === undefined ? '' : (/^\s*sqlalchemy\.url\s*=\s*(\w+)/m.exec(read(ini) ?? '')?.[1] ?? '')
  const migrate = ini === undefined ? undefined : `${python?.runPrefix ?? ''}alembic upgrade head`
  const hasDriver = ['psycopg', 'psycopg2', 'psycopg2-binary', 'asyncpg'].some((name) => python?.dependencies.has(name))
  const provider = providerOf(url) ?? (hasDriver ? 'postgresql' : undefined)
  const folder = ini === undefined ? '' : folderOf(ini)
  return [{ id: 'sqlalchemy', folder, provider, variable: 'DATABASE_URL', sqliteUrl: slashPrefix, migrate }]
}

/** Every tool's word for it: `postgres`, `postgresql`, `turso`, `sqlite3`, `mysql2`, …. */
export function providerOf(word: string): DatabaseProvider | undefined {
  const [, provider] = providerWords.find(([pattern]) => pattern.test(word)) ?? []
  return provider
}

const providerWords: readonly (readonly [RegExp, DatabaseProvider])[] = [
  [/^(?:postg|pg$|cockroach)/i, 'postgresql'],
  [/^(?:sqlite|turso|libsql|file$)/i, 'sqlite'],
  [/^(?:mysql|mariadb|trilogy)/i, 'mysql'],
  [/^mongo/i, 'mongodb'],
  [/^(?:sqlserver|mssql)/i, 'sqlserver'],
]

function hasFile({ files, folder }: Place, pattern: RegExp): boolean {
  return files.some((path) => isBelow(folder, path) && pattern.test(path))
}

function isBelow(folder: string, path: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`)
}
