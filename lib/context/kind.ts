/** Copies of the main checkout's rules in another tool's worktree; those that nobody has changed go again. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { leadsInside } from '../files/inner-path.ts'
import { readBytesIfAny } from '../files/read-if-any.ts'
import { git } from '../git/git.ts'
import { ownGitFolder, worktreePlace } from '../git/linked-git-dir.ts'
import { resourceOf, type Kind } from '../ledger/kind.ts'
import { isOurWorktree, type Lease } from '../ledger/lease.ts'
import { isUntouchedCopy, loadManifest, replacedPath } from './manifest.ts'

export type ContextResource = { kind: 'context' }

export const contextKind: Kind<ContextResource> = {
  kind: 'context',
  where: 'worktree',
  is: (resource): resource is ContextResource => resource.kind === 'context',
  describe: () => "copies of the main checkout's rules",
  undo: (_, { lease }) => removeCopies(lease.worktree),
}

/** What is missing. In a worktree of ours they go with all the rest. */
export function planContext(lease: Lease): ContextResource[] {
  return isOurWorktree(lease) || resourceOf(lease, contextKind) !== undefined ? [] : [{ kind: 'context' }]
}

/** A copy that has been committed is the repository's now; one that took the place of another's is replaced by that. */
async function removeCopies(worktree: string): Promise<void> {
  const gitFolder = ownGitFolder(worktree)
  const manifest = loadManifest(gitFolder)
  const untouched = [...manifest.keys()].filter(
    (path) => leadsInside(worktree, path) && isUntouchedCopy(worktree, manifest, path),
  )
  if (untouched.length === 0) return
  const tracked = new Set(
    (await git(worktreePlace(worktree), ['--literal-pathspecs', 'ls-files', '-z', '--', ...untouched])).split('\0'),
  )
  for (const path of untouched.filter((one) => !tracked.has(one))) {
    const replaced = readBytesIfAny(replacedPath(gitFolder, path))
    if (replaced === undefined) rmSync(join(worktree, path), { force: true })
    else writeFileSync(join(worktree, path), replaced)
  }
}
