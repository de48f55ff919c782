/** Drops what a lease has on a server. */
import { findContainerState } from '../docker/container.ts'
import type { Lease, PostgresResource } from '../lease.ts'
import { UnreachableError } from '../unreachable-error.ts'
import { parseDatabaseUrl, targetOf } from './database-url.ts'
import { dropDatabase } from './databases.ts'
import { dropUnusedTemplates } from './private-template.ts'
import { withServer } from './server.ts'
import { findSharedContainer } from './shared-container.ts'

/**
 * Drops the database, ending the sessions that are in it, and the private template that it came from when nothing else did.
 * Safe to repeat. Throws `UnreachableError` while the server is out of reach.
 */
export async function removePostgres(lease: Lease, { url, on, maintenance }: PostgresResource): Promise<void> {
  // It goes with the container.
  if (on === 'own container') return
  const { database, ...target } = targetOf(parseDatabaseUrl(url))
  try {
    await withServer({ ...target, database: maintenance }, async (server) => {
      const mark = await dropDatabase(server, database, lease.id)
      if (mark?.kind === 'worktree' && mark.template !== '') await dropUnusedTemplates(server, mark.template)
    })
  } catch (error) {
    if (!(error instanceof UnreachableError) || on === 'server' || (await isSharedContainerThere(lease))) throw error
  }
}

/** One that has been removed by hand took its databases with it. */
async function isSharedContainerThere({ commonDir }: Lease): Promise<boolean> {
  const container = findSharedContainer(commonDir)
  if (container === undefined) return false
  const state = await findContainerState(container.engine, container.name)
  // What was in memory is gone when it has stopped.
  return state !== undefined && (state.isRunning || container.volume !== undefined)
}
