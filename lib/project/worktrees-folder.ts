/** "worktrees.folder" of the config: where worktrees are made, in the repository or beside it. */
import { normalize, sep } from 'node:path'
import { isInnerPath } from '../files/inner-path.ts'
import type { Section } from './config-section.ts'

export const usualWorktreesFolder = '.claude/worktrees'

export function readWorktreesFolder(section: Section): string {
  const wanted = 'a path inside the repository, or "../" and a folder beside it'
  return section.text('folder', isPlace, wanted) ?? usualWorktreesFolder
}

function isPlace(path: string): boolean {
  return isInnerPath(path) || isBeside(path)
}

/** True for `../NAME` and what lies below it, as text. */
function isBeside(path: string): boolean {
  const [up, ...rest] = normalize(path).split(sep)
  return up === '..' && rest[0] !== '..' && isInnerPath(rest.join(sep))
}
