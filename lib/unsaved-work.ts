/** Finds what would be lost with a worktree: changes, new files, commits that nothing else has. What we copied there ourselves is no one's work. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isUntouchedCopy, loadManifest, type Manifest } from './context-manifest.ts'
import { findOperation } from './git-operation.ts'
import { git, gitFailure, tryGit } from './git.ts'
import { requireReadableRules } from './ignore-rules.ts'
import { isWithin } from './inner-path.ts'
import type { Lease } from './lease.ts'
import { isHalfMadeIgnoreFile } from './self-ignoring-folder.ts'
import { countOwnCommits } from './own-commits.ts'
import { listWorktrees } from './repository.ts'
import { isUnfinished } from './unfinished-file.ts'
import { linkedGitDir, ownGitFolder } from './worktree.ts'

export type UnsavedWork = {
  /** Paths of changed and new files, at most as many as a message can show. */
  files: string[]
  fileCount: number
  /** Commits at HEAD that no other branch, local or remote, has. */
  commitCount: number
  /** Submodules in the worktree keep their commits in the worktree's own git folder. */
  hasSubmodules: boolean
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
  const copies = lease.resources.find((resource) => resource.kind === 'branch')?.rebased
  const [files, head, nested] = await Promise.all([
    findChangedFiles(worktree),
    git(worktree, ['rev-parse', 'HEAD']),
    findNestedCheckouts(worktree, commonDir),
  ])
  return {
    files: files.slice(0, shownFiles),
    fileCount: files.length,
    commitCount: await countOwnCommits(commonDir, head.trim(), { except: branch, copies }),
    hasSubmodules: existsSync(join(linkedGitDir(worktree), 'modules')),
    operation: findOperation(linkedGitDir(worktree)),
    nested,
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
    work.hasSubmodules ? 'submodules whose commits cannot be judged' : '',
    work.operation === undefined ? '' : `an unfinished ${work.operation}`,
    work.nested.length > 0 ? `other checkouts (${work.nested.slice(0, shownFiles).join(', ')})` : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}

/** git names a repository in an ignored folder as one entry that ends in `/`; dependencies are looked over. */
async function findNestedCheckouts(worktree: string, commonDir: string): Promise<string[]> {
  const left = ['node_modules', '.venv'].map((folder) => `:(exclude,glob)**/${folder}/**`)
  const args = ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--', ...left]
  const [ignored, listed] = await Promise.all([git(worktree, args), listWorktrees(commonDir)])
  const below = listed.map(({ path }) => path).filter((path) => path !== worktree && isWithin(worktree, path))
  return [...ignored.split('\0').filter((path) => path.endsWith('/')), ...below]
}

async function findChangedFiles(worktree: string): Promise<string[]> {
  const args = ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules=none']
  const outcome = await tryGit(worktree, args)
  if (outcome.code !== 0) throw gitFailure(worktree, args, outcome)
  const entries = outcome.stdout.split('\0').filter((entry) => entry !== '')
  const manifest = loadManifest(ownGitFolder(worktree))
  return entries
    .map((entry) => ({ code: entry.slice(0, 2), path: entry.slice(3) }))
    .filter(({ code, path }) => !(code === '??' && isOurs(worktree, manifest, path)))
    .map(({ path }) => path)
}

/** What we copied there or, killed on the way, left half-made. */
function isOurs(worktree: string, manifest: Manifest, path: string): boolean {
  return isUntouchedCopy(worktree, manifest, path) || isHalfMadeIgnoreFile(join(worktree, path)) || isUnfinished(path)
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
