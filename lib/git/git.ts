/** Runs git. Output is meant for programs: C locale, no optional locks, no prompts. */
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { childEnvironment, run, type Outcome, type RunOptions } from '../processes/run.ts'
import { IsolateError } from '../report/isolate-error.ts'

/**
 * Where git is to work, told outright. Left to itself it asks the folder it stands in and the config, and that may name
 * another checkout: with `extensions.worktreeConfig` a shared `core.worktree` holds in every linked worktree, and
 * `git reset --hard` there resets the main checkout (measured with git 2.39 and 2.55).
 */
export type GitPlace = {
  gitDir: string
  /** Top of the checkout. Without one git is asked about the git folder alone. */
  workTree?: string | undefined
}

export type GitOptions = Pick<RunOptions, 'input' | 'timeoutMs' | 'onOutput' | 'mergeOutput'> & {
  env?: NodeJS.ProcessEnv
}

/** Runs git and returns what happened; throws only when there is no git, or no such folder. */
export async function tryGit(place: GitPlace, args: readonly string[], options: GitOptions = {}): Promise<Outcome> {
  const { gitDir, workTree } = place
  const named = ['--git-dir', gitDir, ...(workTree === undefined ? [] : ['--work-tree', workTree])]
  return start(workTree ?? gitDir, [...named, ...args], options)
}

/**
 * For what git answers in a moment: without an end a FIFO that lies where a .gitignore should, or a monitor that hangs,
 * would keep us for ever.
 */
export function questionLimit(): { timeoutMs: number } {
  return { timeoutMs: 1000 * (Number(process.env['AGENT_ISOLATE_GIT_SECONDS']) || 120) }
}

/** Runs git and returns its stdout; throws `IsolateError` with git's own words when it fails. */
export async function git(place: GitPlace, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const outcome = await tryGit(place, args, { ...questionLimit(), ...options })
  if (outcome.code !== 0) throw gitFailure(place, args, outcome)
  return outcome.stdout
}

/**
 * Asks git what it may say no to: its stdout, or undefined for exit code 1, which is no in `config --get`, `show-ref --verify`,
 * `rev-parse --verify --quiet`, `symbolic-ref --quiet`, `merge-base` and `ls-files --error-unmatch`. Throws `IsolateError`
 * for any other code: a git that failed has not said no.
 */
export async function askGit(place: GitPlace, args: readonly string[]): Promise<string | undefined> {
  const outcome = await tryGit(place, args, questionLimit())
  if (outcome.code === 1) return undefined
  if (outcome.code !== 0) throw gitFailure(place, args, outcome)
  return outcome.stdout
}

/** The same as `git`, for one that changes refs: a lock that another git holds for a moment is waited for, and never touched. */
export async function gitPastLocks(place: GitPlace, args: readonly string[]): Promise<void> {
  for (const started = Date.now(); ;) {
    const outcome = await tryGit(place, args, questionLimit())
    if (outcome.code === 0) return
    const isLocked = /Unable to create '.*\.lock': File exists/.test(outcome.stderr)
    if (!isLocked || Date.now() - started > lockPatienceMs) throw gitFailure(place, args, outcome)
    await sleep(lockNapMs)
  }
}

/** git itself waits for a second at most (git-config(1), core.packedRefsTimeout). */
const lockPatienceMs = 2000
const lockNapMs = 100

/**
 * Lets git find the repository from a folder, as a command typed there would, hooks and all. With `searchesAbove` in the
 * folders above, too: only for finding out where we are, since a worktree lies inside the main checkout, and were its
 * .git file gone, git would work on that one.
 */
export function tryGitIn(
  cwd: string,
  args: readonly string[],
  { searchesAbove = false, env, ...options }: GitOptions & { searchesAbove?: boolean } = {},
): Promise<Outcome> {
  const ceiling = searchesAbove ? {} : { GIT_CEILING_DIRECTORIES: dirname(cwd) }
  return start(cwd, args, { ...options, env: { ...ceiling, ...env } })
}

/** The same; returns stdout, and throws `IsolateError` with git's own words when it fails. */
export async function gitIn(cwd: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const outcome = await tryGitIn(cwd, args, { ...questionLimit(), ...options })
  if (outcome.code !== 0) throw gitFailure({ gitDir: cwd }, args, outcome)
  return outcome.stdout
}

async function start(cwd: string, args: readonly string[], { env, ...options }: GitOptions): Promise<Outcome> {
  const outcome = await run('git', args, { ...options, cwd, env: gitEnvironment(env) })
  if (outcome.isMissing) {
    throw new IsolateError(`git cannot be started in ${cwd}`, { hint: 'Install git, and see that the folder exists.' })
  }
  return outcome
}

/** The error for a git command that failed. */
export function gitFailure({ gitDir, workTree }: GitPlace, args: readonly string[], outcome: Outcome): IsolateError {
  const what = `git ${args.slice(0, 2).join(' ')}`
  const where = workTree ?? gitDir
  if (outcome.timedOut) {
    return new IsolateError(`${what} did not end in ${where}`, {
      hint: 'Something keeps it waiting: a FIFO where git expects a file, a filter, a file system monitor, a slow disk. More time: AGENT_ISOLATE_GIT_SECONDS.',
    })
  }
  const words = outcome.stderr.trim() || `exit code ${outcome.code ?? outcome.signal}`
  return new IsolateError(`${what} failed in ${where}: ${words}`)
}

function gitEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return childEnvironment({ LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', ...extra })
}
