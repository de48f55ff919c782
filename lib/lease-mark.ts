/** A worktree's own word, in its git folder, for whose lease it is: paths can be moved and made again. */
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isWithin } from './inner-path.ts'
import type { Lease } from './lease.ts'
import { readIfAny, readIfFile } from './read-if-any.ts'
import { findLinkedGitDir, ownFolderInGitDir, ownGitFolder } from './worktree.ts'

export function markWorktree({ worktree, id }: Lease): void {
  const folder = ownGitFolder(worktree)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'lease'), id)
}

/** False when what is at the lease's path now is something else than the worktree that the lease is of. */
export function isMarked({ worktree, commonDir, id, state }: Lease): boolean {
  const gitDir = findLinkedGitDir(worktree)
  if (gitDir === undefined || !existsSync(gitDir)) return false
  if (!isWithin(join(commonDir, 'worktrees'), realpathSync(gitDir))) return false
  const mark = readIfAny(join(gitDir, ownFolderInGitDir, 'lease'))
  // A creation that was killed early has not come to leave its mark.
  return mark === undefined ? state === 'creating' || state === 'discarding' : mark === id
}

/** Where the lease's worktree is now, when it was moved (`git worktree move`). */
export function findMovedWorktree({ commonDir, id, worktree }: Lease): string | undefined {
  const folder = join(commonDir, 'worktrees')
  if (!existsSync(folder)) return undefined
  for (const name of readdirSync(folder)) {
    if (readIfAny(join(folder, name, ownFolderInGitDir, 'lease')) !== id) continue
    const path = dirname(readIfFile(join(folder, name, 'gitdir'))?.trim() ?? '')
    if (path !== worktree && existsSync(path)) return realpathSync(path)
  }
  return undefined
}
