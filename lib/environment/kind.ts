/** The environment file of a worktree; with one that `existed` before us only our block goes. */
import { join } from 'node:path'
import { isTaken } from '../files/inner-path.ts'
import { isText } from '../files/json.ts'
import { findOddity } from '../files/read-if-any.ts'
import { askGit } from '../git/git.ts'
import { worktreePlace } from '../git/linked-git-dir.ts'
import { resourceOf, type Kind } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import { removeEnvFile } from './env-file.ts'

export type EnvironmentResource = { kind: 'environment'; inner: string; existed: boolean }

export const environmentKind: Kind<EnvironmentResource> = {
  kind: 'environment',
  where: 'worktree',
  is: (resource): resource is EnvironmentResource =>
    resource.kind === 'environment' && isText(resource['inner']) && typeof resource['existed'] === 'boolean',
  describe: ({ inner }) => inner,
  ignored: ({ inner }) => [inner],
  async undo({ inner }, { lease }) {
    removeEnvFile(lease.worktree, inner)
  },
}

/** What is missing. A tracked file is the repository's, a FIFO somebody's; the shell environment has to do then. */
export async function planEnvironment(lease: Lease, inner: string): Promise<EnvironmentResource[]> {
  const path = join(lease.worktree, inner)
  if (resourceOf(lease, environmentKind) !== undefined || findOddity(path) !== undefined) return []
  const existed = isTaken(path)
  return existed && (await isTracked(lease.worktree, inner)) ? [] : [{ kind: 'environment', inner, existed }]
}

async function isTracked(worktree: string, inner: string): Promise<boolean> {
  const args = ['ls-files', '--error-unmatch', '--', `:(literal)${inner}`]
  return (await askGit(worktreePlace(worktree), args)) !== undefined
}
