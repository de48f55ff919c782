/** Runs git in a folder. Output is meant for programs: C locale, no optional locks, no prompts. */
import { dirname } from 'node:path'
import { childEnvironment, run, type Outcome, type RunOptions } from './run.ts'
import { IsolateError } from './isolate-error.ts'

export type GitOptions = Pick<RunOptions, 'input' | 'timeoutMs' | 'onOutput' | 'mergeOutput'> & {
  env?: NodeJS.ProcessEnv
  /** Looks for the repository in the folders above too. Only for finding out where we are. */
  searchesAbove?: boolean
}

/** Runs git in the top folder of a checkout, or any with `--git-dir`, and answers what happened; throws only when there is no git, or no such folder. */
export async function tryGit(cwd: string, args: readonly string[], options: GitOptions = {}): Promise<Outcome> {
  const { env, searchesAbove = false, ...rest } = options
  // A worktree lies inside the main checkout: were its .git file gone, git would work on that one.
  const ceiling = searchesAbove ? {} : { GIT_CEILING_DIRECTORIES: dirname(cwd) }
  const outcome = await run('git', args, { ...rest, cwd, env: gitEnvironment({ ...ceiling, ...env }) })
  if (outcome.isMissing) {
    throw new IsolateError(`git cannot be started in ${cwd}`, { hint: 'Install git, and see that the folder exists.' })
  }
  return outcome
}

/** Runs git and answers its stdout; throws `IsolateError` with git's own words when it fails. */
export async function git(cwd: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const outcome = await tryGit(cwd, args, options)
  if (outcome.code !== 0) throw gitFailure(cwd, args, outcome)
  return outcome.stdout
}

/** The error for a git command that failed in `cwd`. */
export function gitFailure(cwd: string, args: readonly string[], outcome: Outcome): IsolateError {
  const words = outcome.timedOut
    ? 'it took too long'
    : outcome.stderr.trim() || `exit code ${outcome.code ?? outcome.signal}`
  const command = args[0] === '--git-dir' ? args.slice(2) : args
  return new IsolateError(`git ${command.slice(0, 2).join(' ')} failed in ${cwd}: ${words}`)
}

function gitEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return childEnvironment({ LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', ...extra })
}
