/** What a worktree holds in git: itself, its branch, our lines in what the repository's worktrees ignore. */
import { existsSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isText, isTextOrMissing } from '../files/json.ts'
import { removeFolderIfEmpty } from '../files/self-ignoring-folder.ts'
import { withdrawExclude } from '../git/exclude.ts'
import { askGit, gitPastLocks } from '../git/git.ts'
import { countOwnCommits } from '../git/own-commits.ts'
import { listWorktrees } from '../git/repository.ts'
import { removeWorktreeEntry, withRepositoryLock } from '../git/worktree.ts'
import { resourceOf, type Kind, type Undoing } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import { loadLedger } from '../ledger/ledger.ts'
import { isMarked } from '../ledger/mark.ts'
import { errorText, IsolateError } from '../report/isolate-error.ts'

export type WorktreeResource = { kind: 'worktree' }

export const worktreeKind: Kind<WorktreeResource> = {
  kind: 'worktree',
  where: 'repository',
  is: (resource): resource is WorktreeResource => resource.kind === 'worktree',
  describe: () => 'the worktree',
  undo: (_, undoing) => removeWorktree(undoing),
}

export type BranchResource = {
  kind: 'branch'
  name: string
  /** The commit at which we made it. */
  start: string
  /** The tip that our rebase left, whose commits are but copies. */
  rebased?: string
  /** The tip at which the user said that its commits may be lost. */
  givenUp?: string
}

export const branchKind: Kind<BranchResource> = {
  kind: 'branch',
  where: 'repository',
  is: (resource): resource is BranchResource =>
    resource.kind === 'branch' &&
    [resource['name'], resource['start']].every(isText) &&
    [resource['rebased'], resource['givenUp']].every(isTextOrMissing),
  describe: ({ name }) => `the branch ${name}`,
  undo: removeBranch,
}

/** Our lines in the repository's info/exclude, shared by all its worktrees. */
export type ExcludeResource = { kind: 'exclude' }

export const excludeKind: Kind<ExcludeResource> = {
  kind: 'exclude',
  where: 'repository',
  is: (resource): resource is ExcludeResource => resource.kind === 'exclude',
  describe: () => 'what its repository ignores for it',
  undo: (_, undoing) => withdrawExclude(undoing.lease.commonDir, () => hasOtherExclude(undoing.lease), undoing),
}

function hasOtherExclude({ id, commonDir }: Lease): boolean {
  const others = loadLedger().leases.filter((other) => other.id !== id && other.commonDir === commonDir)
  return others.some((other) => resourceOf(other, excludeKind) !== undefined)
}

/**
 * The folder is first renamed, in one step, to a name that carries the lease's id: whatever is written at its path from
 * then on is not ours, and a removal that was killed half-way goes on with the rest of it.
 */
async function removeWorktree(undoing: Undoing): Promise<void> {
  const { lease, reporter, discard } = undoing
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
  const saved = await removeWorktreeEntry(commonDir, worktree, !discard, undoing)
  if (saved !== undefined) reporter.info(`kept the commits of ${worktree}, which were on no branch, as ${saved}`)
}

/**
 * Under the repository's lock, so that two removals cannot each count the other's branch as the place that keeps a commit,
 * and by compare and swap, since the user's git takes no lock of ours. A branch that is checked out anywhere stays.
 */
async function removeBranch({ name, rebased, givenUp }: BranchResource, undoing: Undoing): Promise<void> {
  const { lease, reporter } = undoing
  const { commonDir } = lease
  if (!existsSync(commonDir)) return
  const remove = async (): Promise<void> => {
    const tip = await findTip(commonDir, name)
    if (tip === undefined || (await listWorktrees(commonDir)).some(({ branch }) => branch === name)) return
    const own = await countOwnCommits(commonDir, tip, { except: name, copies: givenUp ?? rebased })
    if (own > 0) return reporter.info(`kept the branch ${name}: it has ${own} commits that no other branch has`)
    await deleteBranch(commonDir, name, tip)
  }
  await withRepositoryLock(commonDir, remove, undoing)
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
  const branch = resourceOf(lease, branchKind)
  if (branch === undefined || !existsSync(lease.commonDir)) return lease
  const givenUp = await findTip(lease.commonDir, branch.name)
  if (givenUp === undefined) return lease
  return { ...lease, resources: lease.resources.map((one) => (one === branch ? { ...branch, givenUp } : one)) }
}
