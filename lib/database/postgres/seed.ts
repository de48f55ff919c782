/**
 * What the databases in a container start from: .sql files, a dump, a command. It is run once for a container, in a template
 * that the worktrees' databases are cloned from, by the programs inside the container, which are of the server's version.
 */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, existsSync, readSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { PostgresDockerConfig } from '../../project/config.ts'
import { docker, type Engine } from '../../docker/engine.ts'
import { lastLines } from '../../docker/fault.ts'
import { isWithin } from '../../files/inner-path.ts'
import { IsolateError } from '../../report/isolate-error.ts'
import { openRegularFile } from '../../files/read-if-any.ts'
import type { Outcome } from '../../processes/run.ts'
import { quoteLiteral } from './client/sql-quoting.ts'

export type Seed = {
  /** Absolute; in the order in which they are run. */
  files: readonly string[]
  command: string | undefined
  /** SHA-256 (hex) of all that is run; '' when there is nothing. */
  hash: string
}

/** `source` is the main checkout. Throws `IsolateError` for a seed that is not there, or leads out of the repository. */
export function findSeed(
  source: string | undefined,
  { seed, seedCommand }: Pick<PostgresDockerConfig, 'seed' | 'seedCommand'>,
): Seed {
  const files = seed === undefined || source === undefined ? [] : listSeedFiles(source, seed)
  if (files.length === 0 && seedCommand === undefined) return { files, command: undefined, hash: '' }
  const hash = createHash('sha256').update(JSON.stringify(seedCommand ?? ''))
  for (const file of files) hashFile(file, hash)
  return { files, command: seedCommand, hash: hash.digest('hex') }
}

/** Piece by piece: a dump may be larger than memory. */
function hashFile(file: string, hash: Hash): void {
  const handle = openRegularFile(file)
  const piece = Buffer.alloc(1 << 20)
  try {
    for (let count = -1; count !== 0;) {
      count = readSync(handle, piece)
      hash.update(piece.subarray(0, count))
    }
  } finally {
    closeSync(handle)
  }
  hash.update('\0')
}

/** A file, or the .sql files and dumps of a folder, by name. */
export function listSeedFiles(source: string, seed: string): string[] {
  const path = join(source, seed)
  const hint = 'Make it, or take "database.seed" out of agent-isolate.json.'
  const real = requireWithin(source, path, hint)
  if (!statSync(real).isDirectory()) return [real]
  const names = readdirSync(real)
    .filter((name) => seedTypes.has(extname(name)))
    .toSorted()
  const files = names
    .map((name) => requireWithin(source, join(real, name), hint))
    .filter((file) => statSync(file).isFile())
  if (files.length > 0) return files
  throw new IsolateError(`the database seed ${path} holds no .sql file and no dump`, {
    hint: 'Folders in it are not looked into: name one of them, or use "database.seedCommand".',
  })
}

function requireWithin(source: string, path: string, hint: string): string {
  if (!existsSync(path)) throw new IsolateError(`the database seed ${path} does not exist`, { hint })
  const real = realpathSync(path)
  if (isWithin(source, real)) return real
  throw new IsolateError(`the database seed ${path} is a link to ${real}, outside the repository`, { hint })
}

const seedTypes = new Set(['.sql', '.dump', '.backup'])

/** Half of the ten minutes that Claude Code gives a creation. */
const seedTimeoutMs = 300_000

/** Runs one file in the database. Throws `IsolateError` with what the program said. */
export async function runSeedFile(
  file: string,
  {
    engine,
    container,
    user,
    database,
    folder,
  }: { engine: Engine; container: string; user: string; database: string; folder: string },
): Promise<void> {
  // Over the socket in the container the image lets its superuser in without a password (trust in its pg_hba.conf).
  const login = ['--username', user, '--dbname', database, '--no-password']
  const program = isArchive(file)
    ? ['pg_restore', ...login, '--exit-on-error', '--no-owner', '--no-privileges']
    : ['psql', ...login, ...psqlOptions, '--file=-', `--command=${requireStillIn(database)}`]
  const input = openRegularFile(file)
  try {
    const command = ['exec', '--interactive', container, ...program]
    const outcome = await docker(engine, command, { inputFile: input, timeoutMs: seedTimeoutMs, cwd: folder })
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
    hint: 'Mend it, then create the worktree again.',
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
