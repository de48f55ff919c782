/**
 * A sealed copy of a database that is in use, for worktrees' databases to be cloned from: nobody's session is ever ended or
 * waited for. One for each state of the source, named after it, shared by all machines that use the server, made by one of
 * them while the others wait, and dropped with the last database that came from it.
 */
import { digestOf } from '../../../files/digest.ts'
import { IsolateError } from '../../../report/isolate-error.ts'
import type { Reporter } from '../../../report/reporter.ts'
import { PostgresError } from '../client/connection.ts'
import { describeTarget } from '../client/database-url.ts'
import { quoteIdentifier, quoteLiteral } from '../client/sql-quoting.ts'
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
import { shareAdvisoryLock, withAdvisoryLock, withUnsharedLock, type Server } from './server.ts'

export type Template = {
  name: string
  /** All templates of one source, dropped with the last database from them; '' where that is not our business. */
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
  // Only its owner may clone a template of ours.
  const family = hashOf(12, source.oid, source.name, server.target.user)
  // Until our connection ends none of them is dropped as unused: we are about to use one.
  await shareAdvisoryLock(server, `clones of ${family}`)
  const known = await findFinished(server, family, await fingerprint(server, source))
  if (known !== undefined) return { name: known, family }
  return withAdvisoryLock(server, `template ${family}`, async () => {
    // Twenty may have waited for the one that made it; and the source may have changed again.
    const name = templateName(family, await fingerprint(server, source))
    if (!(await isFinished(server, name))) await make(server, source, { name, family }, request)
    return { name, family }
  })
}

/**
 * Drops the templates of the family, or of all families of our role's, from which no database is left. While somebody is about
 * to clone one they stay: his database counts when it is there, and when it never comes this is called again.
 */
export async function dropUnusedTemplates(server: Server, family?: string): Promise<void> {
  for (const each of family === undefined ? await listFamilies(server) : [family]) {
    // Of two, the later one sees what the earlier one has dropped.
    await withAdvisoryLock(server, `unused templates of ${each}`, () =>
      withUnsharedLock(server, `clones of ${each}`, async () => {
        const marked = await listMarkedDatabases(server)
        if (marked.some(({ mark }) => mark?.kind === 'worktree' && mark.template === each)) return
        for (const { name } of marked.filter((one) => isOfFamily(one, each))) await dropForced(server, name)
      }),
    )
  }
}

async function listFamilies(server: Server): Promise<string[]> {
  const marked = await listMarkedDatabases(server)
  const families = marked.flatMap(({ mark, isDroppable }) =>
    mark?.kind === 'template' && isDroppable ? [mark.family] : [],
  )
  return [...new Set(families)]
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
 * Changes whenever the source is written to, be it data, schema or settings: the system catalogs' rows are counted as well. Sessions
 * hand their counts in when they have been idle for a moment, so a change of the last seconds may be missed (measured:
 * at once for a session that ends, up to 10 s for one that stays).
 */
async function fingerprint({ connection }: Server, { oid }: Source): Promise<string> {
  const [row] = await connection.query(
    `SELECT concat_ws(' ', pg_postmaster_start_time(), tup_inserted, tup_updated, tup_deleted, stats_reset,
       (SELECT string_agg(setconfig::text, ' ' ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = datid)
     ) AS changes FROM pg_stat_database WHERE datid = ${oid}`,
  )
  return row?.['changes'] ?? ''
}

function templateName(family: string, changes: string): string {
  return `agent_template_${family}_${hashOf(8, changes)}`
}

async function findFinished(server: Server, family: string, changes: string): Promise<string | undefined> {
  const name = templateName(family, changes)
  return (await isFinished(server, name)) ? name : undefined
}

async function isFinished(server: Server, name: string): Promise<boolean> {
  const found = await findDatabase(server, name)
  return found?.mark !== undefined && found.isValid
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
  for (const broken of [draft.name, name]) await dropForced(server, broken)
  if ((await isInUse(server, source.name)) || !(await tryClone(server, source.name, draft.name))) {
    reporter.progress(`database: "${source.name}" is in use (or another role's), so a copy of it is made with pg_dump`)
    await copyDatabase(server, source.name, draft.name)
  }
  await sealDatabase(server, draft.name)
  await markDatabase(server, draft.name, { kind: 'template', family }, `a copy of ${source.name}`)
  await server.connection.query(`ALTER DATABASE ${quoteIdentifier(draft.name)} RENAME TO ${quoteIdentifier(name)}`)
  reporter.info(`database: made a private template of "${source.name}"`)
  await dropOthers(server, family, name)
}

/** A prepared transaction keeps the server from cloning as a session does. Its own (autovacuum), which have no user, give way. */
async function isInUse({ connection }: Server, name: string): Promise<boolean> {
  const [row] = await connection.query(
    `SELECT count(usesysid) + (SELECT count(*) FROM pg_prepared_xacts WHERE database = ${quoteLiteral(name)}) AS sessions
     FROM pg_stat_activity WHERE datname = ${quoteLiteral(name)}`,
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

function hashOf(digits: number, ...texts: readonly string[]): string {
  return digestOf(JSON.stringify(texts), digits)
}
