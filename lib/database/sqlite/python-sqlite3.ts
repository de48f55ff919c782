/** The sqlite3 module of python3's standard library. */
import { run } from '../../processes/run.ts'
import { busyTimeoutMs, existingDatabaseUri, scriptPrelude, type SqliteEngine, type SqliteTask } from './engine.ts'
import { readSqlScript } from './sql-script.ts'

/** Exit code of the program below when python3 was built without SQLite. */
const noModule = 3

const program = `
import json, sys
try:
    import sqlite3
except ImportError:
    sys.exit(${noModule})
task = json.loads(sys.stdin.buffer.read().decode("utf-8"))
try:
    database = sqlite3.connect(task["database"], uri=task["uri"], timeout=${busyTimeoutMs / 1000}, isolation_level=None)
    if task["kind"] == "script":
        database.execute("${scriptPrelude}")
        database.executescript(task["text"])
    elif task["kind"] == "vacuum":
        database.execute("VACUUM INTO ?", (task["target"],))
    else:
        target = sqlite3.connect(task["target"])
        database.backup(target)
        target.close()
    database.close()
except sqlite3.Error as error:
    sys.exit(str(error))
`

export const pythonSqlite3: SqliteEngine = {
  name: 'python3',
  isBlocking: false,
  perform: async (task) => {
    // -I keeps a sqlite3.py or json.py of the current folder from being imported.
    const outcome = await run('python3', ['-I', '-c', program], { input: JSON.stringify(await toInput(task)) })
    if (outcome.isMissing || outcome.code === noModule) return { state: 'absent' }
    if (outcome.code === 0) return { state: 'done' }
    return { state: 'failed', message: outcome.stderr.trim() || `ended with ${outcome.code ?? outcome.signal}` }
  },
}

async function toInput(task: SqliteTask): Promise<Record<string, string | boolean>> {
  if (task.kind !== 'script')
    return { kind: task.kind, database: existingDatabaseUri(task), uri: true, target: task.target }
  return { kind: 'script', database: task.target, uri: false, text: await readSqlScript(task.script) }
}
