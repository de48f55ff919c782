/** Commits that would be lost: those that nothing else keeps. */
import { git } from './git.ts'

export type Keepers = {
  /** A branch that does not count as keeping, since it is what may go. */
  except?: string | undefined
  /** A commit that counts as kept, with all before it: the copies that a rebase of ours made. */
  copies?: string | undefined
}

/** How many commits `revision` has that no branch, local or remote, and no tag has. */
export async function countOwnCommits(
  commonDir: string,
  revision: string,
  { except, copies }: Keepers,
): Promise<number> {
  const exclude = except === undefined ? [] : [`--exclude=${except}`]
  const kept = [...exclude, '--branches', '--remotes', '--tags', ...(copies === undefined ? [] : [copies])]
  return Number(await git({ gitDir: commonDir }, ['rev-list', '--count', revision, '--not', ...kept]))
}
