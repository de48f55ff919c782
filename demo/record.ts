/**
 * `npm run demo:record [FILE]`: runs the demo with its colours and makes a picture of what it prints, docs/demo.svg. A recording made
 * anew is the same file, on any machine, as long as the demo shows the same.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeFailure, IsolateError } from '../lib/report/isolate-error.ts'
import { steadyOutput } from './steady-output.ts'
import { drawTerminal } from './terminal-picture.ts'

const defaultFile = join(import.meta.dirname, '..', 'docs', 'demo.svg')

const label = {
  title: 'npm run demo',
  description:
    'A terminal. Without isolation, the second of two agents that start the same server fails: EADDRINUSE. Isolated, ' +
    'three worktrees each get a branch, a port and a database; three servers run at once, each database holds its own ' +
    "agent's row alone, and at the end all of it is released.",
}

process.exitCode = record(process.argv[2] ?? defaultFile)

/** Returns the exit code. */
function record(file: string): number {
  try {
    writeFileSync(file, drawTerminal(steadyOutput(runDemo()), label))
  } catch (error) {
    process.stderr.write(`The demo was not recorded: ${describeFailure(error)}\n`)
    return 1
  }
  process.stdout.write(`${file}\n`)
  return 0
}

/** What it prints on a terminal. */
function runDemo(): string {
  const { NO_COLOR: _, ...env } = process.env
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), join(import.meta.dirname, 'demo.ts')],
    { env: { ...env, FORCE_COLOR: '1' }, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
  )
  if (status !== 0) throw new IsolateError('the demo failed', { hint: 'see above; npm run demo shows all of it' })
  if (!stdout.includes('SQLite, through')) {
    throw new IsolateError('without SQLite the demo shows ports alone', {
      hint: 'install sqlite3, and record it again',
    })
  }
  return stdout
}
