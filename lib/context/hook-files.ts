/** Of the files in a folder of git hooks those that an install has made: what git ignores there. */
import { join, posix } from 'node:path'
import { findNotIgnored } from '../git/exclude.ts'
import type { GitPlace } from '../git/git.ts'
import { readIfFile } from '../files/read-if-any.ts'

/** Those of `paths`, untracked and relative, that git ignores. Asks git only about files whose own folder does not ignore all (husky's does). */
export async function keepIgnored(source: string, place: GitPlace, paths: readonly string[]): Promise<string[]> {
  const folders = new Set(paths.map((path) => posix.dirname(path)))
  const open = [...folders].filter((folder) => readIfFile(join(source, folder, '.gitignore'))?.trim() !== '*')
  const asked = paths.filter((path) => open.includes(posix.dirname(path)))
  const notIgnored = new Set(await findNotIgnored(place, asked))
  return paths.filter((path) => !notIgnored.has(path))
}
