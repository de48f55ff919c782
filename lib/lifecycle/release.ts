/** Releases what dead worktrees hold: at every creation and session start, and on demand (`gc`). */
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
export type ReleaseOutcome = 'done' | 'kept' | 'busy'

/** Whether a lease with that verdict is to be released, unless it turns out to hold work. */
export function isReleasable(verdict: Verdict): boolean {
  return verdict === 'release' || verdict === 'finish'
}

/** Releases one lease that is to be. */
export async function releaseLease(lease: Lease, reporter: Reporter): Promise<ReleaseOutcome> {
  const released = await withLockIfFree(`worktree-${identityKey(lease)}`, async (): Promise<ReleaseOutcome> => {
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
  return released ?? 'busy'
}

/** Why a lease that looks as if it could be released stays; undefined when nothing speaks for it. Changes nothing. */
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
  if (!isReleasable(await judgeHeld(lease))) return true
  if (lease.state === 'ready') return false
  // Before there is a folder, too: a `git worktree add` that outlived its killed parent may have made but the branch yet.
  if (!(await waitForOrphans(lease, reporter))) {
    reporter.warn(`programs still run in ${lease.worktree}, whose creation was killed: left alone`)
    return true
  }
  return existsSync(lease.worktree) && (await keepIfInWork(lease, reporter)) !== undefined
}

export type ReleaseOptions = {
  reporter: Reporter
  /** The repository that we are in: leases that were moved with it are followed first. */
  commonDir: string
  /** The worktree that we are about, which is not for us to release. */
  except: string | undefined
}

/** The quiet release on the way to something else: a failure is a warning, `gc` will say more. */
export async function releaseDeadLeases({ reporter, commonDir, except }: ReleaseOptions): Promise<void> {
  const leases = await followMoves(commonDir, loadLedger().leases, reporter)
  // To ask again for what was out of reach, or look again at what held work, may take long: that is for `gc`.
  const judged = await judgeLeases(leases.filter((lease) => lease.worktree !== except && !isPostponed(lease)))
  for (const { lease, verdict } of judged) {
    if (verdict === 'release' || (verdict === 'finish' && lease.state !== 'interrupted')) {
      await releaseQuietly(lease, reporter)
    }
  }
}

async function releaseQuietly(lease: Lease, reporter: Reporter): Promise<void> {
  try {
    if ((await releaseLease(lease, reporter)) === 'done' && reloadLease(lease) === undefined)
      reporter.info(`released what was left of ${lease.name} (${lease.worktree})`)
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    reporter.warn(`what is left of ${lease.worktree} could not be released: ${error.message}; run: agent-isolate gc`)
  }
}
