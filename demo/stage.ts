/**
 * The world of a demo or a measurement: a temporary folder with a HOME and a ledger of its own, and every process started in it. Closing
 * the stage ends them all and removes the folder, whatever is going on.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, IsolateError } from '../lib/report/isolate-error.ts'
import { childEnvironment } from '../lib/processes/run.ts'

export type StartOptions = { cwd: string; input?: string; env?: NodeJS.ProcessEnv }

export type Ended = { code: number | null; stdout: string; stderr: string }

export type Running = {
  /** What it has printed on stdout so far. */
  printed: () => string
  ended: Promise<Ended>
  /** Ends it with all its descendants, and waits until it is gone. */
  stop: () => Promise<void>
}

export type Stage = {
  folder: string
  start: (command: readonly string[], options: StartOptions) => Running
  close: () => Promise<void>
}

/** How long a process may take to end after SIGTERM, in ms. */
const graceMs = 2000

/** What would tie the stage to the session that it is opened from. */
const foreignVariables = [
  'CLAUDE_ENV_FILE',
  'CLAUDE_PROJECT_DIR',
  'DATABASE_URL',
  'FORCE_COLOR',
  'NODE_ENV',
  'NODE_OPTIONS',
  'PORT',
  'XDG_STATE_HOME',
]

/** `prefix`: how the temporary folder's name begins. */
export function openStage(prefix: string): Stage {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  const env = stageEnvironment(folder)
  const started = new Set<Running>()
  let isOpen = true
  return {
    folder,
    start(command, options) {
      if (!isOpen) throw new IsolateError(`nothing can be started any more in ${folder}`)
      const running = startProcess(command, { ...options, env: { ...env, ...options.env } })
      started.add(running)
      return running
    },
    async close() {
      isOpen = false
      await Promise.all([...started].map(({ stop }) => stop()))
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}

function stageEnvironment(folder: string): NodeJS.ProcessEnv {
  const home = join(folder, 'home')
  mkdirSync(home)
  const env = childEnvironment({
    HOME: home,
    AGENT_ISOLATE_HOME: join(folder, 'ledger'),
    // The user's own configuration may sign commits or run hooks.
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
  })
  for (const name of foreignVariables) delete env[name]
  return env
}

/** In a group of its own, so that its descendants end with it. */
function startProcess([program = '', ...args]: readonly string[], { cwd, input, env }: StartOptions): Running {
  const child = spawn(program, args, { cwd, env, detached: true })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  child.stdin.on('error', (error) => {
    // It ended without reading; its exit code tells the story.
    if (errorCode(error) !== 'EPIPE') throw error
  })
  child.stdin.end(input)
  const ended = new Promise<Ended>((resolve) => {
    child.on('error', (error) => resolve({ code: null, stdout: '', stderr: error.message }))
    child.on('close', (code) => resolve({ code, ...output }))
  })
  const { pid } = child
  const stop = async (): Promise<void> => {
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    signalGroup(pid, 'SIGTERM')
    await Promise.race([ended, sleep(graceMs, undefined, { ref: false })])
    signalGroup(pid, 'SIGKILL')
    await ended
  }
  return { printed: () => output.stdout, ended, stop }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
