/** Goes through the engines until one has done what was asked, or until no other could do better. */
import { basename } from 'node:path'
import { statSync } from 'node:fs'
import { IsolateError } from '../../report/isolate-error.ts'
import type { Reporter } from '../../report/reporter.ts'
import { emptyDatabaseFile } from './database-file.ts'
import type { SqliteEngine, SqliteOutcome, SqliteTask } from './engine.ts'
import { performApart } from './run-apart.ts'

export type Attempt = {
  engines: readonly SqliteEngine[]
  /** Tasks to try with each engine, in this order. */
  tasks: readonly [SqliteTask, ...SqliteTask[]]
  packageRoots: readonly string[]
  /** Bytes of what is read. Above a limit, the work is done in another process and `reporter` is told how far it is. */
  bytes: number
  reporter: Reporter
  /** The error for a failure that ends the search; undefined to go on to the next task or engine. */
  toFinalError: (message: string) => IsolateError | undefined
  /** The same task in another way, for a failure that calls for it. */
  toRetry?: (task: SqliteTask, message: string) => SqliteTask | undefined
}

/** Above this an engine in this process would hold it up for more than about half a second. */
const bigBytes = 64 * 1024 * 1024
const progressMs = 1000

/** The engine that did it. Throws `IsolateError` with what each one said when none could. */
export async function tryEngines(attempt: Attempt): Promise<SqliteEngine> {
  const failures: string[] = []
  for (const engine of attempt.engines) {
    for (const task of attempt.tasks) {
      const outcome = await tryTask(engine, task, attempt)
      if (outcome.state === 'done') return engine
      if (outcome.state === 'absent') continue
      const finalError = attempt.toFinalError(outcome.message)
      if (finalError !== undefined) throw finalError
      failures.push(`${engine.name}: ${outcome.message}`)
      emptyDatabaseFile(task.target)
    }
  }
  throw new IsolateError([`no SQLite here could ${describeTask(attempt.tasks)}`, ...failures].join('\n  '), {
    hint: 'Install sqlite3 or python3, or add better-sqlite3 to the project.',
  })
}

async function tryTask(engine: SqliteEngine, task: SqliteTask, attempt: Attempt): Promise<SqliteOutcome> {
  const outcome = await perform(engine, task, attempt)
  const retry = outcome.state === 'failed' ? attempt.toRetry?.(task, outcome.message) : undefined
  if (retry === undefined) return outcome
  emptyDatabaseFile(task.target)
  return perform(engine, retry, attempt)
}

async function perform(engine: SqliteEngine, task: SqliteTask, attempt: Attempt): Promise<SqliteOutcome> {
  const { bytes, packageRoots, reporter } = attempt
  if (bytes <= bigBytes) return engine.perform(task, packageRoots)
  const timer = setInterval(() => reporter.progress(describeProgress(task, bytes)), progressMs)
  try {
    return await (engine.isBlocking
      ? performApart(engine.name, task, packageRoots)
      : engine.perform(task, packageRoots))
  } finally {
    clearInterval(timer)
  }
}

function describeTask([task]: Attempt['tasks']): string {
  return task.kind === 'script' ? `run ${task.script}` : `copy ${task.source}`
}

/** A copy ends smaller than its source where that has free pages, so the share is a lower bound. */
function describeProgress(task: SqliteTask, bytes: number): string {
  const done = statSync(task.target, { throwIfNoEntry: false })?.size ?? 0
  if (task.kind === 'script') return `running ${basename(task.script)}: ${megabytes(done)} MB written`
  const percent = Math.min(99, Math.floor((100 * done) / bytes))
  return `copying ${basename(task.source)}: ${percent} %, ${megabytes(done)} of ${megabytes(bytes)} MB`
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
