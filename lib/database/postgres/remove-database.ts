/** Drops what a lease has on a server. */
import { findContainerState } from '../../docker/container.ts'
import type { Lease } from '../../ledger/lease.ts'
import type { Deadline } from '../../report/deadline.ts'
import { IsolateError } from '../../report/isolate-error.ts'
import { UnreachableError } from '../../report/unreachable-error.ts'
import { PostgresError } from './client/connection.ts'
import { parseDatabaseUrl, targetOf } from './client/database-url.ts'
import { findSharedContainer } from './container/shared-container.ts'
import type { PostgresResource } from './resources.ts'
import { dropDatabase } from './server/databases.ts'
import { dropUnusedTemplates } from './server/private-template.ts'
import { withServer, type Server } from './server/server.ts'

/**
 * Drops the database, ending the sessions that are in it, and the private template that it came from when nothing else did.
 * Safe to repeat. Throws `UnreachableError` while the server is out of reach.
 */
export async function removePostgres(
  lease: Lease,
  { url, on, maintenance }: PostgresResource,
  deadline?: Deadline,
): Promise<void> {
  // It goes with the container.
  if (on === 'own container') return
  const container = on === 'shared container' ? findSharedContainer(lease.commonDir) : undefined
  if (on === 'shared container' && container === undefined) return
  // A container that came back may have another port than the URL.
  const { database, ...target } = { ...targetOf(parseDatabaseUrl(url)), ...container?.server }
  try {
    const drop = async (server: Server): Promise<void> => {
      const mark = await dropDatabase(server, database, lease.id)
      // What was never marked does not say where it came from, and may have left a template that nothing else will come from.
      if (on === 'server' && mark?.kind !== 'worktree') await dropUnusedTemplates(server)
      if (mark?.kind === 'worktree' && mark.template !== '') await dropUnusedTemplates(server, mark.template)
    }
    await withServer({ ...target, database: maintenance }, drop, deadline)
  } catch (error) {
    const failure = isLoginRefused(error) ? new UnreachableError(error.message, { cause: error }) : error
    if (!(failure instanceof UnreachableError) || on === 'server' || (await isSharedContainerThere(lease)))
      throw failure
  }
}

/** The password may have been changed since: no reason for the worktree to stay. */
function isLoginRefused(error: unknown): error is IsolateError {
  return (
    error instanceof IsolateError &&
    error.cause instanceof PostgresError &&
    ['28P01', '28000'].includes(error.cause.code)
  )
}

/** One that has been removed by hand took its databases with it. */
async function isSharedContainerThere({ commonDir }: Lease): Promise<boolean> {
  const container = findSharedContainer(commonDir)
  if (container === undefined) return false
  const state = await findContainerState(container.engine, container.name)
  // What was in memory is gone when it has stopped.
  return state !== undefined && (state.isRunning || container.volume !== undefined)
}
