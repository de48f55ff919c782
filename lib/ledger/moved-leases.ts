/**
 * Leases follow their worktrees: one that `git worktree move` has put elsewhere, and all of a repository whose folder was
 * renamed. The mark in a worktree's git folder proves whose it is. Of a copy the original keeps the lease.
 */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, relative, resolve } from 'node:path'
import { findLinkedGitDir } from '../git/linked-git-dir.ts'
import type { Reporter } from '../report/reporter.ts'
import { withLock } from '../state/lock.ts'
import { isPostponed, type Lease } from './lease.ts'
import { identityKey, reloadLease, saveLease } from './ledger.ts'
import { loadMarks, type MarkedWorktree } from './mark.ts'
import { isRepositoryThere } from './repository-id.ts'

/** `leases` as they are with those in place whose worktrees are now in the repository `commonDir`. Reads only. */
export function placeLeases(commonDir: string, leases: readonly Lease[]): Lease[] {
  const moved = new Map(planMoves(commonDir, leases).map((lease) => [lease.id, lease]))
  return leases.map((lease) => moved.get(lease.id) ?? lease)
}

/** The same, and written down. Not under the lock of a worktree. Where nothing is out of place, two stats and a word to read for each lease. */
export async function followMoves(commonDir: string, leases: readonly Lease[], reporter: Reporter): Promise<Lease[]> {
  for (const moved of planMoves(commonDir, leases)) {
    const old = leases.find(({ id }) => id === moved.id) ?? moved
    const purpose = `the worktree ${old.worktree}`
    await withLock(`worktree-${identityKey(old)}`, { purpose, waitMs: moveWaitMs }, async () => {
      const current = reloadLease(old)
      if (current === undefined || identityKey(current) !== identityKey(old)) return
      const { worktree, root } = moved
      saveLease({
        ...current,
        worktree,
        commonDir: moved.commonDir,
        root,
        ...(current.isShared ? {} : { isMoved: true }),
      })
      if (!moved.isShared && worktree !== old.worktree) reporter.info(`${old.worktree} is now ${worktree}`)
    })
  }
  return placeLeases(commonDir, leases)
}

/** Who else would hold the lock follows the same move. */
const moveWaitMs = 30_000

/** The leases that belong to the repository and are written down for another place, with the place that they have now. */
export function planMoves(commonDir: string, leases: readonly Lease[]): Lease[] {
  const lost = leases.filter((lease) => isOutOfPlace(lease))
  if (lost.length === 0) return []
  const marks = loadMarks(commonDir)
  const found = lost.flatMap((lease) => findPlace(commonDir, lease, marks.get(lease.id)) ?? [])
  // A repository takes along what it has without a mark: its shared container, worktrees whose folder is gone.
  const foundIds = new Set(found.map(({ id }) => id))
  const renamed = new Set(lost.filter(({ id }) => foundIds.has(id)).map((lease) => lease.commonDir))
  const rest = leases.filter((lease) => !foundIds.has(lease.id) && renamed.has(lease.commonDir))
  return [...found, ...rest.filter((lease) => !isRepositoryThere(lease)).map((lease) => rebase(commonDir, lease))]
}

function isOutOfPlace(lease: Lease): boolean {
  if (lease.isShared || isPostponed(lease)) return false
  return !existsSync(lease.worktree) || !isRepositoryThere(lease)
}

function findPlace(commonDir: string, lease: Lease, mark: MarkedWorktree | undefined): Lease | undefined {
  if (mark === undefined) return undefined
  const isElsewhere = lease.commonDir !== commonDir
  // Ours is a copy then, or of two that have come of it another was first.
  if (isElsewhere && loadMarks(lease.commonDir).has(lease.id)) return undefined
  const moved = isElsewhere ? rebase(commonDir, lease) : lease
  const place = [mark.path, moved.worktree, lease.worktree].find((path) => isPlaceOf(path, mark))
  if (place === undefined) return undefined
  const worktree = realpathSync(place)
  return isElsewhere || worktree !== lease.worktree ? { ...moved, worktree, isMoved: true } : undefined
}

/** Whether the folder says of itself that it is that worktree; one that git was not told of yet names a git folder that is gone. */
function isPlaceOf(path: string, { gitDir }: MarkedWorktree): boolean {
  const named = existsSync(path) ? findLinkedGitDir(path) : undefined
  if (named === undefined) return false
  return existsSync(named) ? realpathSync(named) === realpathSync(gitDir) : basename(named) === basename(gitDir)
}

/** Its paths as they are where the repository is now. */
function rebase(commonDir: string, lease: Lease): Lease {
  const at = (path: string): string => resolve(commonDir, relative(lease.commonDir, path))
  const root = [at(lease.root), lease.root].find((path) => existsSync(path)) ?? dirname(commonDir)
  return { ...lease, commonDir, root, worktree: at(lease.worktree) }
}
