/** A worktree's databases, whatever the provider: made where they are missing, put back to their seed. How they go is the teardown's business. */
import type { Lease } from '../ledger/lease.ts'
import { openLease, type OpenLease } from '../ledger/open-lease.ts'
import type { Project } from '../project/project.ts'
import type { Deadline } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { Reporter } from '../report/reporter.ts'
import { databaseOf, type Database } from './of-lease.ts'
import type { DatabasePurpose } from './purpose.ts'
import { listSqlite } from './sqlite/kind.ts'
import { createSqlite, resetSqlite } from './sqlite/worktree-database.ts'

export type DatabaseOptions = {
  reporter: Reporter
  deadline: Deadline
  /** Runs a command of the repository's with the environment that the lease gives. Throws `IsolateError`. */
  runSeedCommand: (command: string, lease: Lease) => Promise<void>
}

/** `lease` with all that was written into it; `isNew` when a database on a server was made for it, which has no migrations yet. */
export type Provided = { lease: Lease; isNew: boolean }

/** Makes what is missing. Throws `IsolateError`. */
export async function createDatabases(project: Project, lease: Lease, options: DatabaseOptions): Promise<Provided> {
  if (project.config.database.provider !== 'sqlite') return provide(project, lease, [], options)
  for (const purpose of ['development', 'test'] as const) {
    for (const resource of listSqlite(lease, purpose)) await createSqlite(project, lease, resource, options.reporter)
  }
  return { lease, isNew: false }
}

/**
 * Throws away what the database holds and puts its seed back. Programs that have it open must open it anew. Only under the
 * lock of the worktree. Throws `IsolateError` when there is no such database, or it has no seed and was there before us.
 */
export async function resetDatabase(
  project: Project,
  lease: Lease,
  purpose: DatabasePurpose,
  options: DatabaseOptions,
): Promise<Database> {
  const database = requireDatabase(lease, purpose)
  if (database.kind === 'postgres')
    return requireDatabase((await provide(project, lease, [purpose], options)).lease, purpose)
  for (const resource of listSqlite(lease, purpose)) await resetSqlite(project, lease, resource, options.reporter)
  return database
}

/** Throws `IsolateError`, saying what to configure, when the lease holds none for that purpose. */
export function requireDatabase(lease: Lease, purpose: DatabasePurpose): Database {
  const database = databaseOf(lease, purpose)
  if (database !== undefined) return database
  throw new IsolateError(`${lease.worktree} has no ${purpose === 'test' ? 'test ' : ''}database`, {
    hint:
      purpose === 'test'
        ? 'Set "test": true under "database" in agent-isolate.json, then: agent-isolate setup'
        : 'See "database" in agent-isolate.json and agent-isolate trust; then: agent-isolate setup',
  })
}

/** A container runs what its arguments say, and a URL may carry a variable's value to any server: for trusted repositories alone. */
async function provide(
  project: Project,
  lease: Lease,
  reset: readonly DatabasePurpose[],
  { reporter, deadline, runSeedCommand }: DatabaseOptions,
): Promise<Provided> {
  const { database } = project.config
  if (database.provider === 'none' || database.provider === 'sqlite') return { lease, isNew: false }
  if (!project.isTrusted) {
    const undone = `no database was ${reset.length > 0 ? 'reset' : 'made'} with ${database.provider}`
    const untrusted = notTrusted(undone, 'agent-isolate.json', lease.worktree)
    if (reset.length > 0) throw new IsolateError(untrusted.message, untrusted)
    reporter.warn(untrusted.text)
    return { lease, isNew: false }
  }
  const open: OpenLease = openLease(lease)
  const made =
    database.provider === 'postgres-server'
      ? await (
          await import('./postgres/worktree-server.ts')
        ).provideOnServer(project, database, open, { reset, reporter, deadline })
      : await (
          await import('./postgres/worktree-container.ts')
        ).provideInContainer(project, database, open, { reset, reporter, deadline, runSeedCommand })
  return { lease: open.lease, isNew: made.includes('development') }
}
