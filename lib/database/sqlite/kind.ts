/** A SQLite file of a worktree; its side files go with it. One that `existed` (git has checked it out) stays. */
import { join } from 'node:path'
import { isTaken } from '../../files/inner-path.ts'
import { isText } from '../../files/json.ts'
import { resourcesOf, type Kind } from '../../ledger/kind.ts'
import type { Lease } from '../../ledger/lease.ts'
import type { Config } from '../../project/config.ts'
import type { DatabasePurpose } from '../purpose.ts'
import { sqliteSideFiles } from './snapshot.ts'
import { removeSqlite, sqlitePath, type SqliteResource } from './worktree-database.ts'

export const sqliteKind: Kind<SqliteResource> = {
  kind: 'sqlite',
  where: 'worktree',
  is: (resource): resource is SqliteResource =>
    resource.kind === 'sqlite' && isText(resource['inner']) && typeof resource['existed'] === 'boolean',
  describe: ({ inner }) => `the database ${inner}`,
  // Our own folder ignores itself.
  ignored: ({ inner }) => (inner.startsWith('.agent-isolate/') ? [] : [inner, ...sqliteSideFiles(inner)]),
  async undo({ inner, existed }, { lease, reporter }) {
    if (!existed) removeSqlite(lease.worktree, inner, reporter)
  },
}

/** What is missing: the file, and the one for tests where configured. */
export function planSqlite(lease: Lease, { database }: Config): SqliteResource[] {
  if (database.provider !== 'sqlite') return []
  const purposes: DatabasePurpose[] = database.hasTest ? ['development', 'test'] : ['development']
  return purposes
    .filter((purpose) => findSqlite(lease, purpose) === undefined)
    .map((purpose) => {
      const inner = sqlitePath(database, purpose)
      const existed = isTaken(join(lease.worktree, inner))
      return { kind: 'sqlite', inner, existed, ...(purpose === 'test' ? { isTest: true } : {}) }
    })
}

/** The newest one for that purpose. */
export function findSqlite(lease: Pick<Lease, 'resources'>, purpose: DatabasePurpose): SqliteResource | undefined {
  return resourcesOf(lease, sqliteKind).findLast(({ isTest }) => (isTest ?? false) === (purpose === 'test'))
}
