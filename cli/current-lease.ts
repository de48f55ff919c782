/** The worktree that a command is about: the one we stand in, or one of the same repository by its name. */
import { IsolateError } from '../lib/isolate-error.ts'
import { findLease } from '../lib/ledger.ts'
import type { Lease } from '../lib/lease.ts'
import { isAlive } from '../lib/process-identity.ts'
import { loadProject, type Project } from '../lib/project.ts'
import { requireLease, requireLinkedWorktree } from '../lib/require-lease.ts'

/** Throws `IsolateError` in the main checkout, and for a worktree without a lease or on its way out. */
export async function requireCurrentLease(name?: string): Promise<{ project: Project; lease: Lease }> {
  const project = await loadProject(process.cwd())
  const lease = name === undefined ? requireLeaseHere(project) : requireLease(project.repository, name, process.cwd())
  // Set-up commands run while the worktree is still being made, and may well ask for its environment.
  if (lease.state === 'ready' || (isBeingMade(lease) && isAlive(lease.maker))) return { project, lease }
  const what = isBeingMade(lease) ? 'half-made: its creation was killed' : 'being removed'
  throw new IsolateError(`${lease.worktree} is ${what}`, {
    hint: 'Clear away what is left of it: agent-isolate gc; then make it again.',
  })
}

function requireLeaseHere(project: Project): Lease {
  const worktree = requireLinkedWorktree(project)
  const lease = findLease({ worktree, commonDir: project.repository.commonDir })
  if (lease !== undefined) return lease
  throw new IsolateError(`${worktree} has no ports and no database of its own yet`, {
    hint: 'Give it some: agent-isolate setup',
  })
}

function isBeingMade({ state }: Lease): boolean {
  return state === 'creating' || state === 'preparing'
}
