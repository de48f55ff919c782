/**
 * The one way in which anything is released: roll-back, removal and garbage collection walk a lease's resources
 * backwards. Every step is safe to repeat, so a teardown that was killed is simply done again.
 */
import { existsSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { stopSettling } from '../dependencies/settle.ts'
import { ownGitFolder } from '../git/linked-git-dir.ts'
import type { Undoing } from '../ledger/kind.ts'
import { isOurWorktree, type Lease } from '../ledger/lease.ts'
import { deleteLease, saveLease } from '../ledger/ledger.ts'
import { isMarked } from '../ledger/mark.ts'
import type { Resource } from '../ledger/resource.ts'
import { findProcessesAt, ownIdentity } from '../processes/process-identity.ts'
import type { Reporter } from '../report/reporter.ts'
import { UnreachableError } from '../report/unreachable-error.ts'
import { kindOf } from './kinds.ts'

export type TeardownOptions = Omit<Undoing, 'lease'>

/**
 * Releases all that the lease holds, and then the lease. Only under the lock of its worktree. What could not be released
 * stays in the lease, for the next one that comes; throws `IsolateError` unless that is but out of reach.
 */
export async function tearDown(lease: Lease, options: TeardownOptions): Promise<void> {
  // What has taken the place of the worktree is not ours to touch.
  const isThere = isMarked(lease)
  const leftAlone = !isThere && existsSync(lease.worktree)
  const ending: Lease = { ...lease, state: endingState(lease, options), maker: ownIdentity() }
  saveLease(ending)
  const gitFolder = isThere ? ownGitFolder(lease.worktree) : undefined
  if (gitFolder !== undefined) await stopSettling(gitFolder)
  const gone = new Set<Resource>()
  const left = (): Resource[] => lease.resources.filter((resource) => !gone.has(resource))
  try {
    for (const resource of lease.resources.toReversed()) {
      const isGone = !isThere && kindOf(resource).where === 'worktree'
      if (isGone || (await giveBackIfReached(resource, { lease, ...options }))) gone.add(resource)
    }
  } catch (error) {
    saveLease({ ...ending, resources: left() })
    throw error
  }
  if (gitFolder !== undefined) rmSync(gitFolder, { recursive: true, force: true })
  if (leftAlone && isOurWorktree(lease) && existsSync(lease.worktree))
    options.reporter.warn(`${lease.worktree} is not what we made, and stays`)
  if (left().length === 0) return deleteLease(lease)
  saveLease({ ...ending, state: 'postponed', resources: left() })
}

/** False when it must be tried again later: the worktree need not wait for that. */
async function giveBackIfReached(resource: Resource, undoing: Undoing): Promise<boolean> {
  const kind = kindOf(resource)
  try {
    await kind.undo(resource, undoing)
    return true
  } catch (error) {
    if (!(error instanceof UnreachableError) || kind.where !== 'elsewhere') throw error
    undoing.reporter.warn(
      `${kind.describe(resource)} of ${undoing.lease.name} is left for later: ${error.message}; when it can be reached again: agent-isolate gc`,
    )
    return false
  }
}

/** A creation that is removed stays one until it is gone: if that is killed too, the next one goes on with it. */
function endingState({ state }: Lease, { discard }: TeardownOptions): Lease['state'] {
  if (discard) return 'discarding'
  return state === 'creating' ? 'creating' : 'removing'
}

/**
 * Waits for what a killed creation left running (git, an installer), so that nothing is removed under it. False when it
 * does not end.
 */
export async function waitForOrphans({ worktree }: Lease, reporter: Reporter): Promise<boolean> {
  for (let waitedMs = 0; findProcessesAt(worktree).length > 0; waitedMs += orphanNapMs) {
    if (waitedMs === 0) reporter.progress(`waiting for processes that a killed creation left in ${worktree}`)
    if (waitedMs >= orphanPatienceMs) return false
    await sleep(orphanNapMs)
  }
  return true
}

const orphanNapMs = 100
const orphanPatienceMs = 10_000
