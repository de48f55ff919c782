/**
 * Brings a branch up to its upstream by rebase or merge, whole or not at all: whatever goes wrong, the worktree is back
 * at the commit that it had, and never left in the middle.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promptlessEnvironment } from './fetch.ts'
import { git, questionLimit, tryGit, tryGitIn, type GitOptions } from './git.ts'
import { linkedGitDir, worktreePlace } from './linked-git-dir.ts'
import { findOperation } from './operation.ts'
import { noDeadline, type Deadline } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import type { Outcome } from '../processes/run.ts'
import { upstreamName, type Upstream } from './upstream.ts'

/** What a new branch that holds local commits is to be rebased onto. */
export type RebaseTarget = {
  commit: string
  upstream: Upstream
  /** How many commits of the upstream the branch lacks. */
  behind: number
  /** The branch's own commits come after this one: the upstream's, or the last of those that it has dropped. */
  after: string
}

export type Integration = { isDone: true } | FailedIntegration

/** `conflicts`: the files that both sides changed; empty when it failed for another `reason`. A killed git may leave new files. */
export type FailedIntegration = { isDone: false; conflicts: string[]; reason: string; wasKilled: boolean }

export type IntegrateOptions = {
  /** Linked, clean, and on a branch. With hooks, one that git finds by itself when it is run there. */
  worktree: string
  /** The commit to be brought in. */
  onto: string
  /** A rebase moves the commits after this one. */
  after: string
  upstream: Upstream
  method: 'rebase' | 'merge'
  withHooks: boolean
  deadline?: Deadline
}

/** Hundreds of commits are rebased in seconds; what takes two minutes waits for somebody (a hook, a filter, gpg). */
const integrateTimeoutMs = 120_000

/**
 * What a user may have configured for rebases by hand, and that would surprise here: other branches moved along, changes
 * stashed, commits melted into others. `maintenance` would go on in the background.
 */
const plainConfig = [
  'rebase.updateRefs=false',
  'rebase.autoStash=false',
  'rebase.autoSquash=false',
  'merge.autoStash=false',
  'maintenance.auto=false',
].flatMap((setting) => ['-c', setting])

/**
 * Rebases a new branch in a worktree that holds nothing but git's files yet. When that fails it stays at the local commits, with a warning that says what to
 * do. Returns whether it was rebased; throws `IsolateError` only when the worktree cannot be brought back.
 *
 * Without the repository's hooks: nothing is installed in a new worktree yet, so that husky and its like would fail, and a
 * pre-rebase hook guards published branches, which this is not. post-checkout is for whoever makes the worktree to run.
 */
export async function rebaseWorktree(options: {
  worktree: string
  onto: RebaseTarget
  reporter: Reporter
  deadline?: Deadline
}): Promise<boolean> {
  const { worktree, onto, reporter, deadline = noDeadline } = options
  const { commit, upstream, behind, after } = onto
  const ours = { method: 'rebase', withHooks: false, deadline } as const
  const result = await integrate({ worktree, onto: commit, after, upstream, ...ours })
  if (result.isDone) return true
  // The worktree is new: whatever git does not know there is from the check-out that was killed.
  if (result.wasKilled) await git(worktreePlace(worktree), ['clean', '--quiet', '-ffdx'])
  const name = upstreamName(upstream)
  reporter.warn(
    `the new branch starts at the local commits, ${behind} behind ${name}: rebasing them failed (${describe(result)}) ` +
      `and was undone; by hand: git -C ${worktree} rebase ${after === commit ? name : `--onto ${name} ${after}`}`,
  )
  return false
}

/**
 * Rebases or merges in a clean worktree; undone when it fails. Signing stays as configured (a branch may require it), but
 * can ask nobody. Throws `IsolateError` only when it cannot be undone.
 */
export async function integrate(options: IntegrateOptions): Promise<Integration> {
  const { worktree, method, deadline = noDeadline } = options
  const place = worktreePlace(worktree)
  const timeoutMs = deadline.remainingMs(integrateTimeoutMs)
  const settings: GitOptions = { env: integrateEnvironment(), timeoutMs }
  const runGit = (args: readonly string[]): Promise<Outcome> =>
    // A hook is to find its repository as it would after the same command by hand, without our --git-dir in its environment.
    options.withHooks
      ? tryGitIn(worktree, [...plainConfig, ...args], settings)
      : tryGit(place, [...plainConfig, '-c', 'core.hooksPath=/dev/null', ...args], settings)
  const outcome = await runGit(await commandOf(options))
  if (outcome.code === 0) return { isDone: true }
  // Only for the message; where this fails, git's own words are told.
  const listed = await tryGit(place, ['diff', '--name-only', '--diff-filter=U', '-z'], questionLimit())
  await undo(worktree, outcome, () => runGit([method, '--abort']))
  const conflicts = listed.stdout.split('\0').filter(Boolean)
  return { isDone: false, conflicts, reason: describeOutcome(outcome, timeoutMs), wasKilled: outcome.timedOut }
}

/** "conflict in a.ts, b.ts", or git's own words. */
export function describe({ conflicts, reason }: FailedIntegration): string {
  return conflicts.length > 0 ? `conflict in ${conflicts.join(', ')}` : reason
}

async function commandOf({ worktree, onto, after, upstream, method }: IntegrateOptions): Promise<string[]> {
  if (method === 'rebase') return ['rebase', '--quiet', '--rebase-merges', '--onto', onto, after]
  const branch = (await git(worktreePlace(worktree), ['symbolic-ref', '--short', 'HEAD'])).trim()
  const message = `Merge ${upstreamName(upstream)} into ${branch}`
  return ['merge', '--quiet', '--ff', '--no-edit', '-m', message, onto]
}

/** gpg finds neither a terminal nor a screen to ask on, and takes its agent's word or fails. */
function integrateEnvironment(): NodeJS.ProcessEnv {
  return {
    ...promptlessEnvironment,
    GIT_EDITOR: ':',
    GIT_SEQUENCE_EDITOR: ':',
    GPG_TTY: undefined,
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
  }
}

async function undo(worktree: string, failed: Outcome, abort: () => Promise<Outcome>): Promise<void> {
  const gitDir = linkedGitDir(worktree)
  // It was killed, so its lock on this worktree's index is nobody's.
  if (failed.timedOut) rmSync(join(gitDir, 'index.lock'), { force: true })
  if (findOperation(gitDir) === undefined) return
  const { code } = await abort()
  const operation = findOperation(gitDir)
  if (code === 0 && operation === undefined) return
  throw new IsolateError(`${worktree} is in the middle of a ${operation ?? 'failed update'} that could not be undone`, {
    hint: `Run: git -C ${worktree} ${operation ?? 'rebase'} --abort`,
  })
}

/** Git's own words, and a hook's, on one line. */
function describeOutcome({ timedOut, stderr, stdout }: Outcome, timeoutMs: number): string {
  if (timedOut) return `it took longer than ${Math.round(timeoutMs / 1000)} s`
  const lines = (stderr.trim() || stdout).split('\n').map((line) => line.trim())
  const words = lines.filter((line) => line !== '' && !line.startsWith('hint:')).slice(0, 4)
  return words.join(' ').replaceAll(/(^| )(?:fatal|error): /g, '$1') || 'git said nothing about why'
}
