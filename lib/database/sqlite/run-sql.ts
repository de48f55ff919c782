/** A database made by a file of SQL text. It has its name only once the whole script has run. */
import { statSync } from 'node:fs'
import { errorCode, errorText, IsolateError } from '../../report/isolate-error.ts'
import type { Reporter } from '../../report/reporter.ts'
import { replaceDatabase, type DatabasePlace } from './database-file.ts'
import type { SqliteEngine } from './engine.ts'
import { sqliteEngines } from './engines.ts'
import { findFinalCause, isMissingFeature } from './sqlite-message.ts'
import { tryEngines } from './try-engines.ts'

export type SqlRequest = DatabasePlace & {
  /** Path of a file of SQL, in UTF-8. SQL can write other files (ATTACH): it must be trusted as a command is. */
  script: string
  /** Folders from which a better-sqlite3 may be loaded: it is code, so only those that are trusted. */
  packageRoots: readonly string[]
  reporter: Reporter
  /** In order of preference. */
  engines?: readonly SqliteEngine[]
}

/** Returns the name of the engine that ran the script, and the database's bytes. Throws `IsolateError` with SQLite's words. */
export async function createDatabaseFromSql(request: SqlRequest): Promise<{ engine: string; bytes: number }> {
  const { script, packageRoots, reporter, engines = sqliteEngines } = request
  const scriptBytes = requireScript(script)
  const { engine, bytes } = await replaceDatabase(request, async (temporary) => ({
    engine: await tryEngines({
      engines,
      tasks: [{ kind: 'script', script, target: temporary }],
      packageRoots,
      bytes: scriptBytes,
      reporter,
      toFinalError: (message) => toFinalError(script, message),
    }),
  }))
  return { engine: engine.name, bytes }
}

function requireScript(script: string): number {
  try {
    return statSync(script).size
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw new IsolateError(`the seed ${script} cannot be read: ${errorText(error)}`, {
      hint: 'Create it, or name another seed.',
      cause: error,
    })
  }
}

/** Another engine may have a function that this one lacks; it will not like a wrong statement better. */
function toFinalError(script: string, message: string): IsolateError | undefined {
  if (isMissingFeature(message)) return undefined
  const hint =
    findFinalCause(message)?.hint ??
    'Correct the script. It is plain SQL: the commands of the sqlite3 program (.mode, .read) do not belong to it.'
  return new IsolateError(`the seed ${script} failed: ${message}`, { hint })
}
