/** A SQLite file of a worktree; its side files go with it. One that `existed` (git has checked it out) stays. */
import { join } from 'node:path'
import { isTaken } from '../../files/inner-path.ts'
import { isText } from '../../files/json.ts'
import { resourcesOf, type Kind } from '../../ledger/kind.ts'
import type { Lease } from '../../ledger/lease.ts'
import type { Config } from '../../project/config.ts'
import { sqliteFiles } from '../../project/sqlite-config.ts'
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

/** What is missing: the files, and the one for tests where configured. A file that was asked for first later than another is a further one. */
export function planSqlite(lease: Lease, { database }: Config): SqliteResource[] {
  if (database.provider !== 'sqlite') return []
  const purposes: DatabasePurpose[] = database.hasTest ? ['development', 'test'] : ['development']
  const plan = (inner: string, role: Pick<SqliteResource, 'isTest' | 'isFurther'>): SqliteResource => ({
    kind: 'sqlite',
    inner,
    existed: isTaken(join(lease.worktree, inner)),
    ...role,
  })
  const own = purposes
    .filter((purpose) => findSqlite(lease, purpose) === undefined)
    .map((purpose) => plan(sqlitePath(database, purpose), purpose === 'test' ? { isTest: true } : {}))
  if (database.further.length === 0) return own
  const known = new Set([...resourcesOf(lease, sqliteKind), ...own].map(({ inner }) => inner))
  const missing = sqliteFiles(database).filter(({ path }) => !known.has(path))
  return [...own, ...missing.map(({ path }) => plan(path, { isFurther: true }))]
}

/** All that hold data for that purpose, the one that URLs name first. */
export function listSqlite(lease: Pick<Lease, 'resources'>, purpose: DatabasePurpose): SqliteResource[] {
  const further = purpose === 'test' ? [] : resourcesOf(lease, sqliteKind).filter(({ isFurther }) => isFurther)
  return [findSqlite(lease, purpose) ?? [], further].flat()
}

/** The newest one for that purpose. */
function findSqlite(lease: Pick<Lease, 'resources'>, purpose: DatabasePurpose): SqliteResource | undefined {
  return resourcesOf(lease, sqliteKind).findLast(
    ({ isTest, isFurther }) => !isFurther && (isTest ?? false) === (purpose === 'test'),
  )
}
