/** The git folder of a linked worktree, found without asking git, and what we keep in it. */
import { join, resolve } from 'node:path'
import type { GitPlace } from './git.ts'
import { findEntry } from '../files/inner-path.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { readIfFile } from '../files/read-if-any.ts'

/** The git folder of a linked worktree, read from its `.git` file (gitrepository-layout(5)) without asking git. Undefined for anything else. */
export function findLinkedGitDir(worktree: string): string | undefined {
  const path = join(worktree, '.git')
  if (!findEntry(path)?.isFile()) return undefined
  const target = /^gitdir: (.+)$/m.exec(readIfFile(path) ?? '')?.[1]
  return target === undefined ? undefined : resolve(worktree, target)
}

/** The same; throws `IsolateError` for what is no linked worktree. */
export function linkedGitDir(worktree: string): string {
  const gitDir = findLinkedGitDir(worktree)
  if (gitDir !== undefined) return gitDir
  throw new IsolateError(`${worktree} is not a linked worktree: it has no .git file that names a git folder`)
}

/** Our own folder in the git folder of a linked worktree: never tracked, and gone with the worktree. */
export function ownGitFolder(worktree: string): string {
  return join(linkedGitDir(worktree), ownFolderInGitDir)
}

export const ownFolderInGitDir = 'agent-isolate'

/** The file in it that names the main checkout. */
export const rootMark = 'root'

/** The checkout of a submodule, or of any other repository that has a .git of its own. */
export function checkoutPlace(checkout: string): GitPlace {
  return { gitDir: findLinkedGitDir(checkout) ?? join(checkout, '.git'), workTree: checkout }
}

/** The linked worktree by name, whatever its config says. Throws `IsolateError` for what is none. */
export function worktreePlace(worktree: string): GitPlace {
  return { gitDir: linkedGitDir(worktree), workTree: worktree }
}
