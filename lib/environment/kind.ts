/** The environment files of a worktree; with one that `existed` before us only our block goes. */
import { join, posix } from 'node:path'
import { isTaken } from '../files/inner-path.ts'
import { isText } from '../files/json.ts'
import { findOddity } from '../files/read-if-any.ts'
import { askGit } from '../git/git.ts'
import { worktreePlace } from '../git/linked-git-dir.ts'
import { resourcesOf, type Kind } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import type { EnvironmentConfig } from '../project/environment-config.ts'
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
export async function planEnvironment(lease: Lease, config: EnvironmentConfig): Promise<EnvironmentResource[]> {
  const planned: EnvironmentResource[] = []
  for (const inner of missingEnvFiles(lease, config)) {
    const path = join(lease.worktree, inner)
    if (findOddity(path) !== undefined) continue
    const existed = isTaken(path)
    if (!existed || !(await isTracked(lease.worktree, inner))) planned.push({ kind: 'environment', inner, existed })
  }
  return planned
}

/** Those that the lease does not hold: not made yet, or not ours to make. An app that is not on the branch needs none. */
function missingEnvFiles(lease: Lease, config: EnvironmentConfig): string[] {
  const held = resourcesOf(lease, environmentKind).map(({ inner }) => inner)
  const [own, ...apps] = envFilesOf(config)
  const present = apps.filter((inner) => isTaken(join(lease.worktree, posix.dirname(inner))))
  return [own ?? '', ...present].filter((inner) => !held.includes(inner))
}

/** Those that the lease holds, and that the config has no more. */
export function formerEnvFiles(lease: Lease, config: EnvironmentConfig): EnvironmentResource[] {
  const wanted = envFilesOf(config)
  return resourcesOf(lease, environmentKind).filter(({ inner }) => !wanted.includes(inner))
}

/** Whether the config names other env files than when they were written; a file that is not ours is no reason. No process. */
export function hasOtherEnvFiles(lease: Lease, config: EnvironmentConfig): boolean {
  const missing = missingEnvFiles(lease, config).filter((inner) => !isTaken(join(lease.worktree, inner)))
  return missing.length > 0 || formerEnvFiles(lease, config).length > 0
}

/** All env files of a worktree in which we have a block, the worktree's first; normalised paths. */
export function envFilesOf({ file, files }: Pick<EnvironmentConfig, 'file' | 'files'>): string[] {
  return [...new Set([file, ...Object.keys(files)].map((path) => posix.normalize(path)))]
}

async function isTracked(worktree: string, inner: string): Promise<boolean> {
  const args = ['ls-files', '--error-unmatch', '--', `:(literal)${inner}`]
  return (await askGit(worktreePlace(worktree), args)) !== undefined
}
