/** What detection goes by: the paths in a repository, and what is in them. */
import { posix } from 'node:path'

/** Paths are relative to the top, with `/`. */
export type RepositoryFiles = {
  tracked: readonly string[]
  /** Ignored ones too, but nothing below dependency, build and worktree folders. */
  untracked: readonly string[]
}

/** Reads one file of the repository; undefined when it is not there. */
export type ReadFile = (path: string) => string | undefined

/** The folder that a path is in, '' for the top. Pure. */
export function folderOf(path: string): string {
  const folder = posix.dirname(path)
  return folder === '.' ? '' : folder
}
