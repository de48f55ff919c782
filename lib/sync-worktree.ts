/**
 * Brings the branch of a worktree that is worked in up to its upstream, before tests are run or a pull request is made.
 * Nothing is changed unless all of it succeeds.
 */
import { fetchUpstream, type FetchOptions } from './fetch-upstream.ts'
import { git } from './git.ts'
import { IsolateError } from './isolate-error.ts'
import { findOperation } from './git-operation.ts'
import { describe, integrate, type FailedIntegration } from './rebase.ts'
import { compareWithUpstream, findUpstream, upstreamName, type Comparison, type Upstream } from './upstream.ts'

export type SyncOptions = Omit<FetchOptions, 'upstream'> & {
  worktree: string
  /** `origin/main`; undefined to have it found, from `root` (the main checkout: the worktree's branch may track a copy of itself). */
  configured: string | undefined
}

export type SyncResult = {
  status: 'up-to-date' | 'fast-forwarded' | 'rebased' | 'merged'
  /** Commits that were taken in. */
  behind: number
  /** The branch's own commits. */
  ahead: number
  /** `origin/main` */
  upstream: string
  /** The upstream's commit. */
  base: string
}

/**
 * Fetches, then fast-forwards or rebases the worktree's branch. A branch with commits that some remote has is merged
 * into instead: a rebase would rewrite what others may have, and the next push would have to be forced. Runs the
 * repository's hooks, as the same command by hand would. Throws `IsolateError` for uncommitted changes, a detached HEAD, an
 * unfinished operation, no upstream, and a conflict (undone; names the files).
 */
export async function syncWorktree(options: SyncOptions): Promise<SyncResult> {
  const { worktree, root, configured, reporter } = options
  await requireReady(worktree)
  const upstream = await findUpstream(root, configured)
  if (upstream === undefined) {
    throw new IsolateError(`there is nothing to bring ${worktree} up to date with: no remote has been fetched from`, {
      hint: 'Add a remote and fetch from it, or set "sync.upstream" in agent-isolate.json.',
    })
  }
  await fetchUpstream({ ...options, upstream })
  const comparison = await compareWithUpstream(worktree, upstream, 'HEAD')
  const base = requireRelated(upstream, comparison)
  const { ahead, behind } = comparison
  const done = { behind, ahead, upstream: upstreamName(upstream), base }
  if (behind === 0) return { ...done, status: 'up-to-date' }
  const method = ahead > 0 && (await hasPublishedCommits(worktree, comparison)) ? 'merge' : 'rebase'
  reporter.progress(`${method === 'merge' ? 'merging' : 'rebasing onto'} ${done.upstream}`)
  const result = await integrate({ worktree, onto: base, upstream, method, withHooks: true })
  if (!result.isDone) throw integrationFailure(worktree, done.upstream, method, result)
  if (method === 'merge') return { ...done, status: 'merged' }
  return { ...done, status: ahead === 0 ? 'fast-forwarded' : 'rebased' }
}

async function requireReady(worktree: string): Promise<void> {
  const statusArgs = ['--porcelain=v2', '--branch', '-z', '--untracked-files=no', '--ignore-submodules=dirty']
  const [gitDir, status] = await Promise.all([
    git(worktree, ['rev-parse', '--absolute-git-dir']),
    git(worktree, ['status', ...statusArgs]),
  ])
  const operation = findOperation(gitDir.trim())
  if (operation !== undefined) {
    throw new IsolateError(`${worktree} is in the middle of a ${operation}`, {
      hint: `Finish it (git ${operation} --continue) or undo it (git ${operation} --abort), then try again.`,
    })
  }
  const entries = status.split('\0').filter((entry) => entry !== '')
  if (entries.includes('# branch.head (detached)')) {
    throw new IsolateError(`${worktree} is on no branch (detached HEAD)`, {
      hint: 'Make one for the work first: git switch -c NAME',
    })
  }
  const changes = entries.filter((entry) => !entry.startsWith('# ')).length
  if (changes > 0) {
    throw new IsolateError(`${worktree} has uncommitted changes to tracked files`, {
      hint: 'Commit them first (see git status), then try again. Untracked files may stay.',
    })
  }
}

function requireRelated(upstream: Upstream, { upstream: commit, isRelated }: Comparison): string {
  const name = upstreamName(upstream)
  if (commit === undefined) {
    throw new IsolateError(`${name} has never been fetched`, {
      hint: `Run: git fetch ${upstream.remote}; then see that "sync.upstream" names a branch that exists there.`,
    })
  }
  if (isRelated) return commit
  throw new IsolateError(`this branch and ${name} have no commit in common`, {
    hint: 'In a shallow clone their common past may be cut off: git fetch --unshallow',
  })
}

/** True when any commit that only the branch has, compared with the upstream, is on some branch of some remote. */
async function hasPublishedCommits(worktree: string, { start, ahead }: Comparison): Promise<boolean> {
  const unpublished = await git(worktree, ['rev-list', '--count', start, '--not', '--remotes'])
  return Number(unpublished) < ahead
}

function integrationFailure(worktree: string, name: string, method: string, result: FailedIntegration): IsolateError {
  const state = result.wasKilled ? 'It was undone, but may have left new files (git status).' : 'Nothing was changed.'
  return new IsolateError(`could not ${method} ${worktree} with ${name}: ${describe(result)}`, {
    hint: `${state} By hand: git ${method} ${name}, resolve, then git ${method} --continue.`,
  })
}
