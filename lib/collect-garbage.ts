/** Garbage collection on demand: what the quiet reaping does, for every lease of the machine, and saying what became of each. */
import { existsSync, rmSync } from 'node:fs'
import { collectOrphans, type Orphan } from './collect-orphans.ts'
import { isElsewhere, isPostponed, type Lease } from './lease.ts'
import { deleteLease, identityKey, loadLedger, reloadLease, type Ledger } from './ledger.ts'
import { sweepLocks, withLockIfFree } from './lock.ts'
import { judgeLeases, type Verdict } from './judge-leases.ts'
import { reapLease } from './reap.ts'
import type { Reporter } from './reporter.ts'
import { tearDown } from './teardown.ts'
import { findLeftFiles } from './temporary-file.ts'

/**
 * `keep`: alive. `reap`: dead, all it holds is given back. `leave`: its repository is out of reach and may come back.
 * `forget`: the same, but it is given up: its ports, and what it has on container engines and servers.
 */
export type GarbageAction = 'keep' | 'reap' | 'leave' | 'forget'

export type GarbageResult = {
  lease: Lease
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

/** A lease that cannot be given back does not keep the others from it. */
export async function collectGarbage(options: GarbageOptions): Promise<Garbage> {
  const { leases, damaged } = loadLedger()
  const results: GarbageResult[] = []
  const collect = async (judged: Awaited<ReturnType<typeof judgeLeases>>): Promise<void> => {
    for (const { lease, verdict } of judged) {
      const action = planAction(verdict, options)
      results.push(options.isDryRun ? { lease, action, outcome: 'planned' } : await act(lease, action, options))
    }
  }
  await collect(await judgeLeases(leases.filter(({ isShared }) => !isShared)))
  // What worktrees share has mostly gone with them. It is none to be counted.
  const shared = await judgeLeases(loadLedger().leases.filter(({ isShared }) => isShared))
  await collect(shared.filter(({ verdict }) => verdict !== 'alive'))
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
  if (verdict === 'alive') return 'keep'
  if (verdict === 'dead') return 'reap'
  return withUnreachable ? 'forget' : 'leave'
}

async function act(
  lease: Lease,
  action: GarbageAction,
  { reporter, withUnreachable }: GarbageOptions,
): Promise<GarbageResult> {
  try {
    const isDone = await (action === 'reap'
      ? reapLease(lease, reporter)
      : action !== 'forget' || forgetLease(lease, reporter))
    if (!isDone) return { lease, action, outcome: 'busy' }
    const left = action === 'keep' || action === 'leave' ? undefined : reloadLease(lease)
    if (left === undefined) return { lease, action, outcome: 'done' }
    // What is out of reach may be so for ever, and who asks for that has been told what is left there.
    if (withUnreachable && isPostponed(left)) deleteLease(left)
    return { lease, action: withUnreachable ? 'forget' : action, outcome: withUnreachable ? 'done' : 'postponed' }
  } catch (failure) {
    return { lease, action, outcome: 'failed', failure }
  }
}

/** Touches nothing where the repository was. False when it has come back, or somebody else is at the worktree. */
async function forgetLease(lease: Lease, reporter: Reporter): Promise<boolean> {
  const forgotten = await withLockIfFree(`worktree-${identityKey(lease)}`, async () => {
    const current = reloadLease(lease)
    if (current === undefined || existsSync(current.commonDir)) return false
    await tearDown({ ...current, resources: current.resources.filter(isElsewhere) }, { reporter, discard: false })
    return true
  })
  return forgotten ?? false
}
