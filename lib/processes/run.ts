/** Starts other programs: never through a shell, never with our stdin or stdout, always with an end where one is asked for. */
import { spawn } from 'node:child_process'
import { errorCode } from '../report/isolate-error.ts'

export type RunOptions = {
  cwd?: string
  /** The whole environment of the child; `childEnvironment()` when left out. */
  env?: NodeJS.ProcessEnv
  /** Text for the child's stdin, which is otherwise /dev/null. */
  input?: string
  /** Instead of text: a file, open for reading, as the child's stdin. It stays open here. */
  inputFile?: number
  /** After this many ms the child and all its descendants are killed and `timedOut` is set. */
  timeoutMs?: number
  /** Called with each piece of the child's stderr (and of its stdout with `mergeOutput`), as it comes. */
  onOutput?: (text: string) => void
  mergeOutput?: boolean
}

export type Outcome = {
  /** Exit code; undefined when the program is missing or died of a signal. */
  code: number | undefined
  signal: NodeJS.Signals | undefined
  stdout: string
  stderr: string
  timedOut: boolean
  /** True when there is no such program on PATH. */
  isMissing: boolean
}

/** Variables that would make a child git work on another repository (git-rev-parse(1), --local-env-vars), or read paths as patterns (git(1)). */
const gitLocalVariables = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_DIR',
  'GIT_GLOB_PATHSPECS',
  'GIT_GRAFT_FILE',
  'GIT_ICASE_PATHSPECS',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_LITERAL_PATHSPECS',
  'GIT_NOGLOB_PATHSPECS',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]

/** Our environment without what ties a child to another repository, plus `extra`. */
export function childEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const env = { ...process.env, ...extra }
  for (const name of gitLocalVariables) delete env[name]
  return env
}

/** Runs a program to its end. A failing or missing program is an outcome, not an exception. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { cwd, input, inputFile, timeoutMs, onOutput, mergeOutput = false } = options
  return new Promise((resolve, reject) => {
    const outcome: Outcome = {
      code: undefined,
      signal: undefined,
      stdout: '',
      stderr: '',
      timedOut: false,
      isMissing: false,
    }
    const settle = (code?: number | null, signal?: NodeJS.Signals | null): void => {
      clearTimeout(timer)
      resolve({ ...outcome, code: code ?? undefined, signal: signal ?? undefined })
    }
    // A group of its own (and so no controlling terminal): a time-out ends the helpers too, and nothing can ask for a password.
    const child = spawn(command, [...args], {
      cwd,
      env: options.env ?? childEnvironment(),
      stdio: [inputFile ?? (input === undefined ? 'ignore' : 'pipe'), 'pipe', 'pipe'],
      detached: timeoutMs !== undefined,
    })
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            outcome.timedOut = true
            if (child.pid !== undefined) endGroup(child.pid, () => settle(undefined, 'SIGKILL'))
          }, timeoutMs)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      outcome.stdout += text
      if (mergeOutput) onOutput?.(text)
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      outcome.stderr += text
      onOutput?.(text)
    })
    child.on('error', (error) => {
      clearTimeout(timer)
      if (errorCode(error) !== 'ENOENT') return reject(error)
      resolve({ ...outcome, isMissing: true })
    })
    child.on('close', settle)
    // What a child leaves running in the background may hold its pipes open for ever.
    child.on('exit', (code, signal) => {
      const letGo = (): void => {
        child.stdout?.destroy()
        child.stderr?.destroy()
        settle(code, signal)
      }
      setTimeout(() => afterReading(letGo), drainMs).unref()
    })
    // A child that ends without reading its input makes the pipe fail; its exit code tells the story.
    child.stdin?.on('error', (error) => {
      if (errorCode(error) !== 'EPIPE') reject(error)
    })
    child.stdin?.end(input)
  })
}

/** SIGTERM lets git remove its lock files; who does not listen is killed. A descendant that has left the group is not waited for. */
function endGroup(pid: number, giveUp: () => void): void {
  signalGroup(pid, 'SIGTERM')
  setTimeout(() => {
    signalGroup(pid, 'SIGKILL')
    setTimeout(giveUp, graceMs).unref()
  }, graceMs).unref()
}

const graceMs = 1000
/** Time for the pipes of a child that has ended to be closed by all who hold them. */
const drainMs = 500

/**
 * Calls back when what lies in the pipes has been read. The time alone does not tell: were we busy all the while, the timer
 * is called before the event loop looks at the pipes, and what the child wrote would be lost. Between two immediates it looks.
 */
function afterReading(callback: () => void): void {
  setImmediate(() => setImmediate(callback))
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
