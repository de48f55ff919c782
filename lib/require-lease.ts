/** Finds the worktree that is meant, or says clearly that there is none. */
import { join } from 'node:path'
import { IsolateError } from './isolate-error.ts'
import { isPostponed, type Lease } from './lease.ts'
import { loadLedger } from './ledger.ts'
import type { Project } from './project.ts'

/** The linked worktree that the project was loaded from; throws `IsolateError` in the main checkout. */
export function requireLinkedWorktree({ repository }: Project): string {
  const { checkout, commonDir, gitDir, root } = repository
  if (checkout !== undefined && gitDir !== commonDir) return checkout
  throw new IsolateError(`not in a linked worktree: ${checkout ?? root}`, {
    hint: 'The main checkout keeps its own ports and database. Run this in a worktree, or make one: agent-isolate create NAME',
  })
}

/** The lease of this repository with that name, flat name, branch or path. */
export function requireLease({ repository, config }: Project, nameOrPath: string): Lease {
  const leases = loadLedger().leases.filter(
    (lease) => lease.commonDir === repository.commonDir && !lease.isShared && !isPostponed(lease),
  )
  const path = join(repository.root, config.worktrees.folder, nameOrPath.replaceAll('/', '+'))
  const found =
    leases.find(({ worktree }) => worktree === nameOrPath || worktree === path) ??
    leases.find(({ name, branch }) => name === nameOrPath || branch === nameOrPath)
  if (found !== undefined) return found
  const names = leases.map(({ name }) => name).join(', ')
  throw new IsolateError(`no worktree "${nameOrPath}" of ours in ${repository.root}`, {
    hint: names === '' ? 'There is none at all here.' : `There are: ${names}.`,
  })
}
