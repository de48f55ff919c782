/** Takes a block of ports for a worktree: claimed in the ledger first, then proved free by binding. */
import type { Lease } from './lease.ts'
import { claimBlock, claimedBlocks, deleteLease, identityKey, rangeIsFull } from './ledger.ts'
import { assignPorts, blockCandidates, isBlockFree } from './ports.ts'

export type LeaseDraft = Omit<Lease, 'block' | 'ports'>

/** Only under the lock of the worktree, which must have no lease. Throws `IsolateError` when the range is full. */
export async function reserveLease(
  draft: LeaseDraft,
  portNames: readonly string[],
  range: readonly [number, number],
): Promise<Lease> {
  const claimed = new Set(claimedBlocks())
  for (const block of blockCandidates(identityKey(draft), range)) {
    if (claimed.has(block)) continue
    const lease: Lease = { ...draft, block, ports: assignPorts(block, portNames) }
    if (!claimBlock(lease)) continue
    // Probing only what is ours keeps two creations from meeting each other's probes.
    if (await isBlockFree(block)) return lease
    deleteLease(lease)
  }
  throw rangeIsFull(range)
}
