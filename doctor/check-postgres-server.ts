/** Whether postgres-server will work: the URL, the server, the role, the database to copy, and the programs to copy it with. */
import { delimiter } from 'node:path'
import { findProgram } from '../detect/tools.ts'
import { patienceMs } from '../detect/find-docker.ts'
import { configFileName, type PostgresServerConfig } from '../lib/project/config.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import {
  connectPostgres,
  type Connection,
  type PostgresTarget,
  type Row,
} from '../lib/database/postgres/client/connection.ts'
import { describeTarget, targetOf } from '../lib/database/postgres/client/database-url.ts'
import { explainServerError } from '../lib/database/postgres/server/server.ts'
import { requireServerUrl } from '../lib/database/postgres/server/server-url.ts'
import { quoteLiteral } from '../lib/database/postgres/client/sql-quoting.ts'
import { run } from '../lib/processes/run.ts'
import type { Context, Finding } from './check.ts'

const why = 'Every new worktree fails.'

/** Only for a trusted repository: the URL is followed. */
export async function examineServer(context: Context, config: PostgresServerConfig): Promise<Finding[]> {
  const { project, env } = context
  try {
    const url = requireServerUrl(project.repository.source, project.config, config, env)
    const target = targetOf(url, env)
    const facts = await askServer({ ...target, database: config.maintenance }, config.template ?? target.database)
    const found = [...judgeRole(facts), ...judgeSource(facts), ...(await judgePrograms(facts, env))]
    if (found.some(({ severity }) => severity === 'error')) return found
    const message = `PostgreSQL ${facts.version} on ${facts.place}, worktrees get copies of "${facts.source.name}"`
    return [{ id: 'database.ok', severity: 'ok', message }, ...found]
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    const { message, hint = 'See "database" in agent-isolate.json.' } = error
    return [{ id: 'database.server', severity: 'error', message, why, fix: hint, file: configFileName }]
  }
}

type Facts = {
  place: string
  /** `15.4`. */
  version: string
  role: { name: string; mayCreate: boolean }
  source: {
    name: string
    isThere: boolean
    /** A worktree's own, as its comment says. */
    isWorktrees: boolean
    /** Its owner has made it a template: it is copied as it is. */
    isTemplate: boolean
    isInUse: boolean
    /** Whether the role may have the server copy it. */
    mayClone: boolean
  }
}

/** Throws `IsolateError` when the server is out of reach, refuses, or takes longer than some seconds. */
async function askServer(target: PostgresTarget, source: string): Promise<Facts> {
  let connection: Connection | undefined
  try {
    connection = await connectPostgres(target, { timeoutMs: patienceMs, queryTimeoutMs: patienceMs })
    const [row = {}] = await connection.query(questions(source))
    return readFacts(row, target, source, connection.parameters.get('server_version') ?? '0')
  } catch (error) {
    throw explainServerError(error, target)
  } finally {
    await connection?.close()
  }
}

function questions(source: string): string {
  return `SELECT r.rolname AS role, r.rolcreatedb OR r.rolsuper AS may_create, d.oid,
      d.datistemplate OR NOT d.datallowconn AS is_template,
      shobj_description(d.oid, 'pg_database') LIKE 'agent-isolate worktree %' AS is_worktrees,
      EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid()) AS in_use,
      r.rolsuper OR pg_has_role(d.datdba, 'USAGE') AS may_clone
    FROM pg_roles r LEFT JOIN pg_database d ON d.datname = ${quoteLiteral(source)}
    WHERE r.rolname = current_user`
}

function readFacts(row: Row, target: PostgresTarget, source: string, version: string): Facts {
  return {
    place: describeTarget(target),
    version: /^\d+(?:\.\d+)*/.exec(version)?.[0] ?? version,
    role: { name: row['role'] ?? target.user, mayCreate: row['may_create'] === 't' },
    source: {
      name: source,
      isThere: typeof row['oid'] === 'string',
      isWorktrees: row['is_worktrees'] === 't',
      isTemplate: row['is_template'] === 't',
      isInUse: row['in_use'] === 't',
      mayClone: row['may_clone'] === 't',
    },
  }
}

function judgeRole({ role: { name, mayCreate }, place }: Facts): Finding[] {
  if (mayCreate) return []
  const message = `the role "${name}" on ${place} may not make databases`
  const fix = `as a superuser: ALTER ROLE "${name}" CREATEDB`
  return [{ id: 'database.role', severity: 'error', message, why, fix }]
}

function judgeSource({ source: { name, isThere, isWorktrees }, place }: Facts): Finding[] {
  const found = { id: 'database.source', severity: 'error', why, file: configFileName } as const
  if (!isThere) {
    const message = `there is no database "${name}" on ${place} to copy`
    return [{ ...found, message, fix: 'Make it, or name another: "database.template"' }]
  }
  if (!isWorktrees) return []
  const message = `"${name}" on ${place} is a worktree's own database, not one to copy`
  return [{ ...found, message, fix: 'give "database.url" a variable that no worktree sets' }]
}

/** The server copies what nobody is connected to; all else goes through these programs. */
async function judgePrograms({ source, version }: Facts, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  if (!source.isThere || source.isTemplate) return []
  const found = await Promise.all(
    ['pg_dump', 'pg_restore'].map((name) => findFault(name, Number.parseInt(version, 10), env)),
  )
  const [fault] = found.filter((each) => each !== undefined)
  if (fault === undefined) return []
  const isNeeded = source.isInUse || !source.mayClone
  const state = source.mayClone ? 'in use' : 'not the role’s own'
  const message = isNeeded ? `"${source.name}" is ${state}, and ${fault}` : fault
  const severity = isNeeded ? 'error' : 'warning'
  const reason = isNeeded ? why : `Worktrees fail while somebody is connected to "${source.name}".`
  const fix = `Install the PostgreSQL client programs, version ${Number.parseInt(version, 10)} or newer (postgresql-client), or name a database that nobody is connected to: "database.template"`
  return [{ id: 'database.pg-dump', severity, message, why: reason, fix }]
}

/** What is wrong with a client program; a dump made by one that is older than the server is refused (pg_dump(1)). */
async function findFault(name: string, major: number, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const path = findProgram(name, folders)
  if (path === undefined) return `there is no ${name} on PATH`
  const { stdout } = await run(path, ['--version'], { timeoutMs: patienceMs })
  const own = Number(/\)\s*(\d+)/.exec(stdout)?.[1])
  return own < major ? `${name} is of version ${own}, the server of ${major}` : undefined
}
