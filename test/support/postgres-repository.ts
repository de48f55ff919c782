/** What the tests of databases on a server share: a trusted repository whose URL is in its .env, and a look at all that a server holds. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CliResult } from './cli.ts'
import { runHook, type HookResult } from './hook.ts'
import { postgresProgram, type PostgresServer } from './postgres.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'
import { readEnv } from './state.ts'

export type ServerRepository = { sandbox: Sandbox; root: string; server: PostgresServer }

export type RepositoryOptions = {
  /** Of the database that is copied; on `server`, `shop` when left out. */
  url?: string
  /** Further settings of "database". */
  database?: Readonly<Record<string, unknown>>
  /** Further settings. */
  config?: Readonly<Record<string, unknown>>
  /** The folder's name. */
  name?: string
  sandbox?: Sandbox
  isTrusted?: boolean
}

/** The server's databases of ours are dropped when the test ends, so that a test that fails is alone in that. */
export function createServerRepository(
  t: TestContext,
  server: PostgresServer,
  options: RepositoryOptions = {},
): ServerRepository {
  const { url = server.url('shop'), database = {}, config = {}, name = 'shop', isTrusted = true } = options
  const sandbox = options.sandbox ?? createSandbox(t)
  sandbox.env['PATH'] = [dirname(postgresProgram('psql')), process.env['PATH']].join(delimiter)
  const settings = { database: { provider: 'postgres-server', url: '$SHOP_URL', ...database }, ...config }
  const root = sandbox.repository(name, {
    '.gitignore': '.env\n.env.local\n',
    'agent-isolate.json': JSON.stringify(settings),
  })
  configureUrl({ sandbox, root, server }, url)
  if (isTrusted) sandbox.cli(root, 'trust')
  return { sandbox, root, server }
}

export function configureUrl({ sandbox, root }: ServerRepository, url: string): void {
  chmodSync(sandbox.write(join(root.slice(sandbox.folder.length), '.env'), `SHOP_URL='${url}'\n`), 0o600)
}

/** The database `name` with three items in it, made anew. Dropped with all of ours when the test ends. */
export function createSource(t: TestContext, server: PostgresServer, name = 'shop'): void {
  const quoted = `"${name.replaceAll('"', '""')}"`
  server.psql('postgres', `DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`)
  server.psql('postgres', `CREATE DATABASE ${quoted}`)
  server.psql(name, 'CREATE TABLE item(id int PRIMARY KEY); INSERT INTO item SELECT generate_series(1, 3)')
  t.after(() => {
    // A server of the test's own has gone by now.
    if (server.pid() === 0) return
    for (const one of [...listOurs(server), name]) {
      server.psql('postgres', `DROP DATABASE IF EXISTS "${one.replaceAll('"', '""')}" WITH (FORCE)`)
    }
  })
}

/** Names of the databases that bear our name. */
export function listOurs(server: PostgresServer): string[] {
  return linesOf(server.psql('postgres', "SELECT datname FROM pg_database WHERE datname LIKE 'agent\\_%' ORDER BY 1"))
}

/** To be compared with before: databases, roles, settings, and what nobody may hold on to. */
export function snapshotServer(server: PostgresServer): string[] {
  return linesOf(
    server.psql(
      'postgres',
      `SELECT 'database', datname, datallowconn, datistemplate, shobj_description(oid, 'pg_database') FROM pg_database
       UNION ALL SELECT 'role', rolname, rolcreatedb, rolsuper, NULL FROM pg_roles
       UNION ALL SELECT 'setting', setconfig::text, NULL, NULL, setdatabase::text FROM pg_db_role_setting
       UNION ALL SELECT 'lock', pid::text, NULL, NULL, NULL FROM pg_locks WHERE locktype = 'advisory'
       UNION ALL SELECT 'session', pid::text, NULL, NULL, NULL FROM pg_stat_activity WHERE ${isOurSession}
       ORDER BY 1, 2`,
    ),
  )
}

/** Waits until the server's sessions that lost their client have ended. */
export async function untilQuiet(server: PostgresServer): Promise<void> {
  const left = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' UNION SELECT pid FROM pg_stat_activity WHERE ${isOurSession}`
  for (let attempt = 0; server.psql('postgres', left) !== ''; attempt += 1) {
    assert.ok(attempt < 1200, 'sessions of ours are left')
    await sleep(50)
  }
}

const isOurSession = "application_name IN ('agent-isolate', 'pg_dump', 'pg_restore')"

/** DATABASE_URL, or another variable, in the worktree's env file. */
export function urlOf(worktree: string, name = 'DATABASE_URL'): string {
  const url = readEnv(join(worktree, '.env.local'))[name]
  assert.ok(url !== undefined, `${worktree} has no ${name}`)
  return url
}

/** Name of the worktree's database. */
export function databaseOf(worktree: string, name?: string): string {
  return decodeURIComponent(new URL(urlOf(worktree, name)).pathname.slice(1))
}

export function runCreate(
  { sandbox, root }: ServerRepository,
  name: string,
  env: NodeJS.ProcessEnv = {},
): Promise<HookResult> {
  return runHook(sandbox, 'worktree-create', { cwd: root, name, hook_event_name: 'WorktreeCreate' }, { env })
}

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

/** The compiled command line, which may fail. */
export async function runProgram(
  { sandbox }: Pick<ServerRepository, 'sandbox'>,
  cwd: string,
  args: readonly string[],
  { env = {}, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...sandbox.env, ...env } })
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text))
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [code, signal]: unknown[] = await once(child, 'close')
  return {
    ...printed,
    code: typeof code === 'number' ? code : null,
    signal: typeof signal === 'string' ? signal : null,
  }
}

/** What everybody is told who fails: one screen, a hint, no stack, no password. */
export function assertClear(text: string, { password }: Pick<PostgresServer, 'password'>, ...wanted: RegExp[]): void {
  for (const pattern of wanted) assert.match(text, pattern)
  assert.doesNotMatch(text, /\n\s+at |internal error|\[object|undefined/)
  assert.ok(!text.includes(password), 'the password is in the message')
  assert.ok(text.split('\n').length <= 14, `longer than a screen:\n${text}`)
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n')
}
