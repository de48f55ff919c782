/**
 * Makes and removes git worktrees. git itself fails when many are added at once, so everything that writes to the
 * shared git folder happens under the repository's lock, and nothing else does: the slow check-out runs unlocked.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { digestOf } from '../files/digest.ts'
import { askGit, git, gitFailure, gitPastLocks, questionLimit, tryGit, tryGitIn } from './git.ts'
import { linkedGitDir } from './linked-git-dir.ts'
import { noDeadline, type Deadline } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { withLock } from '../state/lock.ts'
import { listWorktrees, type ListedWorktree, type Repository } from './repository.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { findEntry, findObstacle, isWithin } from '../files/inner-path.ts'
import { countOwnCommits } from './own-commits.ts'
import type { Outcome } from '../processes/run.ts'
import type { Reporter } from '../report/reporter.ts'
import { makeSelfIgnoringFolder, removeFolderIfEmpty, removeSelfIgnoringFolder } from '../files/self-ignoring-folder.ts'

/** Twenty creations need a second; a fetch under the same lock some more. At most, in ms. */
const repositoryWaitMs = 120_000

export function repositoryLockName(commonDir: string): string {
  return `repository-${digestOf(commonDir, 24)}`
}

/** Who is told of a wait, and when it must end. */
export type Waiting = { reporter?: Reporter; deadline?: Deadline }

export function withRepositoryLock<T>(
  commonDir: string,
  work: () => Promise<T>,
  { reporter, deadline = noDeadline }: Waiting = {},
): Promise<T> {
  const waitMs = deadline.remainingMs(repositoryWaitMs)
  const purpose = `the worktrees of ${commonDir}`
  const onWait = (): void => reporter?.progress(`waiting for another process that adds or fetches in ${commonDir}`)
  return withLock(repositoryLockName(commonDir), { purpose, waitMs, onWait }, work)
}

export type NewWorktree = {
  path: string
  branch: string
  /** Commit for a new branch; undefined checks out the branch that exists. */
  start: string | undefined
}

/**
 * `git worktree add`, without files. `--no-track` keeps `.git/config`, and its lock, out of it. `claim` is called, under
 * the repository's lock, when nothing is in the way and just before anything is made.
 */
export async function addWorktree(
  { commonDir, root }: Repository,
  { path, branch, start }: NewWorktree,
  { claim, ...waiting }: Waiting & { claim: () => void },
): Promise<void> {
  const what = start === undefined ? [path, branch] : ['--no-track', '-b', branch, path, start]
  const args = ['worktree', 'add', '--quiet', '--no-checkout', ...what]
  const add = async (): Promise<Outcome> => {
    requireNothingThere(path)
    if (start !== undefined && (await hasBranch(commonDir, branch))) {
      throw new IsolateError(`the branch ${branch} has just been made by somebody else`, { hint: 'Try again.' })
    }
    claim()
    // Beside the repository there is nobody to ignore it; git makes the folder.
    if (isWithin(root, path)) makeSelfIgnoringFolder(dirname(path))
    return tryGit({ gitDir: commonDir }, args, questionLimit())
  }
  const outcome = await withRepositoryLock(commonDir, add, waiting)
  if (outcome.code === 0) return claimWorkTree(commonDir, path)
  const taken = /is already (?:checked out|used by worktree) at '(.+)'/.exec(outcome.stderr)?.[1]
  if (taken === undefined) throw gitFailure({ gitDir: commonDir }, args, outcome)
  throw new IsolateError(`the branch ${branch} is checked out already, at ${taken}`, {
    hint: 'Choose another name, or finish the work there first.',
  })
}

/**
 * Sees that git, run in the new worktree, works on that worktree. With `extensions.worktreeConfig` a `core.worktree` or
 * `core.bare` of the shared config holds in linked worktrees too (git-worktree(1), CONFIGURATION FILE): the worktree's own
 * config, which goes with it, then says otherwise. No process without that extension, which git reads from this file alone.
 */
async function claimWorkTree(commonDir: string, path: string): Promise<void> {
  if (!/worktreeconfig/i.test(readIfAny(join(commonDir, 'config')) ?? '') || (await isOwnWorkTree(path))) return
  const own = join(linkedGitDir(path), 'config.worktree')
  const write = ['config', '--file', own]
  await git({ gitDir: commonDir }, [...write, 'core.bare', 'false'])
  await git({ gitDir: commonDir }, [...write, 'core.worktree', path])
  if (await isOwnWorkTree(path)) return
  throw new IsolateError(`git commands in ${path} would work on another checkout`, {
    hint: 'See where core.worktree and core.bare are set: git config --show-origin --get-regexp "core.(worktree|bare)"',
  })
}

async function isOwnWorkTree(path: string): Promise<boolean> {
  const { code, stdout } = await tryGitIn(path, ['rev-parse', '--show-toplevel'], questionLimit())
  // It fails where the shared config says that the repository is bare.
  return code === 0 && realpathSync(stdout.trimEnd()) === path
}

/** Throws `IsolateError` when there is anything at the path but an empty folder. */
export function requireNothingThere(path: string): void {
  const above = findObstacle(dirname(path))
  if (above !== undefined) {
    throw new IsolateError(`the folder ${dirname(path)} cannot be made: ${above} is no folder`, {
      hint: 'Move it away, or set "worktrees.folder" in agent-isolate.json.',
    })
  }
  const status = findEntry(path)
  if (status === undefined || (status.isDirectory() && readdirSync(path).length === 0)) return
  throw new IsolateError(`${path} is there already, and is no worktree of this repository`, {
    hint: 'Move it away, or choose another name.',
  })
}

export async function hasBranch(commonDir: string, branch: string): Promise<boolean> {
  const args = ['show-ref', '--verify', '--quiet', `refs/heads/${branch}`]
  return (await askGit({ gitDir: commonDir }, args)) !== undefined
}

/**
 * Makes git forget a worktree whose folder is gone. git's locks are overridden: whoever calls has checked. With
 * `keepsCommits`, commits of a detached HEAD that nothing else has are kept; returns the ref that keeps them.
 */
export function removeWorktreeEntry(
  commonDir: string,
  path: string,
  keepsCommits: boolean,
  waiting: Waiting = {},
): Promise<string | undefined> {
  const remove = async (): Promise<string | undefined> => {
    const listed = existsSync(path) ? undefined : await findListed(commonDir, path)
    const saved = listed !== undefined && keepsCommits ? await keepDetached(commonDir, listed) : undefined
    if (listed !== undefined) {
      await git({ gitDir: commonDir }, ['worktree', 'remove', '--force', '--force', path])
    }
    const folder = dirname(path)
    // `.claude` may have come with our folder in it.
    if (removeSelfIgnoringFolder(folder) && basename(dirname(folder)) === '.claude')
      removeFolderIfEmpty(dirname(folder))
    return saved
  }
  return withRepositoryLock(commonDir, remove, waiting)
}

async function keepDetached(commonDir: string, { path, head, branch }: ListedWorktree): Promise<string | undefined> {
  if (branch !== undefined || /^0*$/.test(head) || (await countOwnCommits(commonDir, head, {})) === 0) return undefined
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const ref = `refs/agent-isolate/saved/${basename(path)}/${time}`
  await gitPastLocks({ gitDir: commonDir }, ['update-ref', ref, head])
  return ref
}

/** The worktree at `path`, if git knows it. */
export async function findListed(commonDir: string, path: string): Promise<ListedWorktree | undefined> {
  return (await listWorktrees(commonDir)).find((listed) => listed.path === path)
}
