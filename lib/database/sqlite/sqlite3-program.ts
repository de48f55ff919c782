/** The sqlite3 command-line program. */
import { devNull } from 'node:os'
import { run, type Outcome } from '../../processes/run.ts'
import {
  busyTimeoutMs,
  existingDatabaseUri,
  scriptPrelude,
  type CopyTask,
  type ScriptTask,
  type SqliteEngine,
  type SqliteOutcome,
} from './engine.ts'
import { readSqlScript } from './sql-script.ts'

export const sqlite3Program: SqliteEngine = {
  name: 'sqlite3',
  isBlocking: false,
  perform: async (task) => toOutcome(await (task.kind === 'script' ? runScript(task) : copy(task))),
}

/** `-init` keeps the user's own ~/.sqliterc out. */
const commonArguments = ['-batch', '-bail', '-init', devNull, '-cmd', `.timeout ${busyTimeoutMs}`]

function copy(task: CopyTask): Promise<Outcome> {
  return run('sqlite3', [...commonArguments, existingDatabaseUri(task), ...copyCommands(task)])
}

/**
 * `.backup` works in steps of 100 pages, each of which sees the newest state and starts again where there was a commit.
 * Inside a read transaction, which the pragma starts, all of them see the same state.
 */
function copyCommands({ kind, target }: CopyTask): string[] {
  if (kind === 'vacuum') return [`VACUUM INTO '${target.replaceAll("'", "''")}'`]
  return ['BEGIN', 'PRAGMA user_version', `.backup main "${target.replaceAll(/["\\]/g, '\\$&')}"`]
}

/** `-safe` refuses dot-commands that reach beyond the database (`.shell`): a script is SQL, not a program. */
async function runScript({ script, target }: ScriptTask): Promise<Outcome> {
  const input = await readSqlScript(script)
  return run('sqlite3', [...commonArguments, '-cmd', scriptPrelude, '-safe', target], { input })
}

function toOutcome({ code, signal, stderr, isMissing }: Outcome): SqliteOutcome {
  if (isMissing) return { state: 'absent' }
  if (code === 0) return { state: 'done' }
  return { state: 'failed', message: stderr.trim() || `ended with ${code ?? signal}` }
}
