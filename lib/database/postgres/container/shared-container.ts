/**
 * One container for all worktrees of a repository. It has a lease of its own, and each worktree that uses it a claim in its
 * lease; it goes with the last claim. A claim is on disk before the container is looked for, and the container's lease says
 * "removing" before claims are looked for: so one of the two always sees the other. A claim is taken from the disk before
 * others are looked for: so of two that go at once the second finds none.
 */
import { randomBytes } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Waiting } from '../../../git/worktree.ts'
import { resourceOf } from '../../../ledger/kind.ts'
import type { Lease } from '../../../ledger/lease.ts'
import {
  deleteLease,
  findLease,
  identityKey,
  loadLedger,
  reloadLease,
  saveLease,
  type WorktreeIdentity,
} from '../../../ledger/ledger.ts'
import { openLease, type OpenLease } from '../../../ledger/open-lease.ts'
import { claimRepositoryId } from '../../../ledger/repository-id.ts'
import { reserveLease } from '../../../ledger/reserve-lease.ts'
import { ownIdentity } from '../../../processes/process-identity.ts'
import type { PostgresDockerConfig } from '../../../project/config.ts'
import type { Project } from '../../../project/project.ts'
import { noDeadline, type Deadline } from '../../../report/deadline.ts'
import { withLock } from '../../../state/lock.ts'
import { type ContainerResource, hasClaim, sharedContainerShape, containerShape } from '../resources.ts'
import { isAnswering, removeLeaseContainer, requireContainer, type Place } from './container.ts'

/** Puts the claim into the worktree's lease, and returns the container, started where it does not run. */
export async function requireSharedContainer(
  project: Project,
  config: PostgresDockerConfig,
  open: OpenLease,
  place: Place,
): Promise<ContainerResource> {
  if (resourceOf(open.lease, sharedContainerShape) === undefined) open.add({ kind: 'shared-container' })
  const identity = identityFor(project.repository.commonDir)
  const running = await findRunning(identity)
  if (running !== undefined) return running
  return withContainerLock(identity, place, async () => {
    const known =
      findLease(identity) ?? (await reserveLease(draftFor(project, identity), ['db'], project.config.ports.range))
    const shared = openLease({ ...known, state: 'preparing', maker: ownIdentity() })
    try {
      const container = await requireContainer(config, shared, place)
      shared.update({ state: 'ready' })
      return container
    } catch (error) {
      // It goes with our claim, unless others have one.
      shared.update({ state: 'ready' })
      throw error
    }
  })
}

/** Takes the claim of `lease` back: the container goes when there is no other. */
export async function releaseSharedContainer(lease: Lease, waiting: Waiting): Promise<void> {
  const identity = identityFor(lease.commonDir)
  if (findLease(identity) === undefined) return
  await withContainerLock(identity, waiting, async () => {
    const shared = findLease(identity)
    if (shared === undefined) return
    withdrawClaim(lease)
    await removeUnclaimed(shared, waiting.deadline)
  })
}

/** Should the container be out of reach, the teardown that we are part of puts it back. */
function withdrawClaim(lease: Lease): void {
  const current = reloadLease(lease)
  if (current === undefined) return
  saveLease({ ...current, resources: current.resources.filter((one) => !sharedContainerShape.is(one)) })
}

/** The repository's container as its lease has it; undefined when there is none. */
export function findSharedContainer(commonDir: string): ContainerResource | undefined {
  const lease = findLease(identityFor(commonDir))
  return lease === undefined ? undefined : resourceOf(lease, containerShape)
}

/** Only under the lock of the shared lease. False when a worktree has a claim. */
export async function removeUnclaimed(shared: Lease, deadline?: Deadline): Promise<boolean> {
  saveLease({ ...shared, state: 'removing', maker: ownIdentity() })
  const { leases, damaged } = loadLedger()
  // A lease that cannot be read may have a claim.
  if (damaged.length > 0 || hasClaim(shared, leases)) {
    saveLease(shared)
    return false
  }
  await giveBack(shared, deadline)
  return true
}

async function giveBack(shared: Lease, deadline?: Deadline): Promise<void> {
  const container = resourceOf(shared, containerShape)
  if (container !== undefined) await removeLeaseContainer(shared, container, deadline)
  deleteLease(shared)
}

async function findRunning(identity: WorktreeIdentity): Promise<ContainerResource | undefined> {
  const lease = findLease(identity)
  const container = lease?.state === 'ready' ? resourceOf(lease, containerShape) : undefined
  if (container === undefined) return undefined
  return (await isAnswering(container)) ? container : undefined
}

function withContainerLock<T>(
  identity: WorktreeIdentity,
  { reporter, deadline = noDeadline }: Waiting,
  work: () => Promise<T>,
): Promise<T> {
  const purpose = `the database container of ${identity.commonDir}`
  const onWait = (): void => reporter?.progress('database: waiting for the container that another worktree starts')
  return withLock(
    `worktree-${identityKey(identity)}`,
    { purpose, waitMs: deadline.remainingMs(longestWaitMs), onWait },
    work,
  )
}

/** Pulling an image and a slow start, in ms. */
const longestWaitMs = 600_000

/** In the git folder, where nothing of the kind ever is: the lease is found like a worktree's. */
function identityFor(commonDir: string): WorktreeIdentity {
  return { commonDir, worktree: join(commonDir, 'agent-isolate-shared-database') }
}

function draftFor({ repository }: Project, identity: WorktreeIdentity): Parameters<typeof reserveLease>[0] {
  const repositoryId = claimRepositoryId(identity.commonDir)
  return {
    ...identity,
    ...(repositoryId === undefined ? {} : { repositoryId }),
    id: randomBytes(8).toString('hex'),
    root: repository.root,
    name: basename(repository.root),
    isShared: true,
    branch: undefined,
    state: 'preparing',
    maker: ownIdentity(),
    resources: [],
    createdAt: new Date().toISOString(),
  }
}
