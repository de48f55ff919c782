/** The commands that bring a worktree's own database up to date, by its kind. Pure. */
import type { Detection } from '../../detect/detect.ts'
import type { Orm } from '../../detect/orm.ts'
import { usesPostgres } from '../../detect/postgres.ts'
import type { Provider } from '../answers.ts'

/** None for a worktree without a database of its own: they would run on everybody's. */
export function listMigrations(detection: Detection, provider: Provider): string[] {
  return [...new Set(detection.orms.filter((orm) => isMigrated(orm, detection, provider)).flatMap(migration))]
}

/** `setup`, the default for the provider `from`, as it fits another: the migrations of the one for those of the other. */
export function fitSetup(
  setup: readonly string[],
  detection: Detection,
  { from, to }: { from: Provider; to: Provider },
): readonly string[] {
  const [before, after] = [listMigrations(detection, from), listMigrations(detection, to)]
  const gone = before.filter((command) => !after.includes(command))
  return [...new Set([...setup.filter((command) => !gone.includes(command)), ...(from === to ? [] : after)])]
}

/** An ORM that does not say is taken to be on PostgreSQL where something else says so. */
function isMigrated(orm: Orm, detection: Detection, provider: Provider): boolean {
  if (provider === 'none') return false
  if (provider === 'sqlite') return orm.provider === 'sqlite'
  return orm.provider === 'postgresql' || (orm.provider === undefined && usesPostgres(detection))
}

/** Django's command names the file itself. A folder that a shell would not take literally is left to the user. */
function migration({ id, folder, migrate }: Orm): string[] {
  if (migrate === undefined || !/^[\w./-]*$/.test(folder)) return []
  return [folder === '' || id === 'django' ? migrate : `cd ${folder} && ${migrate}`]
}
