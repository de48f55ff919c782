/** Databases that several worktrees would reach: one agent's migration or test run wipes another's data. */
import { isThisMachine, parseDatabaseTarget } from '../detect/database.ts'
import { namesIn, parseReferences } from '../lib/env-text/references.ts'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import type { Check, Context, Finding } from './check.ts'
import { adviseTemplate } from './database-advice.ts'
import { findDatabase, findSharedDatabases } from './database-rules.ts'
import { isForDevelopment } from './port-collision.ts'
import { isTestFile } from '../detect/source/source-files.ts'
import { ownKeys, templateKeys } from './template-keys.ts'

const why = 'Every worktree reaches the same data: migrations, seeds and tests of one agent wipe another’s.'

export const sharedDatabasesCheck: Check = {
  id: 'shared-databases',
  title: 'Databases that worktrees share',
  run(context) {
    const found = [...inCode(context), ...inEnvFiles(context), ...inTemplate(context)]
    if (found.length > 0) return found
    return [{ id: 'shared-databases.ok', severity: 'ok', message: 'no shared database is named in what was read' }]
  },
}

function inCode(context: Context): Finding[] {
  const set = templateKeys(context)
  return context.sources.flatMap((source) =>
    findSharedDatabases(source, set).map(({ line, target, isFile, fix }) => ({
      id: isFile ? 'shared-databases.file' : 'shared-databases.url',
      severity: isTestFile(source.path) ? ('warning' as const) : ('error' as const),
      message: `always the database ${target}`,
      why,
      fix,
      file: source.path,
      line,
    })),
  )
}

function inEnvFiles(context: Context): Finding[] {
  const services = new Set(context.detection.compose.flatMap((file) => file.services.map(({ name }) => name)))
  return context.sources
    .filter(({ path, kind }) => kind === 'env' && isForDevelopment(path))
    .flatMap(({ path, lines }) =>
      parseEnvStatements(lines.join('\n')).flatMap(({ assignment, line }): Finding[] => {
        const { key = '', body = '' } = assignment ?? {}
        const database = findDatabase(body)
        if (database === undefined || isOverwritten(key, database.isFile, ownKeys(context, path), context)) return []
        if (isServerOfConfig(key, context)) return []
        // A file that comes along leads to the port of the worktree's own service.
        if (isRemapped(path, body, context)) return []
        // A service of the compose file is each worktree's own.
        if (services.has(parseDatabaseTarget(body)?.host ?? '')) return []
        return [{ ...describe(key, body, database), fix: adviseTemplate(context, key, body), file: path, line }]
      }),
    )
}

function isRemapped(path: string, body: string, { project, detection }: Context): boolean {
  const { ports, environment } = project.config
  const { port, host = '' } = parseDatabaseTarget(body) ?? {}
  const isHere = host !== '' && isThisMachine(host)
  const isCarried = environment.carry && !detection.files.tracked.includes(path)
  return isCarried && isHere && port !== undefined && Object.hasOwn(ports.remap, String(port))
}

/** Without a template DATABASE_URL becomes the worktree's own, which may be a SQLite file: no help to who needs a server. */
function isOverwritten(
  key: string,
  isFile: boolean,
  set: ReadonlySet<string>,
  { template, project }: Context,
): boolean {
  const isOnServer = project.config.database.provider.startsWith('postgres')
  return set.has(key) && (isFile || isOnServer || template !== undefined)
}

/** The address of the server that worktrees' databases are made on is for us, unless the project reads it too. */
function isServerOfConfig(key: string, { project, detection }: Context): boolean {
  const { database } = project.config
  if (
    database.provider !== 'postgres-server' ||
    ['DATABASE_URL', ...detection.orms.map(({ variable }) => variable)].includes(key)
  )
    return false
  return namesIn(parseReferences(database.url, { hasEscapes: false })).includes(key)
}

function inTemplate(context: Context): Finding[] {
  const file = context.project.config.environment.template
  return parseEnvStatements(context.template ?? '').flatMap(({ assignment, line }): Finding[] => {
    const { key = '', body = '' } = assignment ?? {}
    const database = findDatabase(body)
    return database === undefined
      ? []
      : [{ ...describe(key, body, database), fix: adviseTemplate(context, key, body), file, line }]
  })
}

function describe(
  key: string,
  body: string,
  { target, isFile }: { target: string; isFile: boolean },
): Pick<Finding, 'id' | 'severity' | 'message' | 'why'> {
  const id = isFile ? 'shared-databases.file' : 'shared-databases.url'
  const kind = parseDatabaseTarget(body)?.provider ?? 'database'
  return { id, severity: 'error', message: `${key} is one ${kind} database for all worktrees: ${target}`, why }
}
