/**
 * Makes and drops databases of ours on a server. Whoever works on a lease's databases holds the lease's advisory lock: a
 * killed process leaves its last statement running on the server, and only that lock tells when it has ended.
 */
import { IsolateError } from '../../../report/isolate-error.ts'
import { PostgresError } from '../client/connection.ts'
import { quoteIdentifier, quoteLiteral } from '../client/sql-quoting.ts'
import { parseMark, renderMark, type DatabaseMark } from './database-mark.ts'
import { withAdvisoryLock, type Server } from './server.ts'

export type ListedDatabase = {
  name: string
  /** 32 bits; another database of the same name has another. */
  oid: string
  /** Undefined when its comment is not ours, or not yet set. */
  mark: DatabaseMark | undefined
  hasComment: boolean
  /** False for one that is marked but cannot be used any more: the server went down while it was being dropped. */
  isValid: boolean
  /** Whether our role, or one that it is a member of, owns it. */
  isDroppable: boolean
}

/** Above this a copy file by file, with its two checkpoints, is quicker than one through the write-ahead log (measured on 15 and 18). */
const fileCopyBytes = 64_000_000

/** One database; undefined when there is none of that name. */
export async function findDatabase(server: Server, name: string): Promise<ListedDatabase | undefined> {
  return (await listDatabases(server, `datname = ${quoteLiteral(name)}`))[0]
}

/** All databases with a comment of ours, whichever machine's. */
export async function listMarkedDatabases(server: Server): Promise<ListedDatabase[]> {
  const all = await listDatabases(server, `shobj_description(oid, 'pg_database') LIKE 'agent-isolate %'`)
  return all.filter(({ mark }) => mark !== undefined)
}

async function listDatabases({ connection }: Server, condition: string): Promise<ListedDatabase[]> {
  const rows = await connection.query(
    `SELECT datname, oid, shobj_description(oid, 'pg_database') AS comment, datconnlimit <> -2 AS valid,
       pg_has_role(datdba, 'MEMBER') AS droppable
     FROM pg_database WHERE ${condition} ORDER BY oid`,
  )
  return rows.map(({ datname, oid, comment, valid, droppable }) => ({
    name: datname ?? '',
    oid: oid ?? '',
    mark: parseMark(comment),
    hasComment: comment !== null && comment !== undefined,
    isValid: valid === 't',
    isDroppable: droppable === 't',
  }))
}

/** Lets nobody connect, and ends who is: a database that others are cloned from must have no sessions. Only for ours. */
export async function sealDatabase(server: Server, name: string): Promise<void> {
  await server.connection.query(`ALTER DATABASE ${quoteIdentifier(name)} WITH ALLOW_CONNECTIONS false`)
  await endSessions(server, name)
}

/** A copy of `template`, which must have no sessions: else the server waits 5 s and refuses with 55006. Not marked yet. */
export async function cloneDatabase(server: Server, template: string, name: string): Promise<void> {
  const { connection, version } = server
  const create = `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(template)}`
  if (version < 15 || (await findSize(server, template)) < fileCopyBytes) {
    await connection.query(create)
  } else if (version < 18 || !(await cloneFiles(server, create))) {
    await connection.query(`${create} STRATEGY file_copy`)
  }
  await copySettings(server, template, name)
}

/** What ALTER DATABASE has set for one (a search_path, a time zone) is in no copy of it. What our role may not set is left out. */
export async function copySettings({ connection }: Server, from: string, to: string): Promise<void> {
  const rows = await connection.query(
    `SELECT rolname, split_part(setting, '=', 1) AS name, substr(setting, strpos(setting, '=') + 1) AS value
     FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting LEFT JOIN pg_roles r ON r.oid = setrole
     WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = ${quoteLiteral(from)})`,
  )
  for (const { rolname, name, value } of rows) {
    const whose = typeof rolname === 'string' ? `ROLE ${quoteIdentifier(rolname)} IN DATABASE` : 'DATABASE'
    const variable = (name ?? '').split('.').map(quoteIdentifier).join('.')
    try {
      // One transaction, at whose end the session has its own value again; and the server does the quoting of lists.
      await connection.query(
        `SELECT set_config(${quoteLiteral(name ?? '')}, ${quoteLiteral(value ?? '')}, true);
         ALTER ${whose} ${quoteIdentifier(to)} SET ${variable} FROM CURRENT`,
      )
    } catch (error) {
      if (!(error instanceof PostgresError) || !cannotSet.has(error.code)) throw error
    }
  }
}

/** Not allowed, not in a session that has begun, not known here, not a value here. */
const cannotSet = new Set(['42501', '55P02', '42704', '22023'])

/** Sets the mark: from now on the database is whole. */
export async function markDatabase(
  { connection }: Server,
  name: string,
  mark: DatabaseMark,
  about: string,
): Promise<void> {
  const comment = quoteLiteral(renderMark(mark, about))
  await connection.query(`COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${comment}`)
}

/**
 * Drops the lease's database `name`, ending the sessions that are in it; does nothing when there is none. Takes the lease's
 * lock. Throws `IsolateError` for a database that is marked as somebody else's. Returns the mark that it had.
 */
export async function dropDatabase(server: Server, name: string, lease: string): Promise<DatabaseMark | undefined> {
  return withAdvisoryLock(server, lease, async () => {
    const found = await findDatabase(server, name)
    if (found === undefined) return undefined
    const { mark } = found
    // Without a mark it is half-made, or somebody has written another comment: the name was drawn by chance and written down.
    if (mark?.kind === 'worktree' && mark.lease !== lease) {
      throw new IsolateError(`the database ${name} is not the one that we made, and stays`, {
        hint: 'See its comment: \\l+ in psql.',
      })
    }
    await dropForced(server, name)
    return mark
  })
}

/** Whoever is connected is thrown out: only for databases of ours. */
export async function dropForced(server: Server, name: string): Promise<void> {
  const drop = `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`
  if (server.version >= 13) return void (await server.connection.query(`${drop} WITH (FORCE)`))
  await endSessions(server, name)
  await server.connection.query(drop)
}

async function endSessions({ connection }: Server, name: string): Promise<void> {
  await connection.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${quoteLiteral(name)} AND pid <> pg_backend_pid()`,
  )
}

async function findSize({ connection }: Server, name: string): Promise<number> {
  const [row] = await connection.query(
    `SELECT CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END AS bytes
     FROM pg_database WHERE datname = ${quoteLiteral(name)}`,
  )
  return Number(row?.['bytes'] ?? 0)
}

/** PostgreSQL 18 can share the blocks of files (reflink), on a file system that can. False when this one cannot. */
async function cloneFiles({ connection }: Server, create: string): Promise<boolean> {
  try {
    await connection.query('SET file_copy_method = clone')
    await connection.query(`${create} STRATEGY file_copy`)
    return true
  } catch (error) {
    if (!(error instanceof PostgresError) || !cannotClone.has(error.code)) throw error
    await connection.query('RESET file_copy_method')
    return false
  }
}

/** No such setting value in this build; the file system's refusals. */
const cannotClone = new Set(['22023', '0A000', '58000', '58030', 'XX000'])
