/** Every kind of thing that a worktree can hold. */
import { composeKind } from '../compose/kind.ts'
import { contextKind } from '../context/kind.ts'
import { containerKind, postgresKind, sharedContainerKind } from '../database/postgres/kind.ts'
import { sqliteKind } from '../database/sqlite/kind.ts'
import { dependenciesKind } from '../dependencies/kind.ts'
import { environmentKind } from '../environment/kind.ts'
import type { Kind } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import type { Resource } from '../ledger/resource.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { serviceKind } from '../services/kind.ts'
import { branchKind, excludeKind, worktreeKind } from './git-kinds.ts'

const kinds: readonly Kind[] = [
  branchKind,
  worktreeKind,
  excludeKind,
  contextKind,
  dependenciesKind,
  sqliteKind,
  containerKind,
  sharedContainerKind,
  postgresKind,
  serviceKind,
  environmentKind,
  composeKind,
]

/** Throws `IsolateError` for one that this version does not know: it was written by a newer one, or damaged. */
export function kindOf(resource: Resource): Kind {
  const kind = findKind(resource)
  if (kind !== undefined) return kind
  throw new IsolateError(`the ledger names something of an unknown kind, or not as it should be: ${resource.kind}`, {
    hint: 'Use the newest version of agent-isolate that has been used on this machine.',
  })
}

function findKind(resource: Resource): Kind | undefined {
  return kinds.find((one) => one.is(resource))
}

/** Ports that are kept for life by what the lease holds: a container cannot change its own. */
export function keptPorts({ resources }: Pick<Lease, 'resources'>): number[] {
  return resources.flatMap((resource) => findKind(resource)?.ports?.(resource) ?? [])
}

/** On a container engine or a server, not in the worktree or the repository. */
export function isElsewhere(resource: Resource): boolean {
  return kindOf(resource).where === 'elsewhere'
}
