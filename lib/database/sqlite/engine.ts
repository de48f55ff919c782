/** What every SQLite engine can be asked to do, and how it answers: plain data, so that a task may cross to another process. */
import { pathToFileURL } from 'node:url'

export type CopyTask = {
  /** `vacuum` is VACUUM INTO; `backup` is the backup API in one step, which needs no function of the schema. */
  kind: 'vacuum' | 'backup'
  /** Real path of an existing database. */
  source: string
  /** Path of an existing empty file, which becomes the copy. */
  target: string
  readOnly: boolean
}

export type ScriptTask = {
  kind: 'script'
  /** Path of a file of SQL text, in UTF-8. */
  script: string
  /** Path of an existing empty file, in which the script is run. */
  target: string
}

export type SqliteTask = CopyTask | ScriptTask

/** `absent`: the engine is not on this machine, or has no such operation. `failed`: SQLite's own message. */
export type SqliteOutcome = { state: 'done' } | { state: 'absent' } | { state: 'failed'; message: string }

export type SqliteEngine = {
  name: string
  /** True when it works inside this process, which can do nothing else meanwhile. */
  isBlocking: boolean
  /** What a user has to know about a result of this engine. */
  caveat?: string
  /** `packageRoots` are the folders from which a package may be loaded. */
  perform: (task: SqliteTask, packageRoots: readonly string[]) => Promise<SqliteOutcome>
}

/** How long an engine waits for a lock that another connection holds, in ms. */
export const busyTimeoutMs = 5000

/** More pages than a database can have in practice, so that a backup is done in one step; the greatest 32-bit integer. */
export const allPages = 0x7fffffff

/** SQLite's default, which some engines turn round: a seed may insert a child before its parent. */
export const scriptPrelude = 'PRAGMA foreign_keys = OFF'

/** The database as a URI that never creates it; see https://sqlite.org/uri.html. */
export function existingDatabaseUri({ source, readOnly }: CopyTask): string {
  return `${pathToFileURL(source).href}?mode=${readOnly ? 'ro' : 'rw'}`
}
