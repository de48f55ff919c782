/**
 * A sealed copy of a database that is in use, for worktrees' databases to be cloned from: nobody's session is ever ended or
 * waited for. One for each state of the source, named after it, shared by all machines that use the server, made by one of
 * them while the others wait, and dropped with the last database that came from it.
 */
import { createHash } from 'node:crypto'
import { IsolateError } from '../isolate-error.ts'
import type { Reporter } from '../reporter.ts'
import { PostgresError } from './connection.ts'
import { copyDatabase } from './copy-database.ts'
import {
  cloneDatabase,
  dropForced,
  findDatabase,
  listMarkedDatabases,
  markDatabase,
  sealDatabase,
  type ListedDatabase,
} from './databases.ts'
import { freeAdvisoryLock, takeAdvisoryLock, type Server } from './server.ts'
import { describeTarget } from './database-url.ts'
import { quoteIdentifier, quoteLiteral } from './sql-quoting.ts'

export type Template = {
  name: string
  /** All templates of one source; '' for a database that its owner has made a template: it is used as it is. */
  family: string
}

export type TemplateRequest = {
  /** The database to copy. */
  source: string
  /** Does the making under a name that is written down before: the database is ours to drop until then. */
  draft: { name: string; claim: () => void }
  reporter: Reporter
}

/** The template for the source as it is now. Throws `IsolateError` when there is no such source, or it may not be read. */
export async function requireTemplate(server: Server, request: TemplateRequest): Promise<Template> {
  const source = await requireSource(server, request.source)
  if (source.isTemplate) return { name: source.name, family: '' }
  const family = hashOf(12, source.oid, source.name)
  const known = await findFinished(server, family, await fingerprint(server, source))
  if (known !== undefined) return { name: known, family }
  return withFamilyLock(server, family, async () => {
    // Twenty may have waited for the one that made it; and the source may have changed again.
    const name = templateName(family, await fingerprint(server, source))
    if ((await findDatabase(server, name))?.mark === undefined) await make(server, source, { name, family }, request)
    return { name, family }
  })
}

/** Drops the templates of a family from which no database is left. */
export async function dropUnusedTemplates(server: Server, family: string): Promise<void> {
  await withFamilyLock(server, family, async () => {
    const marked = await listMarkedDatabases(server)
    if (marked.some(({ mark }) => mark?.kind === 'worktree' && mark.template === family)) return
    for (const { name } of marked.filter((one) => isOfFamily(one, family))) await dropForced(server, name)
  })
}

type Source = { name: string; oid: string; isTemplate: boolean }

async function requireSource({ connection, target }: Server, name: string): Promise<Source> {
  const [row] = await connection.query(
    `SELECT oid, datistemplate OR NOT datallowconn AS template, shobj_description(oid, 'pg_database') AS comment
     FROM pg_database WHERE datname = ${quoteLiteral(name)}`,
  )
  const place = describeTarget(target)
  if (row === undefined) {
    throw new IsolateError(`there is no database "${name}" on ${place} to copy`, {
      hint: 'Make it, or name another: "database.template" in agent-isolate.json.',
    })
  }
  if (row['comment']?.startsWith('agent-isolate worktree ')) {
    throw new IsolateError(`"${name}" on ${place} is a worktree's own database, not one to copy`, {
      hint: 'Inside a worktree DATABASE_URL is its own: give "database.url" a variable of another name.',
    })
  }
  return { name, oid: row['oid'] ?? '', isTemplate: row['template'] === 't' }
}

/**
 * Changes whenever the source is written to, be it data or schema: the system catalogs' rows are counted as well. Sessions
 * hand their counts in when they have been idle for a moment, so a change of the last seconds may be missed (measured:
 * at once for a session that ends, up to 10 s for one that stays).
 */
async function fingerprint({ connection }: Server, { oid }: Source): Promise<string> {
  const [row] = await connection.query(
    `SELECT concat_ws(' ', tup_inserted, tup_updated, tup_deleted, stats_reset) AS changes
     FROM pg_stat_database WHERE datid = ${oid}`,
  )
  return row?.['changes'] ?? ''
}

function templateName(family: string, changes: string): string {
  return `agent_template_${family}_${hashOf(8, changes)}`
}

async function findFinished(server: Server, family: string, changes: string): Promise<string | undefined> {
  const name = templateName(family, changes)
  return (await findDatabase(server, name))?.mark === undefined ? undefined : name
}

/** Made under the draft's name, sealed, marked, and only then renamed: what has the final name is whole. */
async function make(
  server: Server,
  source: Source,
  { name, family }: Template,
  request: TemplateRequest,
): Promise<void> {
  const { draft, reporter } = request
  draft.claim()
  await dropForced(server, draft.name)
  if ((await isInUse(server, source.name)) || !(await tryClone(server, source.name, draft.name))) {
    reporter.progress(`database: "${source.name}" is in use, so a copy of it is made with pg_dump`)
    await copyDatabase(server, source.name, draft.name)
  }
  await sealDatabase(server, draft.name)
  await markDatabase(server, draft.name, { kind: 'template', family }, `a copy of ${source.name}`)
  await server.connection.query(`ALTER DATABASE ${quoteIdentifier(draft.name)} RENAME TO ${quoteIdentifier(name)}`)
  reporter.info(`database: made a private template of "${source.name}"`)
  await dropOthers(server, family, name)
}

async function isInUse({ connection }: Server, name: string): Promise<boolean> {
  const [row] = await connection.query(
    `SELECT count(*) AS sessions FROM pg_stat_activity WHERE datname = ${quoteLiteral(name)}`,
  )
  return row?.['sessions'] !== '0'
}

/** False when somebody has connected to the source meanwhile, or only its owner may copy it this way. */
async function tryClone(server: Server, source: string, name: string): Promise<boolean> {
  try {
    await cloneDatabase(server, source, name)
    return true
  } catch (error) {
    if (error instanceof PostgresError && (error.code === '55006' || error.code === '42501')) return false
    throw error
  }
}

/** Those of older states. One that is being cloned this very moment stays until the next time. */
async function dropOthers(server: Server, family: string, newest: string): Promise<void> {
  const others = (await listMarkedDatabases(server)).filter((one) => isOfFamily(one, family) && one.name !== newest)
  await server.connection.query("SET lock_timeout = '2s'")
  for (const { name } of others) {
    try {
      await dropForced(server, name)
    } catch (error) {
      if (!(error instanceof PostgresError) || (error.code !== '55P03' && error.code !== '55006')) throw error
    }
  }
  await server.connection.query('SET lock_timeout = 0')
}

function isOfFamily({ mark }: ListedDatabase, family: string): boolean {
  return mark?.kind === 'template' && mark.family === family
}

async function withFamilyLock<T>(server: Server, family: string, work: () => Promise<T>): Promise<T> {
  await takeAdvisoryLock(server, `template ${family}`)
  try {
    return await work()
  } finally {
    await freeAdvisoryLock(server, `template ${family}`)
  }
}

function hashOf(digits: number, ...texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, digits)
}
