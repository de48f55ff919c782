/** The one judge of a lease: whatever asks what is to become of one gets the same answer. Dead is only what is proved dead. */
import { existsSync } from 'node:fs'
import { hasClaim } from '../database/postgres/resources.ts'
import { listWorktrees, type ListedWorktree } from '../git/repository.ts'
import { isOurWorktree, type Lease } from '../ledger/lease.ts'
import { loadLedger } from '../ledger/ledger.ts'
import { isAstray, isMarked } from '../ledger/mark.ts'
import { isRepositoryThere } from '../ledger/repository-id.ts'
import { isAlive } from '../processes/process-identity.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** What is to be known of a lease to judge it. */
export type LeaseFacts = {
  isMakerAlive: boolean
  folderExists: boolean
  /** What is in the folder is the worktree that the lease is of. */
  isMarked: boolean
  /** It was moved along with its repository, and git has not been told. */
  isAstray: boolean
  isRepositoryThere: boolean
  /** What `git worktree list` says of the path. */
  listed: Pick<ListedWorktree, 'isLocked'> | undefined
  /** For what worktrees share: whether one of them still has a claim on it. */
  isClaimed: boolean
}

/**
 * `use`: it is there. `wait`: a living process makes or removes it. `finish`: its set-up was interrupted; whoever asks for
 * it goes on with that, and whoever collects garbage releases it unless it holds work. `release`: what is left of it is
 * to be released. `keep`: its folder is gone and may come back. `repair`: git has to be told where it is. `out of reach`:
 * its repository is gone, perhaps on a disk that comes back, perhaps renamed; another one may be where it was.
 */
export type Verdict = 'use' | 'wait' | 'finish' | 'release' | 'keep' | 'repair' | 'out of reach'

/** Pure. */
export function judgeLease(lease: Lease, facts: LeaseFacts): Verdict {
  const { state } = lease
  const isSettled = state === 'ready' || state === 'interrupted'
  if (!isSettled && facts.isMakerAlive) return 'wait'
  if (facts.isClaimed) return 'use'
  if (!facts.isRepositoryThere) return 'out of reach'
  if (facts.isAstray) return 'repair'
  if (facts.folderExists) {
    if (state === 'ready') return 'use'
    return state === 'interrupted' || (state === 'preparing' && facts.isMarked) ? 'finish' : 'release'
  }
  if (!isSettled || facts.listed === undefined) return 'release'
  return isOurWorktree(lease) && !facts.listed.isLocked ? 'release' : 'keep'
}

export type JudgedLease = { lease: Lease; verdict: Verdict }

/** All leases with their verdicts. Asks git only about repositories with a lease whose folder is gone. */
export async function judgeLeases(leases: readonly Lease[]): Promise<JudgedLease[]> {
  const lists = new Map<string, Promise<ListedWorktree[] | undefined>>()
  const listOnce = (commonDir: string): Promise<ListedWorktree[] | undefined> => {
    const known = lists.get(commonDir) ?? listIfReadable(commonDir)
    lists.set(commonDir, known)
    return known
  }
  return Promise.all(
    leases.map(async (lease) => ({ lease, verdict: judgeLease(lease, await findFacts(lease, listOnce)) })),
  )
}

/** The same for one lease. */
export async function judge(lease: Lease): Promise<Verdict> {
  return judgeLease(lease, await findFacts(lease, listIfReadable))
}

/** For whoever holds the lock of the worktree: nobody else is at it, whether or not the process lives that once was. */
export async function judgeHeld(lease: Lease): Promise<Verdict> {
  return judgeLease(lease, { ...(await findFacts(lease, listIfReadable)), isMakerAlive: false })
}

async function findFacts(
  lease: Lease,
  list: (commonDir: string) => Promise<ListedWorktree[] | undefined>,
): Promise<LeaseFacts> {
  const { state, worktree, commonDir } = lease
  const folderExists = existsSync(worktree)
  const isSettled = state === 'ready' || state === 'interrupted'
  const isThere = isRepositoryThere(lease)
  const isDoubtful = isSettled && !lease.isShared && !folderExists && isThere
  const listed = isDoubtful ? await list(commonDir) : undefined
  return {
    isMakerAlive: isSettled || isAlive(lease.maker),
    folderExists,
    // Of one that is ready nobody asks.
    isMarked: !isSettled && folderExists && isMarked(lease),
    isAstray: folderExists && isAstray(lease),
    isRepositoryThere: isDoubtful ? listed !== undefined : isThere,
    listed: listed?.find(({ path }) => path === worktree),
    isClaimed: lease.isShared === true && hasClaim(lease, loadLedger().leases),
  }
}

/** A repository that git cannot read is as far away as one on an unplugged disk: no reason for others to fail. */
async function listIfReadable(commonDir: string): Promise<ListedWorktree[] | undefined> {
  try {
    return await listWorktrees(commonDir)
  } catch (error) {
    if (error instanceof IsolateError) return undefined
    throw error
  }
}
