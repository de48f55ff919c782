/** Finds what would be lost with a worktree: changes, new files, commits that nothing else has. What we copied there ourselves is no one's work. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isUntouchedCopy, loadManifest, type Manifest } from '../context/manifest.ts'
import { isWithin } from '../files/inner-path.ts'
import { isHalfMadeIgnoreFile } from '../files/self-ignoring-folder.ts'
import { git } from '../git/git.ts'
import { requireReadableRules } from '../git/ignore-rules.ts'
import { checkoutPlace, linkedGitDir, ownGitFolder, worktreePlace } from '../git/linked-git-dir.ts'
import { findOperation } from '../git/operation.ts'
import { countOwnCommits } from '../git/own-commits.ts'
import { listWorktrees } from '../git/repository.ts'
import { countUnpublished, findSubmodules, findWorktreesOf, type Submodule } from '../git/submodules.ts'
import { dependenciesKind } from '../dependencies/kind.ts'
import { resourceOf, resourcesOf } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import { count } from '../report/count.ts'
import { isUnfinished } from '../state/unfinished-file.ts'
import { branchKind } from './git-kinds.ts'

export type UnsavedWork = {
  /** Paths of changed and new files, at most as many as a message can show. */
  files: string[]
  fileCount: number
  /** Commits at HEAD that no other branch, local or remote, has. */
  commitCount: number
  /** Submodules with commits that exist nowhere else. */
  submodules: { path: string; commitCount: number }[]
  /** A rebase, merge or the like that is not finished; it may hold work that no file or commit shows. */
  operation: string | undefined
  /** Repositories and worktrees below this one, in ignored folders; those elsewhere count as new files. */
  nested: string[]
}

const shownFiles = 5

/** Looks at a worktree that exists. `branch`: the one checked out there, which does not count as a safe place. */
export async function findUnsavedWork(lease: Lease, branch: string | undefined): Promise<UnsavedWork> {
  const { worktree, commonDir } = lease
  requireReadableRules(worktree)
  const made = resourceOf(lease, branchKind)
  const manifest = loadManifest(ownGitFolder(worktree))
  const [files, head, ignored, listed, submodules] = await Promise.all([
    findChangedFiles(worktree, '', manifest),
    git(worktreePlace(worktree), ['rev-parse', 'HEAD']),
    findIgnoredRepositories(worktree, ''),
    listWorktrees(commonDir),
    findSubmodules({ worktree, commonDir, start: made?.rebased ?? made?.start }),
  ])
  const own: SubmoduleWork[] = []
  // One after the other: there may be dozens.
  for (const submodule of submodules) own.push(await lookAtSubmodule(worktree, submodule, manifest))
  const all = joinFiles(
    files,
    own.flatMap((one) => one.files),
  )
  const below = listed.map(({ path }) => path).filter((path) => path !== worktree && isWithin(worktree, path))
  return {
    files: all.slice(0, shownFiles),
    fileCount: all.length,
    commitCount: await countOwnCommits(commonDir, head.trim(), { except: branch, copies: made?.rebased }),
    submodules: own.filter(({ commitCount }) => commitCount > 0),
    operation: [linkedGitDir(worktree), ...submodules.map(({ gitDir }) => gitDir)].map(findOperation).find(Boolean),
    nested: [...ignored.filter((path) => !isCopyOfMain(lease, path)), ...below, ...own.flatMap((one) => one.nested)],
  }
}

/** What is changed in a submodule is told by its own paths, not by the submodule's as well. */
function joinFiles(files: readonly string[], inSubmodules: readonly string[]): string[] {
  return [...files.filter((path) => !inSubmodules.some((inner) => inner.startsWith(`${path}/`))), ...inSubmodules]
}

type SubmoduleWork = { path: string; commitCount: number; files: string[]; nested: string[] }

/** Its own settings may hide from the repository above what is changed in it. */
async function lookAtSubmodule(worktree: string, submodule: Submodule, manifest: Manifest): Promise<SubmoduleWork> {
  const { path, checkout } = submodule
  const isThere = checkout !== undefined
  return {
    path,
    commitCount: await countUnpublished(submodule),
    files: isThere ? await findChangedFiles(worktree, path, manifest) : [],
    nested: [...(isThere ? await findIgnoredRepositories(worktree, path) : []), ...findWorktreesOf(submodule)],
  }
}

export function isNothing(work: UnsavedWork): boolean {
  return describeUnsavedWork(work) === ''
}

/** "3 changed or new files (a.ts, b.ts, …), 1 commit that no other branch has". */
export function describeUnsavedWork(work: UnsavedWork): string {
  const names = work.files.join(', ') + (work.fileCount > work.files.length ? ', …' : '')
  const parts = [
    work.fileCount > 0 ? `${count(work.fileCount, 'changed or new file')} (${names})` : '',
    work.commitCount > 0 ? `${count(work.commitCount, 'commit')} that no other branch has` : '',
    ...work.submodules.map(
      ({ path, commitCount }) =>
        `${count(commitCount, 'commit')} in the submodule ${path} that ${commitCount === 1 ? 'exists' : 'exist'} nowhere else`,
    ),
    work.operation === undefined ? '' : `an unfinished ${work.operation}`,
    work.nested.length > 0 ? `other checkouts (${work.nested.slice(0, shownFiles).join(', ')})` : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}

/** git names a repository in an ignored folder as one entry that ends in `/`; dependencies are looked over. */
async function findIgnoredRepositories(worktree: string, inner: string): Promise<string[]> {
  const left = ['node_modules', '.venv', 'venv'].map((folder) => `:(exclude,glob)**/${folder}/**`)
  const args = ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--', ...left]
  const ignored = (await git(checkoutPlace(join(worktree, inner)), args)).split('\0')
  return ignored.filter((path) => path.endsWith('/')).map((path) => join(inner, path))
}

/** A dependency that was fetched with git, and came along with its folder. */
function isCopyOfMain(lease: Lease, path: string): boolean {
  const isDependency = resourcesOf(lease, dependenciesKind).some(({ inner }) => path.startsWith(`${inner}/`))
  return isDependency && existsSync(join(lease.root, path, '.git'))
}

/** In the checkout at `inner`, relative to the worktree. */
async function findChangedFiles(worktree: string, inner: string, manifest: Manifest): Promise<string[]> {
  const args = ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules=none']
  const entries = (await git(checkoutPlace(join(worktree, inner)), args)).split('\0').filter((entry) => entry !== '')
  return entries
    .map((entry) => ({ code: entry.slice(0, 2), path: join(inner, entry.slice(3)) }))
    .filter(({ code, path }) => !(code === '??' && isOurs(worktree, manifest, path)))
    .map(({ path }) => path)
}

/** What we copied there or, killed on the way, left half-made. */
function isOurs(worktree: string, manifest: Manifest, path: string): boolean {
  return isUntouchedCopy(worktree, manifest, path) || isHalfMadeIgnoreFile(join(worktree, path)) || isUnfinished(path)
}
