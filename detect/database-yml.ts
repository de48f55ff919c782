/** Rails: the databases of config/database.yml. ERB is read, never run. */
import { posix } from 'node:path'
import { providerOf, type DatabaseProvider } from './orm.ts'
import type { ReadFile } from './repository-files.ts'
import type { YamlNode } from './yaml.ts'

export type RailsDatabase = {
  file: string
  /** From 1. */
  line: number
  environment: 'development' | 'test'
  /** `primary` of several (`queue`, `cache`); of a single one, too. */
  name: string
  /** Undefined where the file does not say. */
  provider: DatabaseProvider | undefined
  /** The database's name; of SQLite the file's path, as written. Undefined where it is made by code that is not a variable's. */
  database: string | undefined
  host: string | undefined
  port: number | undefined
  /** Setting → the variable that it comes from: `{ host: 'DB_HOST', url: 'DATABASE_URL' }`. */
  variables: Readonly<Record<string, string>>
}

/** Of development and test; a file that is no YAML has none. */
export async function detectRailsDatabases(files: readonly string[], read: ReadFile): Promise<RailsDatabase[]> {
  const paths = files.filter((path) => posix.basename(path) === 'database.yml' && /(?:^|\/)config\//.test(path))
  if (paths.length === 0) return []
  const { parseYaml } = await import('./yaml.ts')
  return paths.flatMap((file) => {
    const parsed = parseYaml(replaceErb(read(file) ?? ''))
    if ('fault' in parsed) return []
    const top = parsed.documents[0]?.entries() ?? new Map<string, YamlNode>()
    return (['development', 'test'] as const).flatMap((environment) =>
      readEnvironment(top.get(environment)).map((found) => ({ ...found, file, environment })),
    )
  })
}

/** SQLite files of development, the first one first: for "database.path". Relative to the repository; empty where another server is used. */
export function railsSqlitePaths(databases: readonly RailsDatabase[]): string[] {
  const own = databases.filter(({ environment }) => environment === 'development')
  if (own.some(({ provider }) => provider !== 'sqlite')) return []
  return own.flatMap(({ file, database = '' }) => {
    const path = posix.join(posix.dirname(posix.dirname(file)), database)
    return database === '' || posix.isAbsolute(database) || path.startsWith('..') ? [] : [path]
  })
}

/** Marks what an output tag stands for, so that it is text for YAML: the variable, and what there is without it. */
function replaceErb(text: string): string {
  return (
    text
      .replace(/^[ \t]*<%[^=][\s\S]*?%>[ \t]*$/gm, '')
      .replace(/<%=([\s\S]*?)%>/g, (_, code: string) => {
        const [, variable = '', fallback = ''] =
          /^\s*ENV(?:\.fetch\(|\[)\s*["'](\w+)["']\s*[\])]?(?:\s*(?:,|\|\||\{)\s*["']?([\w./-]*)["']?\s*[)}]?)?\s*\)?\s*$/.exec(
            code,
          ) ?? []
        return `@@${variable}@${fallback}@@`
      })
      .replace(/<%[\s\S]*?%>/g, '')
      // A plain scalar of YAML cannot begin with @.
      .replace(/(:[ \t]+)(@@.*)$/gm, (_, colon: string, value: string) => `${colon}"${value.replaceAll('"', '')}"`)
  )
}

function readEnvironment(node: YamlNode | undefined): Omit<RailsDatabase, 'file' | 'environment'>[] {
  if (node === undefined) return []
  const keys = node.entries()
  const isSingle = ['adapter', 'database', 'url'].some((key) => keys.get(key)?.text !== undefined)
  if (isSingle) return [readDatabase('primary', node)]
  return [...keys].flatMap(([name, inner]) => (inner.entries().size === 0 ? [] : [readDatabase(name, inner)]))
}

function readDatabase(name: string, node: YamlNode): Omit<RailsDatabase, 'file' | 'environment'> {
  const keys = node.entries()
  const settings = ['adapter', 'database', 'host', 'port', 'username', 'password', 'url', 'socket']
  const values = new Map(settings.flatMap((key) => readSetting(key, keys.get(key)?.text)))
  const variables = Object.fromEntries(
    [...values].flatMap(([key, { variable }]) => (variable === '' ? [] : [[key, variable]])),
  )
  const valueOf = (key: string): string | undefined => values.get(key)?.value || undefined
  const scheme = /^(\w+):/.exec(valueOf('url') ?? '')?.[1]
  const port = Number(valueOf('port'))
  return {
    name,
    line: keys.get('database')?.line ?? node.line,
    provider: providerOf(valueOf('adapter') ?? scheme ?? ''),
    database: valueOf('database'),
    host: valueOf('host'),
    port: Number.isInteger(port) ? port : undefined,
    variables,
  }
}

type Setting = { value: string; variable: string }

/** What code makes of anything but a variable is not known: ''. */
function readSetting(key: string, text: string | undefined): [string, Setting][] {
  if (text === undefined) return []
  const written = text.replace(/^["']|["']$/g, '')
  const variable = /@@(\w*)@/.exec(written)?.[1] ?? ''
  const isUnknown = /@@(?:\w*)@@@/.test(written)
  return [[key, { variable, value: isUnknown ? '' : written.replace(/@@\w*@([^@]*)@@/g, '$1') }]]
}
