/** Gives back what dead worktrees hold: at every creation and session start, and on demand (`gc`). */
import { existsSync } from 'node:fs'
import { IsolateError } from './isolate-error.ts'
import { judgeLeases } from './judge-leases.ts'
import { findMovedWorktree, isMarked } from './lease-mark.ts'
import { isPostponed, type Lease } from './lease.ts'
import { identityKey, loadLedger, reloadLease, saveLease } from './ledger.ts'
import { withLockIfFree } from './lock.ts'
import type { Reporter } from './reporter.ts'
import { tearDown, waitForOrphans } from './teardown.ts'
import { describeUnsavedWork, findUnsavedWork, isNothing } from './unsaved-work.ts'
import { findListed } from './worktree.ts'

/** Gives back one dead lease. False when somebody else is at it, it has changed meanwhile, or it turned out to hold work. */
export async function reapLease(lease: Lease, reporter: Reporter): Promise<boolean> {
  const reaped = await withLockIfFree(`worktree-${identityKey(lease)}`, async () => {
    const current = reloadLease(lease)
    if (current?.state !== lease.state) return false
    if (current.isShared) return (await import('./elsewhere.ts')).removeUnclaimed(current)
    if (!isPostponed(current) && (await isStillNeeded(current, reporter))) return false
    await tearDown(current, { reporter, discard: current.state === 'discarding' })
    return true
  })
  return reaped ?? false
}

async function isStillNeeded(lease: Lease, reporter: Reporter): Promise<boolean> {
  const moved = findMovedWorktree(lease)
  if (moved !== undefined) {
    saveLease({ ...lease, worktree: moved })
    reporter.warn(
      `${lease.worktree} is now ${moved}; bring its environment up to date: agent-isolate setup -C ${moved}`,
    )
    return true
  }
  if (lease.state === 'ready' || !existsSync(lease.worktree)) return false
  if (!(await waitForOrphans(lease, reporter))) {
    reporter.warn(`programs still run in ${lease.worktree}, whose creation was killed: left alone`)
    return true
  }
  return isMarked(lease) && (await holdsWork(lease, reporter))
}

/** Where a killed process was at a worktree that somebody may have worked in since. What holds work is a worktree like any other. */
async function holdsWork(lease: Lease, reporter: Reporter): Promise<boolean> {
  if (lease.state === 'creating' || lease.state === 'discarding') return false
  const listed = await findListed(lease.commonDir, lease.worktree)
  const work = await findUnsavedWork(lease, listed?.branch)
  if (isNothing(work) && !listed?.isLocked) return false
  saveLease({ ...lease, state: 'ready' })
  const reason = isNothing(work) ? 'it is locked' : `it holds ${describeUnsavedWork(work)}`
  reporter.warn(`${lease.worktree} was left half-way by a killed process, and stays: ${reason}`)
  return true
}

/** The quiet reaping on the way to something else, which may be about the worktree `except`: a failure is a warning, `gc` will say more. */
export async function reapDeadLeases(reporter: Reporter, except?: string): Promise<void> {
  const { leases } = loadLedger()
  // To ask again for what was out of reach may take long: that is for `gc`.
  const judged = await judgeLeases(leases.filter((lease) => lease.worktree !== except && !isPostponed(lease)))
  for (const { lease } of judged.filter(({ verdict }) => verdict === 'dead')) {
    try {
      if ((await reapLease(lease, reporter)) && reloadLease(lease) === undefined)
        reporter.info(`gave back what was left of ${lease.name} (${lease.worktree})`)
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error
      reporter.warn(
        `what is left of ${lease.worktree} could not be given back: ${error.message}; run: agent-isolate gc`,
      )
    }
  }
}
