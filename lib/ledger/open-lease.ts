/** A lease that grows while its resources are made: whatever is about to be made is on disk first. */
import type { Lease } from './lease.ts'
import { saveLease } from './ledger.ts'
import type { Resource } from './resource.ts'

/** Only under the lock of the lease's worktree, and one at a time for a lease. */
export type OpenLease = {
  /** As it was last saved. */
  readonly lease: Lease
  update: (change: Partial<Pick<Lease, 'ports' | 'resources' | 'state'>>) => void
  /** Puts the resource at the end, in the place of those that `replaced` accepts. */
  add: (resource: Resource, replaced?: (resource: Resource) => boolean) => void
  remove: (isGone: (resource: Resource) => boolean) => void
}

export function openLease(initial: Lease): OpenLease {
  let current = initial
  const update: OpenLease['update'] = (change) => {
    current = { ...current, ...change }
    saveLease(current)
  }
  const remove: OpenLease['remove'] = (isGone) =>
    update({ resources: current.resources.filter((resource) => !isGone(resource)) })
  return {
    get lease() {
      return current
    },
    update,
    add: (resource, replaced = () => false) =>
      update({ resources: [...current.resources.filter((one) => !replaced(one)), resource] }),
    remove,
  }
}
