/** A dependency folder that we linked, cloned or installed. */
import { isText } from '../files/json.ts'
import { resourcesOf, type Kind } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import type { DependencyDecision } from './dependency-plan.ts'
import { removeDependencyLinks } from './links.ts'

/** `isLink`: it is a symlink as a whole. */
export type DependenciesResource = { kind: 'dependencies'; inner: string; isLink?: true }

export const dependenciesKind: Kind<DependenciesResource> = {
  kind: 'dependencies',
  where: 'worktree',
  is: (resource): resource is DependenciesResource => resource.kind === 'dependencies' && isText(resource['inner']),
  describe: ({ inner }) => inner,
  ignored: ({ inner, isLink }) => [isLink ? inner : `${inner}/`],
  undo: ({ inner }, { lease }) => removeDependencyLinks(lease.worktree, [inner]),
}

/** What is missing. */
export function planDependencies(lease: Lease, decisions: readonly DependencyDecision[]): DependenciesResource[] {
  const known = new Set(resourcesOf(lease, dependenciesKind).map(({ inner }) => inner))
  return decisions.flatMap(({ folders, action }) =>
    folders
      .filter((inner) => !known.has(inner))
      .map((inner) => ({ kind: 'dependencies', inner, ...(action === 'symlink' ? { isLink: true } : {}) })),
  )
}
