/** Removes a worktree, unless work would be lost with it. */
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { findLinkedGitDir } from '../git/linked-git-dir.ts'
import { requireRepository, type Repository } from '../git/repository.ts'
import { findListed } from '../git/worktree.ts'
import { isOurWorktree, isPostponed, type Lease } from '../ledger/lease.ts'
import { findLease, loadLedger } from '../ledger/ledger.ts'
import { followMoves } from '../ledger/moved-leases.ts'
import { isReplaced } from '../ledger/repository-id.ts'
import { withWorktreeLock } from '../ledger/worktree-lock.ts'
import { loadProjectIfRight } from '../project/project.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import { giveUpCommits } from './git-kinds.ts'
import { judgeHeld } from './judge-leases.ts'
import { notUsable } from './lease-advice.ts'
import { runTeardownCommands } from './project-commands.ts'
import { requireLease, requireLinkedWorktree } from './require-lease.ts'
import { tearDown } from './teardown.ts'
import { describeUnsavedWork, findUnsavedWork, isNothing } from './unsaved-work.ts'

export type RemoveOptions = { reporter: Reporter; discard: boolean }

/** Removes the worktree of that name (or path) in the repository of `cwd`. Throws `IsolateError` when it holds work and `discard` is not given. */
export async function removeWorktree(cwd: string, nameOrPath: string, options: RemoveOptions): Promise<Lease> {
  const repository = await requireRepository(cwd)
  await followMoves(repository.commonDir, loadLedger().leases, options.reporter)
  const lease = requireLease(repository, nameOrPath, cwd)
  // One that is gone is but for what its removal could not release.
  if (!isOurWorktree(lease) && existsSync(lease.worktree)) {
    throw new IsolateError(`${lease.worktree} was not made by agent-isolate`, {
      hint: `Release its ports and database with "agent-isolate teardown" there; the tool that made it removes it.`,
    })
  }
  return removeLeased(repository, lease, options)
}

/** For the hook: removes the worktree at `path` if it is ours; one that holds work stays. */
export async function removeWorktreeAt(path: string, reporter: Reporter): Promise<void> {
  const real = existsSync(path) ? realpathSync(path) : resolve(path)
  const isIt = (one: Lease): boolean => one.worktree === real && !isPostponed(one) && !isReplaced(one)
  const lease = (await leasesAround(real, reporter)).find(isIt)
  if (lease === undefined || !isOurWorktree(lease))
    return reporter.info(`${path} was not made by agent-isolate: left alone`)
  // The session sits in the very folder that goes; nothing below may depend on where we are.
  process.chdir(lease.root)
  // The root of a bare repository may be a plain folder that holds it, and git may have been told not to look into the latter.
  const places = [existsSync(join(lease.root, '.git')) ? lease.root : lease.worktree, lease.commonDir]
  const place = places.find((one) => existsSync(one)) ?? lease.commonDir
  await removeLeased(await requireRepository(place), lease, { reporter, discard: false })
}

/** Those of the ledger; the ones of a repository that was moved, with the worktree, where they are now. */
async function leasesAround(worktree: string, reporter: Reporter): Promise<readonly Lease[]> {
  const { leases } = loadLedger()
  const gitDir = existsSync(worktree) ? findLinkedGitDir(worktree) : undefined
  if (gitDir === undefined || !existsSync(gitDir)) return leases
  // gitrepository-layout(5): worktrees/<id> in the folder that all share.
  return followMoves(realpathSync(dirname(dirname(gitDir))), leases, reporter)
}

/** What main says today, rightly or not, is no reason to keep a worktree. */
async function removeLeased(repository: Repository, lease: Lease, options: RemoveOptions): Promise<Lease> {
  const project = await loadProjectIfRight(repository)
  return withWorktreeLock(lease, options, async () => {
    const current = findLease(lease)
    if (current?.id !== lease.id) throw new IsolateError(`${lease.worktree} has just been removed by another process`)
    const verdict = await judgeHeld(current)
    if (verdict === 'repair' || (verdict === 'keep' && !options.discard)) throw notUsable(current, verdict)
    if (!options.discard) await refuseUnsavedWork(current)
    if (await runTeardownCommands(project, current, options.reporter)) {
      // They take their time and may leave something behind.
      if (!options.discard) await refuseUnsavedWork(current)
    }
    await tearDown(options.discard ? await giveUpCommits(current) : current, options)
    return current
  })
}

/** Releases what a worktree that another tool made holds; the worktree and its branch stay. */
export async function tearDownWorktree(cwd: string, reporter: Reporter): Promise<Lease> {
  const repository = await requireRepository(cwd)
  const { commonDir } = repository
  const worktree = requireLinkedWorktree({ repository })
  await followMoves(commonDir, loadLedger().leases, reporter)
  const project = await loadProjectIfRight(repository)
  return withWorktreeLock({ worktree, commonDir }, { reporter }, async () => {
    const lease = findLease({ worktree, commonDir })
    if (lease === undefined) throw new IsolateError(`${worktree} holds nothing: it was never set up`)
    if (isOurWorktree(lease)) {
      throw new IsolateError(`${worktree} was made by agent-isolate, so it goes as a whole`, {
        hint: `agent-isolate remove ${lease.name}`,
      })
    }
    await runTeardownCommands(project, lease, reporter)
    await tearDown(lease, { reporter, discard: false })
    return lease
  })
}

async function refuseUnsavedWork(lease: Lease): Promise<void> {
  if (!existsSync(lease.worktree)) return
  const listed = await findListed(lease.commonDir, lease.worktree)
  if (listed === undefined) {
    throw new IsolateError(`git no longer knows ${lease.worktree}, so nobody can say what work is in it`, {
      hint: `Move what you need away, then: agent-isolate remove ${lease.name} --discard`,
    })
  }
  if (listed.isLocked) {
    throw new IsolateError(`${lease.worktree} is locked`, { hint: `git worktree unlock ${lease.worktree}` })
  }
  const work = await findUnsavedWork(lease, listed.branch)
  if (isNothing(work)) return
  throw new IsolateError(`${lease.worktree} stays: it holds ${describeUnsavedWork(work)}`, {
    hint: `Commit and merge or push them, or throw them away: agent-isolate remove ${lease.name} --discard`,
  })
}
