/** Finds the worktree that is meant, or says clearly that there is none. */
import { existsSync, realpathSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import type { Repository } from '../git/repository.ts'
import { isPostponed, type Lease } from '../ledger/lease.ts'
import { loadLedger } from '../ledger/ledger.ts'
import { isReplaced } from '../ledger/repository-id.ts'
import type { Project } from '../project/project.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** The linked worktree that the project was loaded from; throws `IsolateError` in the main checkout. */
export function requireLinkedWorktree({ repository }: Pick<Project, 'repository'>): string {
  const { checkout, commonDir, gitDir, root } = repository
  if (checkout !== undefined && gitDir !== commonDir) return checkout
  throw new IsolateError(`not in a linked worktree: ${checkout ?? root}`, {
    hint: 'The main checkout keeps its own ports and database. Run this in a worktree, or make one: agent-isolate create NAME',
  })
}

/**
 * The lease of this repository with that path (a relative one begins with "." and is taken from `cwd`), or else with that
 * name, flat or not, or else on that branch. Throws `IsolateError` where there is none, or more than one.
 */
export function requireLease({ root, commonDir }: Repository, nameOrPath: string, cwd: string): Lease {
  const leases = loadLedger().leases.filter(
    (lease) => lease.commonDir === commonDir && !lease.isShared && !isPostponed(lease) && !isReplaced(lease),
  )
  const found = findNamed(leases, nameOrPath, realPathOf(nameOrPath, cwd))
  const [first, second] = found
  if (first !== undefined && second === undefined) return first
  if (first !== undefined) throw ambiguous(nameOrPath, found)
  const names = leases.map(({ name }) => name).join(', ')
  throw new IsolateError(`no agent-isolate worktree "${nameOrPath}" in ${root}`, {
    hint: names === '' ? 'There is none at all here.' : `There are: ${names}.`,
  })
}

/** Those that are meant: by the path, or else by their names, or else by their branches. Pure. */
export function findNamed<T extends Pick<Lease, 'worktree' | 'name' | 'branch'>>(
  leases: readonly T[],
  name: string,
  path?: string,
): T[] {
  const rules: ((lease: T) => boolean)[] = [
    ({ worktree }) => worktree === path,
    (lease) => lease.name === name || lease.name.replaceAll('/', '+') === name,
    ({ branch }) => branch === name,
  ]
  return rules.map((rule) => leases.filter(rule)).find((found) => found.length > 0) ?? []
}

function realPathOf(nameOrPath: string, cwd: string): string | undefined {
  if (!isAbsolute(nameOrPath) && !/^\.\.?(?:\/|$)/.test(nameOrPath)) return undefined
  const path = resolve(cwd, nameOrPath)
  return existsSync(path) ? realpathSync(path) : path
}

function ambiguous(name: string, found: readonly Lease[]): IsolateError {
  const list = found
    .map((lease) => `\n    ${lease.worktree} (${lease.name}, branch ${lease.branch ?? 'none'})`)
    .join('')
  return new IsolateError(`"${name}" may be any of these worktrees:${list}`, {
    hint: 'Name the one that is meant by its path, or by a name or branch that no other has.',
  })
}
