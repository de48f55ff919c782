/**
 * What a worktree can hold. All of one sort is one kind: how the ledger's text of it is read, where it lies, what it is called,
 * what git must not see of it, and how it is released. A new kind is a module of its own and a line in lifecycle/kinds.ts.
 */
import type { Deadline } from '../report/deadline.ts'
import type { Reporter } from '../report/reporter.ts'
import type { Lease } from './lease.ts'
import type { Resource } from './resource.ts'

/** How resources of one kind look. */
export type Shape<R extends Resource = Resource> = {
  kind: R['kind']
  /**
   * `worktree`: in its folder, and gone with it. `repository`: in its git folder or its checkout. `elsewhere`: on a container
   * engine or a server; what reaches it is loaded only when it is needed, and may be out of reach.
   */
  where: 'worktree' | 'repository' | 'elsewhere'
  /** Whether that is one, whole and sensible. */
  is(resource: Resource): resource is R
  /** For people: "the container x". Never with a password. */
  describe(resource: R): string
  /** Paths that must not show in `git status`; a folder ends in `/`, a link to one does not: git's rules tell them apart. */
  ignored?(resource: R): readonly string[]
  /** Ports of the lease that it keeps for life. */
  ports?(resource: R): readonly number[]
}

export type Kind<R extends Resource = Resource> = Shape<R> & {
  /** Releases it; safe to repeat. Throws `UnreachableError` for what is to be tried again later. */
  undo(resource: R, undoing: Undoing): Promise<void>
}

export type Undoing = {
  lease: Lease
  reporter: Reporter
  /** The user has said that work may be lost. */
  discard: boolean
  /** None when left out. */
  deadline?: Deadline
}

/** The lease's resources of that kind, the oldest first. */
export function resourcesOf<R extends Resource>({ resources }: Pick<Lease, 'resources'>, shape: Shape<R>): R[] {
  return resources.filter((resource) => shape.is(resource))
}

/** The newest of them; there is one at most, but of databases and dependency folders. */
export function resourceOf<R extends Resource>(lease: Pick<Lease, 'resources'>, shape: Shape<R>): R | undefined {
  return resourcesOf(lease, shape).at(-1)
}
