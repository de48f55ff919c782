/** The better-sqlite3 package, where one is installed that this runtime can load. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
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
  backup: (target: string, options: { progress: () => number }) => Promise<unknown>
  close: () => void
}

type OpenDatabase = new (
  path: string,
  options?: { readonly?: boolean; fileMustExist?: boolean; timeout?: number },
) => Database

export const betterSqlite3: SqliteEngine = { name: 'better-sqlite3', isBlocking: true, perform }

async function perform(task: SqliteTask, packageRoots: readonly string[]): Promise<SqliteOutcome> {
  const BetterSqlite3 = findBetterSqlite3(packageRoots)
  if (BetterSqlite3 === undefined) return { state: 'absent' }
  try {
    await (task.kind === 'script' ? runScript(BetterSqlite3, task) : copy(BetterSqlite3, task))
    return { state: 'done' }
  } catch (error) {
    if (errorCode(error)?.startsWith('SQLITE_')) return { state: 'failed', message: errorText(error) }
    throw error
  }
}

async function copy(BetterSqlite3: OpenDatabase, { kind, source, target, readOnly }: CopyTask): Promise<void> {
  const database = new BetterSqlite3(source, { readonly: readOnly, fileMustExist: true, timeout: busyTimeoutMs })
  try {
    if (kind === 'vacuum') database.prepare('VACUUM INTO ?').run(target)
    else await database.backup(target, { progress: () => allPages })
  } finally {
    database.close()
  }
}

async function runScript(BetterSqlite3: OpenDatabase, { script, target }: ScriptTask): Promise<void> {
  const text = await readSqlScript(script)
  const database = new BetterSqlite3(target, { fileMustExist: true, timeout: busyTimeoutMs })
  try {
    database.exec(scriptPrelude)
    database.exec(text)
  } finally {
    database.close()
  }
}

/** Our own package's one first, then that of each folder; one built for another runtime is passed over. */
function findBetterSqlite3(packageRoots: readonly string[]): OpenDatabase | undefined {
  const places = [import.meta.url, ...packageRoots.map((root) => join(root, 'package.json'))]
  for (const place of places) {
    const found = loadBetterSqlite3(place)
    if (found !== undefined) return found
  }
  return undefined
}

function loadBetterSqlite3(place: string): OpenDatabase | undefined {
  try {
    const loaded: unknown = createRequire(place)('better-sqlite3')
    if (!isOpenDatabase(loaded)) return undefined
    // The native part is only loaded now, and it is what may be missing or built for another Node.
    new loaded(':memory:').close()
    return loaded
  } catch (error) {
    // Each runtime and each broken install throws something else (MODULE_NOT_FOUND, ERR_DLOPEN_FAILED, errors without
    // a code); all of them mean that this one cannot be used.
    if (error instanceof Error) return undefined
    throw error
  }
}

function isOpenDatabase(value: unknown): value is OpenDatabase {
  return typeof value === 'function'
}
