/** What compose is to be told in every shell of a worktree, as it was written down when the worktree was set up. */
import { join } from 'node:path'
import { parseJson } from '../files/json.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { ownGitFolder } from '../git/linked-git-dir.ts'

/** What `writeComposeOverride` answered last for this worktree; {} when it has not. */
export function findComposeEnvironment(worktree: string): Record<string, string> {
  const found = parseJson(readIfAny(environmentPath(worktree)) ?? '')
  if (typeof found !== 'object' || found === null) return {}
  return Object.fromEntries(
    Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** Where our files for compose are. Its last two parts are what `findNamedComposeFiles` knows them by. */
export function ownFolder(worktree: string): string {
  return join(ownGitFolder(worktree), 'compose')
}

export function environmentPath(worktree: string): string {
  return join(ownFolder(worktree), 'environment.json')
}
