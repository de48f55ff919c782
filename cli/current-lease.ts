/** The worktree that a command is about: the one we stand in, or one of the same repository by its name. */
import { requireRepository, type Repository } from '../lib/git/repository.ts'
import { isBeingMade, type Lease } from '../lib/ledger/lease.ts'
import { findLease, loadLedger } from '../lib/ledger/ledger.ts'
import { followMoves } from '../lib/ledger/moved-leases.ts'
import { judge } from '../lib/lifecycle/judge-leases.ts'
import { notUsable } from '../lib/lifecycle/lease-advice.ts'
import { requireLease, requireLinkedWorktree } from '../lib/lifecycle/require-lease.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { stderrReporter } from '../lib/report/reporter.ts'

/** Throws `IsolateError` in the main checkout, and for a worktree without a lease, half-made or on its way out. */
export async function requireCurrentLease(name?: string): Promise<{ repository: Repository; lease: Lease }> {
  const repository = await requireRepository(process.cwd())
  await followMoves(repository.commonDir, loadLedger().leases, stderrReporter)
  const lease = name === undefined ? requireLeaseHere(repository) : requireLease(repository, name, process.cwd())
  const verdict = await judge(lease)
  // Set-up commands run while the worktree is still being made, and may well ask for its environment.
  if (verdict === 'use' || (verdict === 'wait' && isBeingMade(lease))) return { repository, lease }
  throw notUsable(lease, verdict)
}

function requireLeaseHere(repository: Repository): Lease {
  const worktree = requireLinkedWorktree({ repository })
  const lease = findLease({ worktree, commonDir: repository.commonDir })
  if (lease !== undefined) return lease
  throw new IsolateError(`${worktree} has no ports and no database of its own yet`, {
    hint: 'Give it some: agent-isolate setup',
  })
}
