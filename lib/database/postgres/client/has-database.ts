/** Whether a worktree's database is still where its lease says. */
import type { PostgresDatabase } from '../../of-lease.ts'
import { PostgresError } from './connection.ts'
import { parseDatabaseUrl, targetOf } from './database-url.ts'
import { answers } from './wait-until-ready.ts'

/**
 * False when nobody lets us in, or the server no longer has it. Asked is the database itself: a shared container may have
 * been brought back by another worktree.
 */
export async function hasDatabase({ url }: PostgresDatabase): Promise<boolean> {
  try {
    return await answers(targetOf(parseDatabaseUrl(url)))
  } catch (error) {
    // It is there, and says no: nothing that a set-up would fix.
    if (error instanceof PostgresError) return true
    throw error
  }
}
