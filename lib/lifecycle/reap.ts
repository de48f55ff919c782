/** Gives back what dead worktrees hold: at every creation and session start, and on demand (`gc`). */
import { existsSync } from 'node:fs'
import { findListed } from '../git/worktree.ts'
import { isPostponed, type Lease } from '../ledger/lease.ts'
import { identityKey, loadLedger, reloadLease, saveLease } from '../ledger/ledger.ts'
import { isMarked } from '../ledger/mark.ts'
import { followMoves, planMoves } from '../ledger/moved-leases.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import { withLockIfFree } from '../state/lock.ts'
import { judgeHeld, judgeLeases, type Verdict } from './judge-leases.ts'
import { tearDown, waitForOrphans } from './teardown.ts'
import { describeUnsavedWork, findUnsavedWork, isNothing } from './unsaved-work.ts'

/** `kept`: it turned out to be needed, or to hold work. `busy`: somebody else is at it, or it has changed meanwhile. */
export type ReapOutcome = 'done' | 'kept' | 'busy'

/** Whether a lease with that verdict is to be given back, unless it turns out to hold work. */
export function isReapable(verdict: Verdict): boolean {
  return verdict === 'take back' || verdict === 'finish'
}

/** Gives back one lease that is to be. */
export async function reapLease(lease: Lease, reporter: Reporter): Promise<ReapOutcome> {
  const reaped = await withLockIfFree(`worktree-${identityKey(lease)}`, async (): Promise<ReapOutcome> => {
    const current = reloadLease(lease)
    if (current?.state !== lease.state) return 'busy'
    if (current.isShared)
      return (await (await import('../database/postgres/container/shared-container.ts')).removeUnclaimed(current))
        ? 'done'
        : 'kept'
    if (!isPostponed(current) && (await isStillNeeded(current, reporter))) return 'kept'
    await tearDown(current, { reporter, discard: current.state === 'discarding' })
    return 'done'
  })
  return reaped ?? 'busy'
}

/** Why a lease that looks as if it could be given back stays; undefined when nothing speaks for it. Changes nothing. */
export async function findReasonToKeep(lease: Lease): Promise<string | undefined> {
  if (!wasInterrupted(lease) || !existsSync(lease.worktree) || !isMarked(lease)) return undefined
  const listed = await findListed(lease.commonDir, lease.worktree)
  const work = await findUnsavedWork(lease, listed?.branch)
  if (!isNothing(work)) return `it holds ${describeUnsavedWork(work)}`
  return listed?.isLocked ? 'it is locked' : undefined
}

/** What a killed process has left of a worktree that somebody may have worked in since is one to be set up again. */
export async function keepIfInWork(lease: Lease, reporter: Reporter): Promise<Lease | undefined> {
  const reason = await findReasonToKeep(lease)
  if (reason === undefined) return undefined
  const kept: Lease = { ...lease, state: 'interrupted' }
  if (lease.state !== 'interrupted') saveLease(kept)
  reporter.warn(
    `${lease.worktree} was left half-way by a killed process, and stays: ${reason}; finish it: agent-isolate setup -C ${lease.worktree}`,
  )
  return kept
}

/** Of `creating` there is nothing to work in yet; of `discarding` the user has said that it may be lost. */
function wasInterrupted({ state }: Lease): boolean {
  return state === 'preparing' || state === 'interrupted' || state === 'removing'
}

async function isStillNeeded(lease: Lease, reporter: Reporter): Promise<boolean> {
  const moved = planMoves(lease.commonDir, [lease])[0]
  if (moved !== undefined) {
    saveLease(moved)
    const { worktree } = moved
    reporter.warn(
      `${lease.worktree} is now ${worktree}; bring its environment up to date: agent-isolate setup -C ${worktree}`,
    )
    return true
  }
  if (!isReapable(await judgeHeld(lease))) return true
  if (lease.state === 'ready') return false
  // Before there is a folder, too: a `git worktree add` that outlived its killed parent may have made but the branch yet.
  if (!(await waitForOrphans(lease, reporter))) {
    reporter.warn(`programs still run in ${lease.worktree}, whose creation was killed: left alone`)
    return true
  }
  return existsSync(lease.worktree) && (await keepIfInWork(lease, reporter)) !== undefined
}

export type ReapOptions = {
  reporter: Reporter
  /** The repository that we are in: leases that were moved with it are followed first. */
  commonDir: string
  /** The worktree that we are about, which is not for us to give back. */
  except: string | undefined
}

/** The quiet reaping on the way to something else: a failure is a warning, `gc` will say more. */
export async function reapDeadLeases({ reporter, commonDir, except }: ReapOptions): Promise<void> {
  const leases = await followMoves(commonDir, loadLedger().leases, reporter)
  // To ask again for what was out of reach, or look again at what held work, may take long: that is for `gc`.
  const judged = await judgeLeases(leases.filter((lease) => lease.worktree !== except && !isPostponed(lease)))
  for (const { lease, verdict } of judged) {
    if (verdict === 'take back' || (verdict === 'finish' && lease.state !== 'interrupted')) {
      await reapQuietly(lease, reporter)
    }
  }
}

async function reapQuietly(lease: Lease, reporter: Reporter): Promise<void> {
  try {
    if ((await reapLease(lease, reporter)) === 'done' && reloadLease(lease) === undefined)
      reporter.info(`gave back what was left of ${lease.name} (${lease.worktree})`)
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    reporter.warn(`what is left of ${lease.worktree} could not be given back: ${error.message}; run: agent-isolate gc`)
  }
}
