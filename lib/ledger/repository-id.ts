/**
 * Which repository is at a path: one can be renamed, and another cloned to where it was. A word in the git folder that
 * all its worktrees share tells; it goes along with a rename, and a clone has none.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readIfFile } from '../files/read-if-any.ts'
import { ownFolderInGitDir } from '../git/linked-git-dir.ts'
import { errorCode } from '../report/isolate-error.ts'
import { sweepUnfinished, unfinishedPath } from '../state/unfinished-file.ts'
import type { Lease } from './lease.ts'
import { loadMarks } from './mark.ts'

/** The repository's id, which it gets now if it has none. Undefined where it cannot be given one: the path alone has to do then. */
export function claimRepositoryId(commonDir: string): string | undefined {
  const path = idPath(commonDir)
  const known = readIfFile(path)
  if (known !== undefined) return known
  try {
    mkdirSync(dirname(path), { recursive: true })
    sweepUnfinished(dirname(path))
    linkWhole(path, randomBytes(8).toString('hex'))
  } catch (error) {
    if (errorCode(error) === undefined) throw error
  }
  // Of two at once the first one's counts.
  return readIfFile(path)
}

/** Whether the lease's repository is where it was. */
export function isRepositoryThere(lease: Lease): boolean {
  return existsSync(lease.commonDir) && !isReplaced(lease)
}

/** Whether another repository is where the lease's was. Should the word have been lost, worktrees still bear their marks. */
export function isReplaced({ id, commonDir, repositoryId }: Lease): boolean {
  if (repositoryId === undefined || !existsSync(commonDir)) return false
  return readIfFile(idPath(commonDir)) !== repositoryId && !loadMarks(commonDir).has(id)
}

/** link(2) never replaces, and what it names is whole. */
function linkWhole(path: string, content: string): void {
  const finished = unfinishedPath(path)
  try {
    writeFileSync(finished, content, { mode: 0o600 })
    linkSync(finished, path)
  } finally {
    rmSync(finished, { force: true })
  }
}

function idPath(commonDir: string): string {
  return join(commonDir, ownFolderInGitDir, 'repository')
}
