/** Whether the server that a project's URL names is there and would let worktrees have databases on it. */
import { isThisMachine } from '../detect/database.ts'
import type { Detection } from '../detect/detect.ts'
import { patienceMs } from '../detect/find-docker.ts'
import { findPostgresServer } from '../detect/find-database.ts'
import { ConnectionError, connectPostgres, PostgresError } from '../lib/database/postgres/client/connection.ts'
import { targetOf } from '../lib/database/postgres/client/database-url.ts'
import { requireServerUrl } from '../lib/database/postgres/server/server-url.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'

/**
 * Asks it, within seconds. A URL that came with the repository is followed on this machine only: it may lead, with whatever is
 * in the environment, to anybody.
 */
export async function findServer(root: string, detection: Detection): Promise<boolean> {
  const found = findPostgresServer(detection)
  if (found === undefined) return false
  if (detection.files.tracked.includes(found.file) && !isThisMachine(found.host ?? '')) return false
  try {
    const url = requireServerUrl(root, { environment: { file: '.env.local' } }, found, {})
    const connection = await connectPostgres(targetOf(url), { timeoutMs: patienceMs, queryTimeoutMs: patienceMs })
    try {
      const role = 'SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user'
      const [row] = await connection.query(role)
      return row?.['may'] === 't'
    } finally {
      await connection.close()
    }
  } catch (error) {
    const isNo = error instanceof IsolateError || error instanceof ConnectionError || error instanceof PostgresError
    if (!isNo) throw error
    return false
  }
}
