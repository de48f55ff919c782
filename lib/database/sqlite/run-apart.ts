/** Lets a blocking engine do its task in another process of the same runtime, so that this one stays responsive. */
import { run } from '../../processes/run.ts'
import { commandInSameRuntime } from '../../processes/same-runtime.ts'
import type { SqliteOutcome, SqliteTask } from './engine.ts'

/** What the engine of that name answers when it performs the task in a process of its own (`engine-process.ts`). */
export async function performApart(
  engine: string,
  task: SqliteTask,
  packageRoots: readonly string[],
): Promise<SqliteOutcome> {
  const { program, args } = commandInSameRuntime('./engine-process.ts', import.meta.url)
  const taskArgs = [engine, ...renderTask(task), ...packageRoots]
  const { code, signal, stdout, stderr } = await run(program, [...args, ...taskArgs])
  const [state, ...message] = stdout.split('\n')
  if (state === 'done' || state === 'absent') return { state }
  if (state === 'failed') return { state, message: message.join('\n') }
  return { state: 'failed', message: stderr.trim() || `ended with ${code ?? signal}` }
}

function renderTask(task: SqliteTask): string[] {
  if (task.kind === 'script') return [task.kind, task.script, task.target, 'rw']
  return [task.kind, task.source, task.target, task.readOnly ? 'ro' : 'rw']
}

/** The task in the four arguments that it was rendered to; undefined when they are none. */
export function parseTask([kind, input, target, mode]: readonly string[]): SqliteTask | undefined {
  if (input === undefined || target === undefined) return undefined
  if (kind === 'script') return { kind, script: input, target }
  if (kind === 'vacuum' || kind === 'backup') return { kind, source: input, target, readOnly: mode === 'ro' }
  return undefined
}
