/** Gives back what dead worktrees hold: at every creation and session start, and on demand (`gc`). */
import { existsSync } from 'node:fs'
import { isOurWorktree, type Lease } from './lease.ts'
import { findLease, identityKey, loadLedger } from './ledger.ts'
import { withLockIfFree } from './lock.ts'
import { isAlive } from './process-identity.ts'
import { listWorktrees, type ListedWorktree } from './repository.ts'
import type { Reporter } from './reporter.ts'
import { tearDown, waitForOrphans } from './teardown.ts'

export type LeaseFacts = {
  isMakerAlive: boolean
  folderExists: boolean
  isRepositoryThere: boolean
  /** What `git worktree list` says of the path. */
  listed: Pick<ListedWorktree, 'isLocked'> | undefined
}

export type Verdict = 'alive' | 'dead' | 'unreachable'

/**
 * Dead: the folder is gone and git no longer lists it, or still does though the worktree is ours and not locked; or the
 * lease never became ready (or was being removed) and its maker is dead. A repository that is not there may be on a
 * disk that comes back.
 */
export function judgeLease(
  lease: Lease,
  { isMakerAlive, folderExists, isRepositoryThere, listed }: LeaseFacts,
): Verdict {
  if (lease.state !== 'ready' && isMakerAlive) return 'alive'
  if (!isRepositoryThere) return 'unreachable'
  if (lease.state !== 'ready') return 'dead'
  if (folderExists) return 'alive'
  if (listed === undefined) return 'dead'
  return isOurWorktree(lease) && !listed.isLocked ? 'dead' : 'alive'
}

/** All leases with their verdicts. Asks git only about repositories with a lease that looks dead. */
export async function judgeLeases(leases: readonly Lease[]): Promise<{ lease: Lease; verdict: Verdict }[]> {
  const lists = new Map<string, Promise<ListedWorktree[]>>()
  const listOnce = (commonDir: string): Promise<ListedWorktree[]> => {
    const known = lists.get(commonDir) ?? listWorktrees(commonDir)
    lists.set(commonDir, known)
    return known
  }
  return Promise.all(
    leases.map(async (lease) => {
      const isMakerAlive = lease.state === 'ready' || isAlive(lease.maker)
      const folderExists = existsSync(lease.worktree)
      const isRepositoryThere = existsSync(lease.commonDir)
      const isDoubtful = isRepositoryThere && lease.state === 'ready' && !folderExists
      const listed = isDoubtful
        ? (await listOnce(lease.commonDir)).find(({ path }) => path === lease.worktree)
        : undefined
      return { lease, verdict: judgeLease(lease, { isMakerAlive, folderExists, isRepositoryThere, listed }) }
    }),
  )
}

/** Tears down one dead lease. False when somebody else is at it, or it has changed meanwhile. */
export async function reapLease(lease: Lease, reporter: Reporter): Promise<boolean> {
  const reaped = await withLockIfFree(`worktree-${identityKey(lease)}`, async () => {
    const current = findLease(lease)
    if (current?.id !== lease.id || current.state !== lease.state) return false
    if (lease.state !== 'ready') await waitForOrphans(lease, reporter)
    await tearDown(lease, { reporter, branch: holdsWork(lease) ? 'merged' : 'remove' })
    return true
  })
  return reaped ?? false
}

/** What never became ready holds nobody's work, whatever its branch says after a rebase. */
function holdsWork({ state }: Lease): boolean {
  return state === 'ready' || state === 'removing'
}

/** The quiet reaping on the way to something else: a failure is a warning, `gc` will say more. */
export async function reapDeadLeases(reporter: Reporter): Promise<void> {
  const judged = await judgeLeases(loadLedger().leases)
  for (const { lease } of judged.filter(({ verdict }) => verdict === 'dead')) {
    try {
      if (await reapLease(lease, reporter))
        reporter.info(`gave back what was left of ${lease.name} (${lease.worktree})`)
    } catch (error) {
      reporter.warn(
        `what is left of ${lease.worktree} could not be given back: ${String(error)}; run: agent-isolate gc`,
      )
    }
  }
}
