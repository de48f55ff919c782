/** Tells whether what a lease stands for is still there. Dead is only what is proved dead. */
import { existsSync } from 'node:fs'
import { IsolateError } from './isolate-error.ts'
import { hasClaim, isOurWorktree, type Lease } from './lease.ts'
import { loadLedger } from './ledger.ts'
import { isAlive } from './process-identity.ts'
import { listWorktrees, type ListedWorktree } from './repository.ts'

export type LeaseFacts = {
  isMakerAlive: boolean
  folderExists: boolean
  isRepositoryThere: boolean
  /** What `git worktree list` says of the path. */
  listed: Pick<ListedWorktree, 'isLocked'> | undefined
  /** For what worktrees share: whether one of them still has a claim on it. */
  isClaimed?: boolean
}

export type Verdict = 'alive' | 'dead' | 'unreachable'

/**
 * Dead: the folder is gone and git no longer lists it, or still does though the worktree is ours and not locked; or the
 * lease never became ready (or was being removed) and its maker is dead. A repository that is not there may be on a disk
 * that comes back. What worktrees share lives while one has a claim.
 */
export function judgeLease(
  lease: Lease,
  { isMakerAlive, folderExists, isRepositoryThere, listed, isClaimed }: LeaseFacts,
): Verdict {
  if ((lease.state !== 'ready' && isMakerAlive) || isClaimed) return 'alive'
  if (!isRepositoryThere) return 'unreachable'
  if (lease.state !== 'ready') return 'dead'
  if (folderExists) return 'alive'
  if (listed === undefined) return 'dead'
  return isOurWorktree(lease) && !listed.isLocked ? 'dead' : 'alive'
}

/** All leases with their verdicts. Asks git only about repositories with a lease that looks dead. */
export async function judgeLeases(leases: readonly Lease[]): Promise<{ lease: Lease; verdict: Verdict }[]> {
  const lists = new Map<string, Promise<ListedWorktree[] | undefined>>()
  const listOnce = (commonDir: string): Promise<ListedWorktree[] | undefined> => {
    const known = lists.get(commonDir) ?? listIfReadable(commonDir)
    lists.set(commonDir, known)
    return known
  }
  return Promise.all(
    leases.map(async (lease) => {
      const isMakerAlive = lease.state === 'ready' || isAlive(lease.maker)
      const folderExists = existsSync(lease.worktree)
      const isDoubtful = lease.state === 'ready' && !lease.isShared && !folderExists && existsSync(lease.commonDir)
      const list = isDoubtful ? await listOnce(lease.commonDir) : undefined
      const isRepositoryThere = isDoubtful ? list !== undefined : existsSync(lease.commonDir)
      const listed = list?.find(({ path }) => path === lease.worktree)
      const isClaimed = lease.isShared === true && hasClaim(lease, loadLedger().leases)
      return { lease, verdict: judgeLease(lease, { isMakerAlive, folderExists, isRepositoryThere, listed, isClaimed }) }
    }),
  )
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
