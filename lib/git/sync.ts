/**
 * Brings the branch of a worktree that is worked in up to its upstream, before tests are run or a pull request is made.
 * Nothing is changed unless all of it succeeds.
 */
import { realpathSync } from 'node:fs'
import { fetchUpstream, type FetchOptions } from './fetch.ts'
import { git, gitIn } from './git.ts'
import { requireReadableRules } from './ignore-rules.ts'
import { linkedGitDir, worktreePlace } from './linked-git-dir.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { findOperation } from './operation.ts'
import { describe, integrate, type FailedIntegration } from './rebase.ts'
import {
  compareWithUpstream,
  findUpstream,
  hasPublishedCommits,
  upstreamName,
  type Comparison,
  type Upstream,
} from './upstream.ts'

export type SyncOptions = Omit<FetchOptions, 'upstream'> & {
  worktree: string
  /** `origin/main`; undefined to have it found, from `place` (the main checkout: the worktree's branch may track a copy of itself). */
  configured: string | undefined
}

export type SyncResult = {
  status: 'up-to-date' | 'fast-forwarded' | 'rebased' | 'merged'
  /** Commits that were taken in. */
  behind: number
  /** The branch's own commits. */
  ahead: number
  /** Commits that the branch had from the upstream, and that the upstream has dropped: left out, unless they were merged around. */
  dropped: number
  /** `origin/main` */
  upstream: string
  /** The upstream's commit. */
  base: string
}

/**
 * Fetches, then fast-forwards or rebases the worktree's branch; commits that the upstream has dropped (a force-push) are
 * not the branch's own, and stay behind. A branch whose own commits some remote has is merged into instead: a rebase would rewrite what others may have, and the next push would have to be forced. Runs the
 * repository's hooks, as the same command by hand would. Throws `IsolateError` for uncommitted changes, a detached HEAD, an
 * unfinished operation, no upstream, and a conflict (undone; names the files).
 */
export async function syncWorktree(options: SyncOptions): Promise<SyncResult> {
  const { worktree, place, config, configured, reporter } = options
  await requireReady(worktree)
  const upstream = await findUpstream(place, config, configured)
  if (upstream === undefined) {
    throw new IsolateError(`there is nothing to bring ${worktree} up to date with: no remote has been fetched from`, {
      hint: 'Add a remote and fetch from it, or set "sync.upstream" in agent-isolate.json.',
    })
  }
  await fetchUpstream({ ...options, upstream })
  const here = worktreePlace(worktree)
  const comparison = await compareWithUpstream(here, config, upstream, 'HEAD')
  const base = requireRelated(upstream, comparison)
  const { ahead, behind, dropped } = comparison
  const done = { behind, ahead, dropped: dropped?.count ?? 0, upstream: upstreamName(upstream), base }
  const method = (await hasPublishedCommits(here, comparison)) ? 'merge' : 'rebase'
  if (behind === 0 && (dropped === undefined || method === 'merge')) return { ...done, status: 'up-to-date' }
  reporter.progress(`${method === 'merge' ? 'merging' : 'rebasing onto'} ${done.upstream}`)
  const result = await integrate({
    worktree,
    onto: base,
    after: dropped?.forkPoint ?? base,
    upstream,
    method,
    withHooks: true,
  })
  if (!result.isDone) throw integrationFailure(worktree, done.upstream, method, result)
  if (method === 'merge') return { ...done, status: 'merged' }
  return { ...done, status: ahead === 0 && dropped === undefined ? 'fast-forwarded' : 'rebased' }
}

async function requireReady(worktree: string): Promise<void> {
  requireReadableRules(worktree)
  const statusArgs = ['--porcelain=v2', '--branch', '-z', '--untracked-files=no', '--ignore-submodules=dirty']
  const [toplevel, status] = await Promise.all([
    gitIn(worktree, ['rev-parse', '--show-toplevel']),
    git(worktreePlace(worktree), ['status', ...statusArgs]),
  ])
  requireItself(worktree, realpathSync(toplevel.trimEnd()))
  const operation = findOperation(linkedGitDir(worktree))
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

/** The rebase runs as it would by hand, and that must not be in another checkout. */
function requireItself(worktree: string, toplevel: string): void {
  if (toplevel === worktree) return
  throw new IsolateError(`git commands in ${worktree} work on ${toplevel}`, {
    hint: `Its git config names another checkout: git -C ${worktree} config --worktree core.worktree ${worktree}`,
  })
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

function integrationFailure(worktree: string, name: string, method: string, result: FailedIntegration): IsolateError {
  const state = result.wasKilled ? 'It was undone, but may have left new files (git status).' : 'Nothing was changed.'
  return new IsolateError(`could not ${method} ${worktree} with ${name}: ${describe(result)}`, {
    hint: `${state} By hand: git ${method} ${name}, resolve, then git ${method} --continue.`,
  })
}
