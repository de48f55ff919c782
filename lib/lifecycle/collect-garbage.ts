/** Garbage collection on demand: what the quiet release does, for every lease of the machine, and saying what became of each. */
import { rmSync } from 'node:fs'
import { findRepository } from '../git/repository.ts'
import { isPostponed, type Lease } from '../ledger/lease.ts'
import { deleteLease, identityKey, loadLedger, reloadLease, type Ledger } from '../ledger/ledger.ts'
import { followMoves, placeLeases } from '../ledger/moved-leases.ts'
import { isRepositoryThere } from '../ledger/repository-id.ts'
import type { Reporter } from '../report/reporter.ts'
import { sweepLocks, withLockIfFree } from '../state/lock.ts'
import { findLeftFiles } from '../state/temporary-file.ts'
import { collectOrphans, type Orphan } from './collect-orphans.ts'
import { judgeLeases, type JudgedLease, type Verdict } from './judge-leases.ts'
import { isElsewhere } from './kinds.ts'
import { findReasonToKeep, isReleasable, releaseLease, type ReleaseOutcome } from './release.ts'
import { tearDown } from './teardown.ts'

/**
 * `keep`: alive, or it holds work. `release`: dead, all it holds is released. `leave`: its repository is out of reach and may come back.
 * `forget`: the same, but it is released: its ports, and what it has on container engines and servers.
 */
export type GarbageAction = 'keep' | 'release' | 'leave' | 'forget'

export type GarbageResult = {
  lease: Lease
  verdict: Verdict
  action: GarbageAction
  /**
   * `planned`: only looked at. `busy`: another process is at it, or was quicker. `postponed`: some of it is on an engine or
   * a server that is out of reach.
   */
  outcome: 'planned' | 'done' | 'busy' | 'postponed' | 'failed'
  /** The error, when it failed. */
  failure?: unknown
}

export type Garbage = {
  results: GarbageResult[]
  /** What carries our mark on container engines and servers, and no lease knows of. */
  orphans: Orphan[]
  damaged: Ledger['damaged']
  /** Files of dead processes that were removed, or would be. */
  temporaryFiles: number
}

export type GarbageOptions = {
  /** The folder whose repository may name a server to look at. */
  cwd: string
  /** Says what would be done, and does nothing. */
  isDryRun: boolean
  /** Gives up leases whose repository is gone. */
  withUnreachable: boolean
  reporter: Reporter
}

/** A lease that cannot be released does not keep the others from it. */
export async function collectGarbage(options: GarbageOptions): Promise<Garbage> {
  const { leases: known, damaged } = loadLedger()
  const leases = await place(known, options)
  const results: GarbageResult[] = []
  const collect = async (judged: readonly JudgedLease[]): Promise<void> => {
    for (const one of judged) results.push(await (options.isDryRun ? plan(one, options) : act(one, options)))
  }
  await collect(await judgeLeases(leases.filter(({ isShared }) => !isShared)))
  // What worktrees share has mostly gone with them. It is none to be counted.
  const shared = await judgeLeases(loadLedger().leases.filter(({ isShared }) => isShared))
  await collect(shared.filter(({ verdict }) => planAction(verdict, options) !== 'keep'))
  // What leases held is gone by now. What a lease that cannot be read stands for may look like an orphan.
  const orphans = damaged.length === 0 ? await collectOrphans(leases, options) : []
  const left = findLeftFiles()
  if (!options.isDryRun) {
    await sweepLocks()
    for (const path of left) rmSync(path, { force: true })
  }
  return { results, orphans, damaged, temporaryFiles: left.length }
}

/** What is to become of a lease. */
export function planAction(
  verdict: Verdict,
  { withUnreachable }: Pick<GarbageOptions, 'withUnreachable'>,
): GarbageAction {
  if (isReleasable(verdict)) return 'release'
  if (verdict !== 'out of reach') return 'keep'
  return withUnreachable ? 'forget' : 'leave'
}

/** With those of the repository that we are in where they are now. */
async function place(leases: readonly Lease[], { cwd, isDryRun, reporter }: GarbageOptions): Promise<readonly Lease[]> {
  const repository = await findRepository(cwd)
  if (repository === undefined) return leases
  const { commonDir } = repository
  return isDryRun ? placeLeases(commonDir, leases) : followMoves(commonDir, leases, reporter)
}

async function plan({ lease, verdict }: JudgedLease, options: GarbageOptions): Promise<GarbageResult> {
  const action = planAction(verdict, options)
  const isKept = action === 'release' && (await findReasonToKeep(lease)) !== undefined
  return { lease, verdict, action: isKept ? 'keep' : action, outcome: 'planned' }
}

async function act({ lease, verdict }: JudgedLease, options: GarbageOptions): Promise<GarbageResult> {
  const action = planAction(verdict, options)
  const { reporter, withUnreachable } = options
  try {
    if (action === 'keep' || action === 'leave') return { lease, verdict, action, outcome: 'done' }
    const released = await (action === 'release' ? releaseLease(lease, reporter) : forgetLease(lease, reporter))
    if (released === 'busy') return { lease, verdict, action, outcome: 'busy' }
    if (released === 'kept') return { lease, verdict, action: 'keep', outcome: 'done' }
    const left = reloadLease(lease)
    if (left === undefined) return { lease, verdict, action, outcome: 'done' }
    // What is out of reach may be so for ever, and who asks for that has been told what is left there.
    if (withUnreachable && isPostponed(left)) deleteLease(left)
    const outcome = withUnreachable ? 'done' : 'postponed'
    return { lease, verdict, action: withUnreachable ? 'forget' : action, outcome }
  } catch (failure) {
    return { lease, verdict, action, outcome: 'failed', failure }
  }
}

/** Touches nothing where the repository was. `busy` when it has come back, or somebody else is at the worktree. */
async function forgetLease(lease: Lease, reporter: Reporter): Promise<ReleaseOutcome> {
  const forgotten = await withLockIfFree(`worktree-${identityKey(lease)}`, async (): Promise<ReleaseOutcome> => {
    const current = reloadLease(lease)
    if (current === undefined || isRepositoryThere(current)) return 'busy'
    await tearDown({ ...current, resources: current.resources.filter(isElsewhere) }, { reporter, discard: false })
    return 'done'
  })
  return forgotten ?? 'busy'
}
