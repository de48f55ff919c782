/**
 * The one way in which anything is given back: roll-back, removal and garbage collection walk a lease's resources
 * backwards. Every step is safe to repeat, so a teardown that was killed is simply done again.
 */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUntouchedCopy, loadManifest } from '../context/manifest.ts'
import { removeSqlite } from '../database/sqlite/worktree-database.ts'
import { removeDependencyLinks } from '../dependencies/links.ts'
import { stopSettling } from '../dependencies/settle.ts'
import { removeEnvFile } from '../environment/env-file.ts'
import { UnreachableError } from '../report/unreachable-error.ts'
import { parseDatabaseUrl } from '../database/postgres/client/database-url.ts'
import { withdrawExclude } from '../git/exclude.ts'
import { askGit, git, gitPastLocks } from '../git/git.ts'
import { ownGitFolder, worktreePlace } from '../git/linked-git-dir.ts'
import { leadsInside } from '../files/inner-path.ts'
import { errorText, IsolateError } from '../report/isolate-error.ts'
import { deleteLease, loadLedger, saveLease } from '../ledger/ledger.ts'
import { findResource, isElsewhere, isOurWorktree, type Lease, type Resource } from '../ledger/lease.ts'
import { isMarked } from '../ledger/mark.ts'
import { countOwnCommits } from '../git/own-commits.ts'
import { findProcessesAt, ownIdentity } from '../processes/process-identity.ts'
import { listWorktrees } from '../git/repository.ts'
import type { Reporter } from '../report/reporter.ts'
import { removeFolderIfEmpty } from '../files/self-ignoring-folder.ts'
import { removeWorktreeEntry, withRepositoryLock } from '../git/worktree.ts'

export type TeardownOptions = {
  reporter: Reporter
  /** The user has said that work may be lost: the branch goes whatever it holds. */
  discard: boolean
}

/**
 * Gives back all that the lease holds, and then the lease. Only under the lock of its worktree. What could not be given back
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
      const isGone = !isThere && isInWorktree(resource)
      if (isGone || (await giveBackIfReached(lease, resource, options))) gone.add(resource)
    }
  } catch (error) {
    saveLease({ ...ending, resources: left() })
    throw error
  }
  if (gitFolder !== undefined) rmSync(gitFolder, { recursive: true, force: true })
  if (leftAlone && isOurWorktree(lease) && existsSync(lease.worktree))
    options.reporter.warn(`${lease.worktree} is not what we made, and stays`)
  if (left().length === 0) return deleteLease(lease)
  saveLease({ ...ending, state: 'removing', resources: left() })
}

/** False when it must be tried again later: the worktree need not wait for that. */
async function giveBackIfReached(lease: Lease, resource: Resource, options: TeardownOptions): Promise<boolean> {
  try {
    await giveBack(lease, resource, options)
    return true
  } catch (error) {
    if (!(error instanceof IsolateError) || !isElsewhere(resource)) throw error
    if (!(error instanceof UnreachableError) && resource.kind !== 'compose') throw error
    if (resource.kind === 'compose' && !resource.hasPorts && error instanceof UnreachableError) {
      // Most compose files are never brought up in a worktree: no reason to keep its ports for that.
      options.reporter.info(
        `no engine answers; if the compose project ${resource.project} was ever up: docker compose -p ${resource.project} down -v`,
      )
      return true
    }
    options.reporter.warn(
      `${describeElsewhere(resource)} of ${lease.name} is left for later: ${error.message}; when it can be reached again: agent-isolate gc`,
    )
    return false
  }
}

function describeElsewhere(resource: Resource): string {
  if (resource.kind === 'container') return `the container ${resource.name}`
  if (resource.kind === 'postgres') return `the database ${parseDatabaseUrl(resource.url).database ?? ''}`
  return resource.kind === 'compose' ? `the compose project ${resource.project}` : 'the claim on the shared container'
}

/** A creation that is taken back stays one until it is gone: if that is killed too, the next one goes on with it. */
function endingState({ state }: Lease, { discard }: TeardownOptions): Lease['state'] {
  if (discard) return 'discarding'
  return state === 'creating' ? 'creating' : 'removing'
}

function isInWorktree({ kind }: Resource): boolean {
  return kind === 'environment' || kind === 'sqlite' || kind === 'dependencies' || kind === 'context'
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

async function giveBack(lease: Lease, resource: Resource, options: TeardownOptions): Promise<void> {
  const { worktree, commonDir } = lease
  switch (resource.kind) {
    case 'environment':
      return removeEnvFile(worktree, resource.inner)
    case 'sqlite':
      return resource.existed ? undefined : removeSqlite(worktree, resource.inner, options.reporter)
    case 'container':
      return (await import('./elsewhere.ts')).removeLeaseContainer(lease, resource)
    case 'shared-container':
      return (await import('./elsewhere.ts')).releaseSharedContainer(lease, options.reporter)
    case 'postgres':
      return (await import('./elsewhere.ts')).removePostgres(lease, resource)
    case 'compose':
      return (await import('./elsewhere.ts')).removeComposeProject(resource.engine, resource.project)
    case 'dependencies':
      return removeDependencyLinks(worktree, [resource.inner])
    case 'context':
      return removeCopies(worktree)
    case 'exclude':
      return withdrawExclude(commonDir, () => hasOtherExclude(lease))
    case 'worktree':
      return removeWorktree(lease, options)
    case 'branch':
      return removeBranch(lease, resource, options.reporter)
  }
}

/** A copy that has been committed is the repository's now. */
async function removeCopies(worktree: string): Promise<void> {
  const manifest = loadManifest(ownGitFolder(worktree))
  const untouched = [...manifest.keys()].filter(
    (path) => leadsInside(worktree, path) && isUntouchedCopy(worktree, manifest, path),
  )
  if (untouched.length === 0) return
  const tracked = new Set(
    (await git(worktreePlace(worktree), ['--literal-pathspecs', 'ls-files', '-z', '--', ...untouched])).split('\0'),
  )
  for (const path of untouched.filter((one) => !tracked.has(one))) rmSync(join(worktree, path), { force: true })
}

function hasOtherExclude({ id, commonDir }: Lease): boolean {
  const { leases } = loadLedger()
  return leases.some(
    (other) =>
      other.id !== id && other.commonDir === commonDir && other.resources.some(({ kind }) => kind === 'exclude'),
  )
}

/**
 * The folder is first renamed, in one step, to a name that carries the lease's id: whatever is written at its path from
 * then on is not ours, and a removal that was killed half-way goes on with the rest of it.
 */
async function removeWorktree(lease: Lease, { reporter, discard }: TeardownOptions): Promise<void> {
  const { worktree, commonDir, id } = lease
  const removed = join(dirname(worktree), `.removed-${id}`)
  try {
    if (isMarked(lease)) renameSync(worktree, removed)
    else removeFolderIfEmpty(worktree)
    await rm(removed, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  } catch (error) {
    throw new IsolateError(`${worktree} cannot be removed: ${errorText(error)}`, {
      hint: 'See to what keeps it (permissions, a program that still writes there), then run: agent-isolate gc',
      cause: error,
    })
  }
  if (!existsSync(commonDir)) return
  const saved = await removeWorktreeEntry(commonDir, worktree, !discard)
  if (saved !== undefined) reporter.info(`kept the commits of ${worktree}, which were on no branch, as ${saved}`)
}

/**
 * Under the repository's lock, so that two removals cannot each count the other's branch as the place that keeps a commit,
 * and by compare and swap, since the user's git takes no lock of ours. A branch that is checked out anywhere stays.
 */
async function removeBranch(
  { commonDir }: Lease,
  { name, rebased, givenUp }: Resource & { kind: 'branch' },
  reporter: Reporter,
): Promise<void> {
  if (!existsSync(commonDir)) return
  await withRepositoryLock(commonDir, async () => {
    const tip = await findTip(commonDir, name)
    if (tip === undefined || (await listWorktrees(commonDir)).some(({ branch }) => branch === name)) return
    const own = await countOwnCommits(commonDir, tip, { except: name, copies: givenUp ?? rebased })
    if (own > 0) return reporter.info(`kept the branch ${name}: it has ${own} commits that no other branch has`)
    await deleteBranch(commonDir, name, tip)
  })
}

async function deleteBranch(commonDir: string, name: string, tip: string): Promise<void> {
  try {
    await gitPastLocks({ gitDir: commonDir }, ['update-ref', '-d', `refs/heads/${name}`, tip])
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    throw new IsolateError(`the branch ${name} stays: ${error.message.split('\n')[0]}`, {
      hint: 'See to what keeps it (another git at work; a lock file that a killed one left), then run: agent-isolate gc',
      cause: error,
    })
  }
}

/** The commit of a branch; undefined when there is no such branch. */
async function findTip(commonDir: string, branch: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`]
  return (await askGit({ gitDir: commonDir }, args))?.trim()
}

/** `lease` with the branch's commits of this moment given up: the user has said so of them, and of none that come later. */
export async function giveUpCommits(lease: Lease): Promise<Lease> {
  const branch = findResource(lease, 'branch')
  if (branch === undefined || !existsSync(lease.commonDir)) return lease
  const givenUp = await findTip(lease.commonDir, branch.name)
  if (givenUp === undefined) return lease
  return { ...lease, resources: lease.resources.map((one) => (one === branch ? { ...branch, givenUp } : one)) }
}
