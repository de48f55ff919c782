/** The SQLite inside the runtime itself: node:sqlite of Node >= 22.13, Deno and Bun. */
import { createRequire } from 'node:module'
import { errorCode, errorText } from '../../report/isolate-error.ts'
import {
  allPages,
  busyTimeoutMs,
  scriptPrelude,
  type CopyTask,
  type ScriptTask,
  type SqliteEngine,
  type SqliteOutcome,
  type SqliteTask,
} from './engine.ts'
import { readSqlScript } from './sql-script.ts'

type Database = {
  exec: (sql: string) => void
  prepare: (sql: string) => { run: (...values: string[]) => unknown }
  close: () => void
}

type DatabaseOptions = {
  readOnly?: boolean
  enableForeignKeyConstraints: boolean
  /** As SQLite itself does by default: schemas and seeds of real projects rely on it. */
  enableDoubleQuotedStringLiterals: boolean
}

/** The part of node:sqlite that is used here; `backup` came with Node 22.16. */
type NodeSqlite = {
  DatabaseSync: new (path: string, options: DatabaseOptions) => Database
  backup?: (database: Database, target: string, options: { rate: number }) => Promise<number>
}

export const nodeSqlite: SqliteEngine = { name: 'node:sqlite', isBlocking: true, perform }

async function perform(task: SqliteTask): Promise<SqliteOutcome> {
  const sqlite = findNodeSqlite()
  if (sqlite === undefined) return { state: 'absent' }
  try {
    return task.kind === 'script' ? await runScript(sqlite, task) : await copy(sqlite, task)
  } catch (error) {
    if (errorCode(error) === 'ERR_SQLITE_ERROR') return { state: 'failed', message: errorText(error) }
    throw error
  }
}

async function copy(sqlite: NodeSqlite, { kind, source, target, readOnly }: CopyTask): Promise<SqliteOutcome> {
  if (kind === 'backup' && sqlite.backup === undefined) return { state: 'absent' }
  const database = open(sqlite, source, readOnly)
  try {
    if (kind === 'vacuum') database.prepare('VACUUM INTO ?').run(target)
    else await sqlite.backup?.(database, target, { rate: allPages })
  } finally {
    database.close()
  }
  return { state: 'done' }
}

async function runScript(sqlite: NodeSqlite, { script, target }: ScriptTask): Promise<SqliteOutcome> {
  const text = await readSqlScript(script)
  const database = open(sqlite, target, false)
  try {
    database.exec(scriptPrelude)
    database.exec(text)
  } finally {
    database.close()
  }
  return { state: 'done' }
}

function open({ DatabaseSync }: NodeSqlite, path: string, readOnly: boolean): Database {
  const database = new DatabaseSync(path, {
    readOnly,
    enableForeignKeyConstraints: false,
    enableDoubleQuotedStringLiterals: true,
  })
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  return database
}

/** Loading is what makes Node 22 call the module experimental; nothing else runs, or can warn, in the meantime. */
function findNodeSqlite(): NodeSqlite | undefined {
  // oxlint-disable-next-line typescript/unbound-method -- put back as it was, never called from here
  const emitWarning = process.emitWarning
  process.emitWarning = () => undefined
  try {
    const loaded: unknown = createRequire(import.meta.url)('node:sqlite')
    return isNodeSqlite(loaded) ? loaded : undefined
  } catch (error) {
    if (errorCode(error) === 'ERR_UNKNOWN_BUILTIN_MODULE') return undefined
    throw error
  } finally {
    process.emitWarning = emitWarning
  }
}

function isNodeSqlite(value: unknown): value is NodeSqlite {
  return (
    typeof value === 'object' && value !== null && 'DatabaseSync' in value && typeof value.DatabaseSync === 'function'
  )
}
