/** Gives back what dead worktrees hold: at every creation and session start, and on demand (`gc`). */
import { judgeLeases } from './judge-leases.ts'
import type { Lease } from './lease.ts'
import { findLease, identityKey, loadLedger } from './ledger.ts'
import { withLockIfFree } from './lock.ts'
import type { Reporter } from './reporter.ts'
import { tearDown, waitForOrphans } from './teardown.ts'

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
