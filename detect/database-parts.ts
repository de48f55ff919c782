/** Databases that env files name in parts (`POSTGRES_SERVER`, `_PORT`, `_DB`, …) rather than in one URL. Pure, but for reading. */
import { isEnvFile } from './database.ts'
import { readExpandedValues } from './expanded-env.ts'
import { providerOf, type DatabaseProvider } from './orm.ts'
import type { ReadFile } from './repository-files.ts'

/** Part → the variable with it: `{ host: 'POSTGRES_SERVER', name: 'POSTGRES_DB' }`. */
export type PartKeys = Readonly<Partial<Record<DatabasePart, string>>>

export type DatabasePart = 'host' | 'port' | 'user' | 'password' | 'name'

export type DatabaseInParts = {
  file: string
  /** Of the host's variable, from 1. */
  line: number
  /** Undefined where neither the variables' names nor a port say so. */
  provider: DatabaseProvider | undefined
  keys: PartKeys
  host: string
  port: number | undefined
  /** The database's name; undefined where it is empty or not said. */
  database: string | undefined
  /** The URL made of them, for "database.url" of agent-isolate.json: `postgresql://$POSTGRES_USER:…`; undefined without a name. */
  url: string | undefined
}

const endings: readonly (readonly [RegExp, DatabasePart])[] = [
  [/^(?:HOST|HOSTNAME|SERVER|ADDRESS)$/, 'host'],
  [/^PORT$/, 'port'],
  [/^(?:USER|USERNAME)$/, 'user'],
  [/^(?:PASSWORD|PASS|PWD)$/, 'password'],
  [/^(?:DB|DATABASE|NAME|DBNAME|DB_NAME|DATABASE_NAME)$/, 'name'],
]

const families = /^((?:\w+_)?(?:POSTGRES(?:QL)?|PG|DB|DATABASE|SQL|MYSQL|MARIADB|TYPEORM)_?)(\w+)$/

/** In the env files, each family of variables that has a host and more. One for tests is left out. */
export function detectDatabaseParts(files: readonly string[], read: ReadFile): DatabaseInParts[] {
  return files
    .filter((path) => isEnvFile(path) && !/\.env\.agent(?:\.|$)/.test(path))
    .flatMap((file) => findDatabaseParts(read(file) ?? '').map((found) => ({ ...found, file })))
}

/** The same of one file's text. */
export function findDatabaseParts(text: string): Omit<DatabaseInParts, 'file'>[] {
  const byFamily = new Map<string, Map<DatabasePart, { key: string; value: string; line: number }>>()
  for (const { key, value, line } of readExpandedValues(text)) {
    const [, family = '', ending = ''] = families.exec(key) ?? []
    const part = endings.find(([pattern]) => pattern.test(ending))?.[1]
    if (part === undefined || /(?:^|_)TESTS?_/.test(family)) continue
    const parts = byFamily.get(family) ?? new Map()
    byFamily.set(family, parts.set(part, { key, value, line }))
  }
  const engine =
    /^(?:DB_CONNECTION|(?:DB|DATABASE|SQL)_(?:ENGINE|DIALECT|TYPE|PROVIDER)|TYPEORM_CONNECTION)=["']?([\w.]+)/m.exec(
      text,
    )?.[1]
  return [...byFamily].flatMap(([family, parts]) => {
    const host = parts.get('host')
    if (host === undefined || host.value === '' || parts.size < 2) return []
    const port = /^\d+$/.test(parts.get('port')?.value ?? '') ? Number(parts.get('port')?.value) : undefined
    const provider = providerFor(family, engine, port)
    const keys = Object.fromEntries(
      [...parts].filter(([, { value }]) => value !== '').map(([part, { key }]) => [part, key]),
    )
    const name = parts.get('name')?.value
    const url = composeUrl(provider, keys)
    return [{ line: host.line, provider, keys, host: host.value, port, database: name === '' ? undefined : name, url }]
  })
}

function providerFor(
  family: string,
  engine: string | undefined,
  port: number | undefined,
): DatabaseProvider | undefined {
  const own = providerOf(family.replace(/^(?:.*_)?(?=(?:POSTGRES|PG|MYSQL|MARIADB))/, '').replace(/_$/, ''))
  if (own !== undefined) return own
  const named = engine === undefined ? undefined : providerOf(engine.split('.').at(-1) ?? '')
  return named ?? (port === 5432 ? 'postgresql' : port === 3306 ? 'mysql' : undefined)
}

/** Of references, so that no password is in a committed file. Undefined where there is no database to name, or no telling of which kind. */
export function composeUrl(provider: DatabaseProvider | undefined, keys: PartKeys): string | undefined {
  if (keys.host === undefined || keys.name === undefined) return undefined
  if (provider !== 'postgresql' && provider !== 'mysql') return undefined
  const user = keys.user === undefined ? '' : `$${keys.user}`
  const credentials = user === '' ? '' : `${user}${keys.password === undefined ? '' : `:$${keys.password}`}@`
  const port = keys.port === undefined ? '' : `:$${keys.port}`
  return `${provider}://${credentials}$${keys.host}${port}/$${keys.name}`
}
