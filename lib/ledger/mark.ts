/** A worktree's own word, in its git folder, for whose lease it is: paths can be moved and made again. */
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { isWithin } from '../files/inner-path.ts'
import { readIfAny, readIfFile } from '../files/read-if-any.ts'
import { findLinkedGitDir, ownFolderInGitDir, ownGitFolder, rootMark } from '../git/linked-git-dir.ts'
import type { Lease } from './lease.ts'

/** With the main checkout, where git could not tell: see `findMainCheckout`. */
export function markWorktree({ worktree, id, root, commonDir }: Lease): void {
  const folder = ownGitFolder(worktree)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'lease'), id)
  if (basename(commonDir) !== '.git') writeFileSync(join(folder, rootMark), root)
}

/** False when what is at the lease's path now is something else than the worktree that the lease is of. */
export function isMarked({ worktree, commonDir, id, state }: Lease): boolean {
  const gitDir = findLinkedGitDir(worktree)
  if (gitDir === undefined || !existsSync(gitDir)) return false
  if (!isWithin(join(commonDir, 'worktrees'), realpathSync(gitDir))) return false
  const mark = readMark(gitDir)
  // A creation that was killed early has not come to leave its mark.
  return mark === undefined ? state === 'creating' || state === 'discarding' : mark === id
}

/** The worktree came along with its repository, but its `.git` file still names where that was: git worktree repair. */
export function isAstray({ worktree, commonDir, id }: Lease): boolean {
  const gitDir = findLinkedGitDir(worktree)
  if (gitDir === undefined || existsSync(gitDir)) return false
  return readMark(join(commonDir, 'worktrees', basename(gitDir))) === id
}

/** A worktree that bears a mark, as the repository has it. */
export type MarkedWorktree = {
  /** Its git folder. */
  gitDir: string
  /** Where git last knew it to be; there may be nothing now. */
  path: string
}

/** The marks in a repository, by the id of the lease. Empty for one that is not there. */
export function loadMarks(commonDir: string): Map<string, MarkedWorktree> {
  const folder = join(commonDir, 'worktrees')
  const marks = new Map<string, MarkedWorktree>()
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const gitDir = join(folder, name)
    const id = readMark(gitDir)
    if (id === undefined) continue
    // git writes it relative to the git folder where it is told to (git-config(1), worktree.useRelativePaths).
    marks.set(id, { gitDir, path: dirname(resolve(gitDir, readIfFile(join(gitDir, 'gitdir'))?.trim() ?? '')) })
  }
  return marks
}

function readMark(gitDir: string): string | undefined {
  return readIfAny(join(gitDir, ownFolderInGitDir, 'lease'))
}
