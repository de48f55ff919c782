/** What to write so that an env file's database URL leads to the worktree's own database. Pure. */
import { isThisMachine, parseDatabaseTarget, type DatabaseTarget } from '../detect/database.ts'
import { isTestKey } from '../detect/postgres.ts'
import { composedUrl } from '../init/template-database.ts'
import { configFileName } from '../lib/project/config.ts'
import type { Context } from './check.ts'
import { adviseService } from './service-advice.ts'
import { findVariable } from './compose-variable.ts'

/** `key` and `body` as the env file has them. A second line where agent-isolate.json has to be changed too. */
export function adviseTemplate(context: Context, key: string, body: string): string {
  const { config } = context.project
  const { template } = config.environment
  const target = parseDatabaseTarget(body)
  if (target?.host === undefined) {
    const form = /^sqlite3?(?:\+\w+)?:\/\/\//.exec(body)?.[0]
    return `in ${template}: ${key}=${form === undefined ? '$AGENT_DATABASE_URL' : `${form}$AGENT_SQLITE_PATH`}`
  }
  if (target.provider === 'postgresql' && isOnPostgres(context)) return adviseOwnDatabase(context, key, target)
  const user = /\/\/[^@/]*@/.test(body) ? 'USER:PASSWORD@' : ''
  const leased = findVariable(context.detection.compose, config.compose.ports, target.port)
  if (leased !== undefined) {
    return `in ${template}: ${key}=${target.scheme}//${user}${target.host}:${leased.value}/${target.database}`
  }
  if (target.provider === 'postgresql') return adviseProvider(context, key, target)
  const service = adviseService(context, key, body)
  if (service !== undefined) return service
  const port = target.port === undefined ? '' : `:${target.port}`
  return `in ${template}: ${key}=${target.scheme}//${user}${target.host}${port}/${target.database || 'app'}-$AGENT_SLUG`
}

function isOnPostgres({ project }: Context): boolean {
  return project.config.database.provider.startsWith('postgres')
}

function adviseOwnDatabase({ project }: Context, key: string, { scheme }: DatabaseTarget): string {
  const { database, environment } = project.config
  if (isTestKey(key)) {
    const isThere = 'hasTest' in database && database.hasTest
    const more = isThere ? '' : `\nand in ${configFileName}, under "database": "test": true`
    return `in ${environment.template}: ${key}=$AGENT_TEST_DATABASE_URL${more}`
  }
  // A server's URL keeps the scheme that it was given.
  const needsScheme = database.provider === 'postgres-docker' && scheme.includes('+')
  return `in ${environment.template}: ${key}=${needsScheme ? composedUrl(scheme) : '$AGENT_DATABASE_URL'}`
}

/** A server of this machine can as well be a container; another one is there for a reason. */
function adviseProvider({ project }: Context, key: string, { host = '' }: DatabaseTarget): string {
  const { template } = project.config.environment
  const provider = isThisMachine(host)
    ? '"provider": "postgres-docker", "isolation": "database"'
    : `"provider": "postgres-server", "url": "$${key}"`
  const variable = isTestKey(key) ? '$AGENT_TEST_DATABASE_URL' : '$AGENT_DATABASE_URL'
  const test = isTestKey(key) ? ', "test": true' : ''
  return `in ${configFileName}: "database": { ${provider}${test} }\nand in ${template}: ${key}=${variable}`
}
