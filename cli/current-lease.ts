/** The worktree that a command is about: the one we stand in, or one of the same repository by its name. */
import { IsolateError } from '../lib/isolate-error.ts'
import { findLease } from '../lib/ledger.ts'
import type { Lease } from '../lib/lease.ts'
import { isAlive } from '../lib/process-identity.ts'
import { loadProject, type Project } from '../lib/project.ts'

/** Throws `IsolateError` in the main checkout, and for a worktree without a lease or on its way out. */
export async function requireCurrentLease(name?: string): Promise<{ project: Project; lease: Lease }> {
  const project = await loadProject(process.cwd())
  const lease = name === undefined ? await requireLeaseHere(project) : await requireNamed(project, name)
  // Set-up commands run while the worktree is still being made, and may well ask for its environment.
  if (lease.state === 'ready' || (lease.state === 'creating' && isAlive(lease.maker))) return { project, lease }
  const what = lease.state === 'creating' ? 'half-made: its creation was killed' : 'being removed'
  throw new IsolateError(`${lease.worktree} is ${what}`, {
    hint: 'Clear away what is left of it: agent-isolate gc; then make it again.',
  })
}

/** The linked worktree we stand in; throws `IsolateError` in the main checkout. */
export async function requireLinkedWorktree({ repository }: Project): Promise<string> {
  const { checkout, commonDir, gitDir } = repository
  if (checkout !== undefined && gitDir !== commonDir) return checkout
  const { notALinkedWorktree } = await import('../lib/create.ts')
  throw notALinkedWorktree(process.cwd())
}

async function requireLeaseHere(project: Project): Promise<Lease> {
  const worktree = await requireLinkedWorktree(project)
  const lease = findLease({ worktree, commonDir: project.repository.commonDir })
  if (lease !== undefined) return lease
  throw new IsolateError(`${worktree} has no ports and no database of its own yet`, {
    hint: 'Give it some: agent-isolate setup',
  })
}

async function requireNamed(project: Project, name: string): Promise<Lease> {
  const { requireLease } = await import('../lib/remove.ts')
  return requireLease(project, name)
}
