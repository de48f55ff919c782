/**
 * The one way in which anything is given back: roll-back, removal and garbage collection walk a lease's resources
 * backwards. Every step is safe to repeat, so a teardown that was killed is simply done again.
 */
import { existsSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUntouchedCopy, loadManifest } from './context-manifest.ts'
import { ownFolderName } from './database.ts'
import { removeDependencyLinks } from './dependencies/links.ts'
import { stopSettling } from './dependencies/settle.ts'
import { removeEnvironment } from './environment.ts'
import { withdrawExclude } from './exclude.ts'
import { tryGit } from './git.ts'
import { errorText, IsolateError } from './isolate-error.ts'
import { deleteLease, loadLedger, saveLease } from './ledger.ts'
import type { Lease, Resource } from './lease.ts'
import { findProcessesAt, ownIdentity } from './process-identity.ts'
import { listWorktrees } from './repository.ts'
import type { Reporter } from './reporter.ts'
import { sqliteSideFiles } from './sqlite/snapshot.ts'
import { countOwnCommits } from './unsaved-work.ts'
import { removeSelfIgnoringFolder } from './self-ignoring-folder.ts'
import { ownGitFolder, removeWorktreeEntry, withRepositoryLock } from './worktree.ts'

export type TeardownOptions = {
  reporter: Reporter
  /** What becomes of a branch of ours: `merged` removes it only when nothing would be lost. */
  branch: 'remove' | 'merged'
}

/** Gives back all that the lease holds, and then the lease. Only under the lock of its worktree. */
export async function tearDown(lease: Lease, options: TeardownOptions): Promise<void> {
  saveLease({ ...lease, state: options.branch === 'remove' ? 'discarding' : 'removing', maker: ownIdentity() })
  const isThere = existsSync(join(lease.worktree, '.git'))
  const gitFolder = isThere ? ownGitFolder(lease.worktree) : undefined
  if (gitFolder !== undefined) await stopSettling(gitFolder)
  for (const resource of lease.resources.toReversed()) await giveBack(lease, resource, options)
  if (gitFolder !== undefined) rmSync(gitFolder, { recursive: true, force: true })
  deleteLease(lease)
}

/** Waits for what a killed creation left running (git, an installer), so that it does not write into what is being removed. */
export async function waitForOrphans({ worktree }: Lease, reporter: Reporter): Promise<void> {
  for (let waitedMs = 0; findProcessesAt(worktree).length > 0; waitedMs += orphanNapMs) {
    if (waitedMs === 0) reporter.progress(`waiting for processes that a killed creation left in ${worktree}`)
    if (waitedMs >= orphanPatienceMs) return
    await sleep(orphanNapMs)
  }
}

const orphanNapMs = 100
const orphanPatienceMs = 10_000

async function giveBack(lease: Lease, resource: Resource, { reporter, branch }: TeardownOptions): Promise<void> {
  const { worktree, commonDir } = lease
  switch (resource.kind) {
    case 'environment':
      return removeEnvironment(worktree, resource)
    case 'sqlite':
      return resource.existed ? undefined : removeDatabaseFile(join(worktree, resource.inner))
    case 'dependencies':
      return removeDependencyLinks(worktree, [resource.inner])
    case 'context':
      return removeCopies(worktree)
    case 'exclude':
      return withdrawExclude(commonDir, () => hasOtherExclude(lease))
    case 'worktree':
      return removeWorktree(lease)
    case 'branch':
      return removeBranch(lease, resource, branch, reporter)
  }
}

function removeDatabaseFile(path: string): void {
  for (const file of [path, ...sqliteSideFiles(path)]) rmSync(file, { force: true })
  if (basename(dirname(path)) === ownFolderName) removeSelfIgnoringFolder(dirname(path))
}

function removeCopies(worktree: string): void {
  if (!existsSync(join(worktree, '.git'))) return
  const manifest = loadManifest(ownGitFolder(worktree))
  for (const path of manifest.keys()) {
    if (isUntouchedCopy(worktree, manifest, path)) rmSync(join(worktree, path), { force: true })
  }
}

function hasOtherExclude({ id, commonDir }: Lease): boolean {
  const { leases } = loadLedger()
  return leases.some(
    (other) =>
      other.id !== id && other.commonDir === commonDir && other.resources.some(({ kind }) => kind === 'exclude'),
  )
}

async function removeWorktree({ worktree, commonDir }: Lease): Promise<void> {
  // The folder first and without the lock, since it takes the time; what git knows of it then goes in no time.
  try {
    await rm(worktree, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  } catch (error) {
    throw new IsolateError(`${worktree} cannot be removed: ${errorText(error)}`, {
      hint: 'See to what keeps it (permissions, a program that still writes there), then run: agent-isolate gc',
      cause: error,
    })
  }
  if (existsSync(commonDir)) await removeWorktreeEntry(commonDir, worktree)
}

/** Compare and swap: a branch that moves while we look is not removed. One that is checked out anywhere never is. */
async function removeBranch(
  { commonDir }: Lease,
  { name }: Resource & { kind: 'branch' },
  mode: TeardownOptions['branch'],
  reporter: Reporter,
): Promise<void> {
  if (!existsSync(commonDir)) return
  const ref = `refs/heads/${name}`
  const tip = await tryGit(commonDir, ['--git-dir', commonDir, 'rev-parse', '--verify', '--quiet', ref])
  if (tip.code !== 0) return
  if ((await listWorktrees(commonDir)).some(({ branch }) => branch === name)) return
  const own = mode === 'remove' ? 0 : await countOwnCommits(commonDir, ref, name)
  if (own > 0) return reporter.info(`kept the branch ${name}: it has ${own} commits that no other branch has`)
  await withRepositoryLock(commonDir, () =>
    tryGit(commonDir, ['--git-dir', commonDir, 'update-ref', '-d', ref, tip.stdout.trim()]),
  )
}
