/** The labels on everything that we make on a container engine: whose it is, and for people what it is for. */
import { ledgerId } from '../ledger/ledger-id.ts'
import type { Lease } from '../ledger/lease.ts'
import type { Labels } from './labelled.ts'

/** What proves that a container or volume is the lease's: its id was drawn by chance. */
export function leaseLabels({ id }: Pick<Lease, 'id'>): Labels {
  return { 'agent-isolate.lease': id }
}

/** The same for everything that this machine's ledger has made. */
export function ledgerLabels(): Labels {
  return { 'agent-isolate.ledger': ledgerId() }
}

/** Beside `leaseLabels`, on all that is made: the ledger, and for people where it belongs. */
export function describingLabels({ worktree, name, isShared, root }: Lease): Labels {
  const labels = { ...ledgerLabels(), 'agent-isolate.repository': root }
  return isShared ? labels : { ...labels, 'agent-isolate.worktree': worktree, 'agent-isolate.name': name }
}
