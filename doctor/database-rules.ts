/** Where a database is fixed that every worktree would reach: server URLs and absolute SQLite paths in code and settings. */
import { serverScheme, withoutCredentials } from '../detect/database.ts'
import { hideSecrets } from '../lib/report/hide-secrets.ts'
import { isOverridable } from '../detect/source/port-hit.ts'
import { isFixture, type SourceFile } from '../detect/source/source-files.ts'
import { isLabel } from '../detect/source/ui-text.ts'
import { findRailsDatabases } from './rails-databases.ts'

export type DatabaseHit = {
  /** From 1. */
  line: number
  /** Without user and password: `postgresql://localhost:5432/app`, `/var/lib/app.db`. */
  target: string
  isFile: boolean
  /** The line to write, or what to do. */
  fix: string
}

const serverUrl = new RegExp(`\\b(${serverScheme})://([^\\s"'\`<>,;)]+)`, 'i')
const absoluteFile =
  /\b(?:file:(?:\/\/)?(?=\/[^/\s"'`]*\/?[^\s"'`]*\.(?:db3?|sqlite3?)\b)|sqlite3?(?:\+\w+)?:\/\/\/(?=\/)|sqlite3:(?=\/[^/]))(\/[^\s"'`?#]+)/

/** Those have rules of their own, and in a container `localhost` is the container. */
const others: readonly SourceFile['kind'][] = ['env', 'compose', 'inside']

/** `set`: the variables that have a value of each worktree's own. */
export function findSharedDatabases(
  { path, kind, code }: Pick<SourceFile, 'path' | 'kind' | 'code'>,
  set: ReadonlySet<string> = new Set(),
): DatabaseHit[] {
  if (others.includes(kind) || isFixture(path) || (kind === 'spring' && springVariables.some((key) => set.has(key))))
    return []
  if (kind === 'database') return findRailsDatabases(code, set)
  const urls = code.flatMap((line, index) => {
    const found = findDatabase(line)
    if (found === undefined || isOverridable(code, index) || isExample(line)) return []
    const { target, isFile, written } = found
    return [{ line: index + 1, target, isFile, fix: adviseUrl(path, kind, withoutSecrets(line), written) }]
  })
  return [...urls, ...(kind === 'python' ? findDjangoDatabases(code) : [])]
}

/** They beat what the files say (Spring Boot's relaxed binding, MicroProfile Config). */
const springVariables = ['SPRING_DATASOURCE_URL', 'QUARKUS_DATASOURCE_JDBC_URL']

/** What a form or a help text shows: a placeholder, or a host that is none. */
function isExample(line: string): boolean {
  const [url = '', , rest = ''] = serverUrl.exec(line) ?? []
  const host = withoutCredentials(rest)
  return (
    isLabel(line.slice(0, line.indexOf(url))) ||
    /^(?:host(?:name)?|server|your[\w.-]*|my-?host|x+)(?::|\/|$)/i.test(host)
  )
}

/**
 * The fixed database that a piece of text names; undefined for none, and where a part of it is a variable. `written` is its URL
 * as it stands there, without secrets.
 */
export function findDatabase(text: string): { target: string; isFile: boolean; written: string } | undefined {
  // Nearly all lines: to look for secrets in them would take most of a run.
  if (!/:\/\/|file:|sqlite/i.test(text)) return undefined
  const [written, scheme = '', rest = ''] = serverUrl.exec(withoutSecrets(text)) ?? []
  if (written !== undefined && !/[${}%]|\.\.\./.test(serverUrl.exec(text)?.[2] ?? '')) {
    const target = withoutCredentials(rest).replace(/[?#].*$/, '')
    return { target: `${scheme}://${target}`, isFile: false, written }
  }
  const file = absoluteFile.exec(text)
  if (file === null || /[${}]/.test(file[1] ?? '')) return undefined
  return { target: file[1] ?? '', isFile: true, written: file[0] }
}

function withoutSecrets(text: string): string {
  return hideSecrets(text, { keeps: 'references' })
}

function adviseUrl(path: string, kind: SourceFile['kind'], line: string, written: string): string {
  if (path.endsWith('alembic.ini')) {
    return 'in Alembic’s env.py: config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])'
  }
  if (kind === 'spring') {
    const [key = ''] = springVariables.filter((each) => each.startsWith(/quarkus/.test(line) ? 'QUARKUS' : 'SPRING'))
    return `in the environment template: ${key}=jdbc:postgresql://$AGENT_DB_HOST:$DYNAMIC_DB_PORT/$AGENT_DB_NAME (or the URL of another server), with user and password`
  }
  if (kind === 'package' || kind === 'command') return line.replace(written, '$DATABASE_URL').trim()
  const read = {
    script: 'process.env.DATABASE_URL',
    python: 'os.environ["DATABASE_URL"]',
    ruby: 'ENV.fetch("DATABASE_URL")',
    go: 'os.Getenv("DATABASE_URL")',
    rust: 'std::env::var("DATABASE_URL")',
    jvm: 'System.getenv("DATABASE_URL")',
    dotnet: 'Environment.GetEnvironmentVariable("DATABASE_URL")',
    php: "getenv('DATABASE_URL')",
    elixir: 'System.get_env("DATABASE_URL")',
  }
  const expression = new Map<string, string>(Object.entries(read)).get(kind) ?? '$DATABASE_URL'
  const quoted = ['"', "'", '`'].map((quote) => quote + written + quote).find((each) => line.includes(each))
  return (quoted === undefined ? `read it from ${expression}` : line.replace(quoted, () => expression)).trim()
}

/** DATABASES of a Django settings file: a fixed NAME beside a server's ENGINE, or an absolute path beside SQLite's. */
function findDjangoDatabases(code: readonly string[]): DatabaseHit[] {
  return code.flatMap((line, index) => {
    const engine = /["']ENGINE["']\s*:\s*["']django\.db\.backends\.(\w+)["']/.exec(line)?.[1]
    if (engine === undefined) return []
    const around = code.slice(Math.max(0, index - 4), index + 8)
    const at = around.findIndex((each) => /["']NAME["']\s*:/.test(each))
    const name = /["']NAME["']\s*:\s*["']([^"']+)["']/.exec(around[at] ?? '')?.[1]
    const isFile = engine === 'sqlite3'
    if (name === undefined || (isFile && !name.startsWith('/'))) return []
    const number = Math.max(0, index - 4) + at + 1
    const fix = `"NAME": os.environ.get("${isFile ? 'SQLITE_PATH' : 'DB_NAME'}", "${name}"),`
    return [{ line: number, target: name, isFile, fix }]
  })
}
