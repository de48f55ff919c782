/** Opens a shell on a worktree's database: the program of this machine, else the one in the container. */
import type { Database, PostgresDatabase, SqliteDatabase } from '../lib/database/of-lease.ts'
import { parseDatabaseUrl, targetOf } from '../lib/database/postgres/client/database-url.ts'
import { findSharedContainer } from '../lib/database/postgres/container/shared-container.ts'
import { containerShape } from '../lib/database/postgres/resources.ts'
import { clientEnvironment } from '../lib/database/postgres/server/client-environment.ts'
import { engineEnvironment } from '../lib/docker/engine.ts'
import { resourceOf } from '../lib/ledger/kind.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { run } from '../lib/processes/run.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { runInForeground } from './run-in-foreground.ts'

/** Returns the shell's exit code. Throws `IsolateError` when there is no such program. */
export function openDatabaseShell(lease: Lease, database: Database): Promise<number> {
  return database.kind === 'sqlite' ? openSqlite(lease, database) : openPsql(lease, database)
}

async function openSqlite(lease: Lease, { path }: SqliteDatabase): Promise<number> {
  if (!(await isThere('sqlite3'))) {
    throw new IsolateError('there is no program "sqlite3" on PATH', {
      hint: `Install it, or open ${path} with another.`,
    })
  }
  return runInForeground('sqlite3', [path], { cwd: lease.worktree, env: process.env })
}

/** The password goes by the environment, never by an argument. */
async function openPsql(lease: Lease, database: PostgresDatabase): Promise<number> {
  const env = clientEnvironment(targetOf(parseDatabaseUrl(database.url)))
  if (await isThere('psql')) return runInForeground('psql', [], { cwd: lease.worktree, env })
  const container =
    database.on === 'own container' ? resourceOf(lease, containerShape) : findSharedContainer(lease.commonDir)
  if (database.on === 'server' || container === undefined) {
    throw new IsolateError('there is no program "psql" on PATH', {
      hint: 'Install the PostgreSQL client programs (postgresql-client).',
    })
  }
  const terminal = process.stdin.isTTY ? ['--interactive', '--tty'] : ['--interactive']
  const args = ['exec', ...terminal, container.name, 'psql', '--username', database.user, '--dbname', database.name]
  return runInForeground('docker', args, { cwd: lease.worktree, env: engineEnvironment(container.engine) })
}

async function isThere(program: string): Promise<boolean> {
  return !(await run(program, ['--version'])).isMissing
}
