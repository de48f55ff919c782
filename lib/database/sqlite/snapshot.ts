/**
 * A copy of a SQLite database as it was at one moment between two transactions, even while other processes write to it
 * all the time. The copy has its name only once it is whole.
 */
import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errorCode, IsolateError } from '../../report/isolate-error.ts'
import type { Reporter } from '../../report/reporter.ts'
import { replaceDatabase, requireDatabaseFile, type DatabaseFile, type DatabasePlace } from './database-file.ts'
import type { SqliteEngine, SqliteTask } from './engine.ts'
import { sqliteEngines } from './engines.ts'
import { findFinalCause, needsWriting } from './sqlite-message.ts'
import { tryEngines } from './try-engines.ts'

export { sqliteSideFiles } from './database-file.ts'

export type SnapshotRequest = DatabasePlace & {
  /** An existing database. */
  source: string
  /** Folders from which a better-sqlite3 may be loaded: it is code, so only those that are trusted. */
  packageRoots: readonly string[]
  reporter: Reporter
  /** In order of preference. */
  engines?: readonly SqliteEngine[]
}

/** Returns the name of the engine that made the copy, and the copy's bytes. Throws `IsolateError`; `target` is as it was then. */
export async function snapshotDatabase(request: SnapshotRequest): Promise<{ engine: string; bytes: number }> {
  const source = requireDatabaseFile(request.source)
  requireOther(source, request.target)
  const { engine, bytes } = await replaceDatabase(request, async (temporary) => ({
    engine: await copy(source, temporary, request),
    isInWalMode: source.isInWalMode,
  }))
  if (engine.caveat !== undefined) request.reporter.warn(`snapshot of ${request.source}: ${engine.caveat}`)
  return { engine: engine.name, bytes }
}

function copy(source: DatabaseFile, temporary: string, request: SnapshotRequest): Promise<SqliteEngine> {
  const { engines = sqliteEngines, packageRoots, reporter } = request
  const files = { source: source.path, target: temporary, readOnly: isReadOnlyBest(source) }
  return tryEngines({
    engines,
    tasks: [
      { kind: 'vacuum', ...files },
      { kind: 'backup', ...files },
    ],
    packageRoots,
    bytes: source.bytes,
    reporter,
    toFinalError: (message) => toFinalError(request.source, message),
    toRetry: retryWritable,
  })
}

/**
 * The last connection to a database in WAL mode takes the log away when it closes, but a read-only one cannot: where
 * there is no log yet, it would leave a -wal and a -shm beside the source. Nothing is written either way.
 */
function isReadOnlyBest({ isInWalMode, hasLog }: DatabaseFile): boolean {
  return !isInWalMode || hasLog
}

function retryWritable(task: SqliteTask, message: string): SqliteTask | undefined {
  return task.kind !== 'script' && task.readOnly && needsWriting(message) ? { ...task, readOnly: false } : undefined
}

function toFinalError(source: string, message: string): IsolateError | undefined {
  const cause = findFinalCause(message)
  if (cause === undefined) return undefined
  return new IsolateError(`the database ${source} cannot be copied: ${cause.reason} (${message})`, { hint: cause.hint })
}

/** A target that is a symlink to the source is replaced itself, so it may be one. */
function requireOther(source: DatabaseFile, target: string): void {
  const folder = realPathOf(dirname(target))
  if (folder === undefined || join(folder, basename(target)) !== source.path) return
  throw new IsolateError(`the database ${target} is to be a copy of itself`, { hint: 'Name another file as the seed.' })
}

function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}
