/** What a checkout is in the middle of: each such operation leaves a file or folder in its git folder. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The operation that a worktree is in the middle of, for a person to read; undefined when there is none. */
export function findOperation(gitDir: string): string | undefined {
  return Object.entries(operations).find(([file]) => existsSync(join(gitDir, file)))?.[1]
}

/** Files that git keeps in a worktree's git folder during an operation that somebody has to continue or abort. */
const operations = {
  'rebase-merge': 'rebase',
  'rebase-apply': 'rebase',
  MERGE_HEAD: 'merge',
  CHERRY_PICK_HEAD: 'cherry-pick',
  REVERT_HEAD: 'revert',
} as const
