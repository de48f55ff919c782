/** Runs a seed in a container, by the programs inside it, which are of the server's version: once, in the template of the databases. */
import { closeSync, readSync } from 'node:fs'
import { docker, type Engine } from '../../../docker/engine.ts'
import { lastLines } from '../../../docker/fault.ts'
import { openRegularFile } from '../../../files/read-if-any.ts'
import type { Outcome } from '../../../processes/run.ts'
import type { Deadline } from '../../../report/deadline.ts'
import { IsolateError } from '../../../report/isolate-error.ts'
import { quoteLiteral } from '../client/sql-quoting.ts'

/** At most, in ms: where nobody waits for the creation, too. */
const seedTimeoutMs = 300_000

export type SeedPlace = {
  engine: Engine
  container: string
  user: string
  database: string
  folder: string
  deadline: Deadline
}

/** Runs one file in the database. Throws `IsolateError` with what the program said. */
export async function runSeedFile(
  file: string,
  { engine, container, user, database, folder, deadline }: SeedPlace,
): Promise<void> {
  // Over the socket in the container the image lets its superuser in without a password (trust in its pg_hba.conf).
  const login = ['--username', user, '--dbname', database, '--no-password']
  const program = isArchive(file)
    ? ['pg_restore', ...login, '--exit-on-error', '--no-owner', '--no-privileges']
    : ['psql', ...login, ...psqlOptions, '--file=-', `--command=${requireStillIn(database)}`]
  const input = openRegularFile(file)
  try {
    const command = ['exec', '--interactive', container, ...program]
    const timeoutMs = deadline.remainingMs(seedTimeoutMs)
    const outcome = await docker(engine, command, { inputFile: input, timeoutMs, cwd: folder })
    if (outcome.code !== 0) throw seedFailure(file, outcome)
  } finally {
    closeSync(input)
  }
}

const psqlOptions = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--output=/dev/null']

/** What `pg_dump --create` writes goes over to the database that it was made of: all that it loads would be lost. */
function requireStillIn(database: string): string {
  const words = '\'the script goes over to the database "%": dump without --create (-C)\', current_database()'
  const test = `IF current_database() <> ${quoteLiteral(database)} THEN RAISE EXCEPTION ${words}; END IF;`
  return `DO $agent$ BEGIN ${test} END $agent$`
}

function seedFailure(file: string, { stderr }: Outcome): IsolateError {
  const words = lastLines(stderr, 8).join('\n    ')
  return new IsolateError(`the database seed ${file} failed:\n    ${words}`, {
    hint: 'Fix it, then create the worktree again.',
  })
}

/** An archive of pg_dump's begins with PGDMP (`-Fc`), or as a tar file with its table of contents (`-Ft`); all else is SQL. */
function isArchive(file: string): boolean {
  const head = Buffer.alloc(5)
  const handle = openRegularFile(file)
  try {
    readSync(handle, head, 0, 5, 0)
  } finally {
    closeSync(handle)
  }
  return ['PGDMP', 'toc.d'].includes(head.toString('latin1'))
}
