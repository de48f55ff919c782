/** Finds what would be lost with a worktree: changes, new files, commits that nothing else has. What we copied there ourselves is no one's work. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isUntouchedCopy, loadManifest } from './context-manifest.ts'
import { git, gitFailure, tryGit } from './git.ts'
import { linkedGitDir, ownGitFolder } from './worktree.ts'

export type UnsavedWork = {
  /** Paths of changed and new files, at most as many as a message can show. */
  files: string[]
  fileCount: number
  /** Commits at HEAD that no other branch, local or remote, has. */
  commitCount: number
  /** Submodules in the worktree keep their commits in the worktree's own git folder. */
  hasSubmodules: boolean
}

const shownFiles = 5

/** Looks at a worktree that exists. `branch`: the one checked out there, which does not count as a safe place. */
export async function findUnsavedWork(worktree: string, branch: string | undefined): Promise<UnsavedWork> {
  const [files, commitCount] = await Promise.all([
    findChangedFiles(worktree),
    countOwnCommits(worktree, 'HEAD', branch),
  ])
  return {
    files: files.slice(0, shownFiles),
    fileCount: files.length,
    commitCount,
    hasSubmodules: existsSync(join(linkedGitDir(worktree), 'modules')),
  }
}

export function isNothing(work: UnsavedWork): boolean {
  return work.fileCount === 0 && work.commitCount === 0 && !work.hasSubmodules
}

/** "3 changed or new files (a.ts, b.ts, …), 1 commit that no other branch has". */
export function describeUnsavedWork(work: UnsavedWork): string {
  const names = work.files.join(', ') + (work.fileCount > work.files.length ? ', …' : '')
  const parts = [
    work.fileCount > 0 ? `${count(work.fileCount, 'changed or new file')} (${names})` : '',
    work.commitCount > 0 ? `${count(work.commitCount, 'commit')} that no other branch has` : '',
    work.hasSubmodules ? 'submodules whose commits cannot be judged' : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}

/** How many commits `ref` has that no branch but `branch`, local or remote, and no tag has. */
export async function countOwnCommits(cwd: string, ref: string, branch: string | undefined): Promise<number> {
  const except = branch === undefined ? [] : [`--exclude=${branch}`]
  const number = await git(cwd, ['rev-list', '--count', ref, '--not', ...except, '--branches', '--remotes', '--tags'])
  return Number(number)
}

async function findChangedFiles(worktree: string): Promise<string[]> {
  const args = ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules=none']
  const outcome = await tryGit(worktree, args)
  if (outcome.code !== 0) throw gitFailure(worktree, args, outcome)
  const entries = outcome.stdout.split('\0').filter((entry) => entry !== '')
  const manifest = loadManifest(ownGitFolder(worktree))
  return entries
    .map((entry) => ({ code: entry.slice(0, 2), path: entry.slice(3) }))
    .filter(({ code, path }) => !(code === '??' && isUntouchedCopy(worktree, manifest, path)))
    .map(({ path }) => path)
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
