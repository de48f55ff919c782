/**
 * Makes and removes git worktrees. git itself fails when many are added at once, so everything that writes to the
 * shared git folder happens under the repository's lock, and nothing else does: the slow check-out runs unlocked.
 */
import { existsSync, readdirSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { basename, dirname, join, resolve } from 'node:path'
import { git, gitFailure, tryGit } from './git.ts'
import { findEntry, findObstacle } from './inner-path.ts'
import { IsolateError } from './isolate-error.ts'
import { withLock } from './lock.ts'
import { listWorktrees, type ListedWorktree, type Repository } from './repository.ts'
import { readIfFile } from './read-if-any.ts'
import { countOwnCommits } from './own-commits.ts'
import { childEnvironment, run, type Outcome } from './run.ts'
import type { Reporter } from './reporter.ts'
import { makeSelfIgnoringFolder, removeFolderIfEmpty, removeSelfIgnoringFolder } from './self-ignoring-folder.ts'

/** Twenty creations need a second; a fetch under the same lock some more. */
const repositoryWaitMs = 120_000

export function repositoryLockName(commonDir: string): string {
  return `repository-${createHash('sha256').update(commonDir).digest('hex').slice(0, 24)}`
}

export function withRepositoryLock<T>(commonDir: string, work: () => Promise<T>, reporter?: Reporter): Promise<T> {
  const purpose = `the worktrees of ${commonDir}`
  const onWait = (): void => reporter?.progress(`waiting for another process that adds or fetches in ${commonDir}`)
  return withLock(repositoryLockName(commonDir), { purpose, waitMs: repositoryWaitMs, onWait }, work)
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
  { commonDir }: Repository,
  { path, branch, start }: NewWorktree,
  { claim, reporter }: { claim: () => void; reporter: Reporter },
): Promise<void> {
  const what = start === undefined ? [path, branch] : ['--no-track', '-b', branch, path, start]
  // Named, since a bare repository's root is just a folder.
  const args = ['--git-dir', commonDir, 'worktree', 'add', '--quiet', '--no-checkout', ...what]
  const add = async (): Promise<Outcome> => {
    requireNothingThere(path)
    if (start !== undefined && (await hasBranch(commonDir, branch))) {
      throw new IsolateError(`the branch ${branch} has just been made by somebody else`, { hint: 'Try again.' })
    }
    claim()
    makeSelfIgnoringFolder(dirname(path))
    return tryGit(commonDir, args)
  }
  const outcome = await withRepositoryLock(commonDir, add, reporter)
  if (outcome.code === 0) return
  const taken = /is already (?:checked out|used by worktree) at '(.+)'/.exec(outcome.stderr)?.[1]
  if (taken === undefined) throw gitFailure(commonDir, args, outcome)
  throw new IsolateError(`the branch ${branch} is checked out already, at ${taken}`, {
    hint: 'Choose another name, or finish the work there first.',
  })
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
  const args = ['--git-dir', commonDir, 'show-ref', '--verify', '--quiet', `refs/heads/${branch}`]
  return (await tryGit(commonDir, args)).code === 0
}

/**
 * Fills a worktree that was added without files. In parallel (git-config(1), checkout.workers): on 5,000 files that took
 * 0.87 s against 1.88 s, and on 400 it does no harm.
 */
export async function checkOut(worktree: string): Promise<void> {
  const parallel = ['-c', 'checkout.workers=4', '-c', 'checkout.thresholdForParallelism=100']
  await git(worktree, [...parallel, 'reset', '--quiet', '--hard', '--no-recurse-submodules'])
}

/** Nine of the ten minutes that Claude Code gives a creation, in ms. */
const hookTimeoutMs = 540_000

/** Runs the repository's post-checkout hook, which `--no-checkout` skipped, as git does: githooks(5). A failure is a warning. */
export async function runPostCheckout(
  { hooksFolder }: Repository,
  worktree: string,
  reporter: Reporter,
): Promise<void> {
  const hook = join(hooksFolder, 'post-checkout')
  if (!existsSync(hook)) return
  const head = (await git(worktree, ['rev-parse', 'HEAD'])).trim()
  const args = ['hook', 'run', '--ignore-missing', 'post-checkout', '--', '0'.repeat(head.length), head, '1']
  const outcome = await run('git', args, { cwd: worktree, env: childEnvironment(), timeoutMs: hookTimeoutMs })
  if (outcome.code !== 0) {
    reporter.warn(`the post-checkout hook ${hook} failed: ${(outcome.stderr || outcome.stdout).trim()}`)
  }
}

/**
 * Makes git forget a worktree whose folder is gone. git's locks are overridden: whoever calls has checked. With
 * `keepsCommits`, commits of a detached HEAD that nothing else has are kept; answers the ref that keeps them.
 */
export function removeWorktreeEntry(
  commonDir: string,
  path: string,
  keepsCommits: boolean,
): Promise<string | undefined> {
  return withRepositoryLock(commonDir, async () => {
    const listed = existsSync(path) ? undefined : await findListed(commonDir, path)
    const saved = listed !== undefined && keepsCommits ? await keepDetached(commonDir, listed) : undefined
    if (listed !== undefined) {
      await git(commonDir, ['--git-dir', commonDir, 'worktree', 'remove', '--force', '--force', path])
    }
    const folder = dirname(path)
    // `.claude` may have come with our folder in it.
    if (removeSelfIgnoringFolder(folder) && basename(dirname(folder)) === '.claude')
      removeFolderIfEmpty(dirname(folder))
    return saved
  })
}

async function keepDetached(commonDir: string, { path, head, branch }: ListedWorktree): Promise<string | undefined> {
  if (branch !== undefined || /^0*$/.test(head) || (await countOwnCommits(commonDir, head, {})) === 0) return undefined
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const ref = `refs/agent-isolate/saved/${basename(path)}/${time}`
  await git(commonDir, ['--git-dir', commonDir, 'update-ref', ref, head])
  return ref
}

/** The worktree at `path`, if git knows it. */
export async function findListed(commonDir: string, path: string): Promise<ListedWorktree | undefined> {
  return (await listWorktrees(commonDir)).find((listed) => listed.path === path)
}

/** The git folder of a linked worktree, read from its `.git` file (gitrepository-layout(5)) without asking git. Undefined for anything else. */
export function findLinkedGitDir(worktree: string): string | undefined {
  const path = join(worktree, '.git')
  if (!findEntry(path)?.isFile()) return undefined
  const target = /^gitdir: (.+)$/m.exec(readIfFile(path) ?? '')?.[1]
  return target === undefined ? undefined : resolve(worktree, target)
}

/** The same; throws `IsolateError` for what is no linked worktree. */
export function linkedGitDir(worktree: string): string {
  const gitDir = findLinkedGitDir(worktree)
  if (gitDir !== undefined) return gitDir
  throw new IsolateError(`${worktree} is not a linked worktree: it has no .git file that names a git folder`)
}

/** Our own folder in the git folder of a linked worktree: never tracked, and gone with the worktree. */
export function ownGitFolder(worktree: string): string {
  return join(linkedGitDir(worktree), ownFolderInGitDir)
}

export const ownFolderInGitDir = 'agent-isolate'
