/** Reads, from the config, the lease and the main checkout's env files, what in such files becomes a worktree's own. */
import { join } from 'node:path'
import { targetOf, parseDatabaseUrl, type PostgresTarget } from '../database/postgres/client/database-url.ts'
import { requireServerUrl } from '../database/postgres/server/server-url.ts'
import { databaseOf, type PostgresDatabase } from '../database/of-lease.ts'
import { namesIn, parseReferences } from '../env-text/references.ts'
import { parseEnvStatements } from '../env-text/syntax.ts'
import { readIfFile } from '../files/read-if-any.ts'
import type { Lease } from '../ledger/lease.ts'
import { composePortNames } from '../project/compose-ports.ts'
import type { Config } from '../project/config.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { findDatabaseUrl, placeOf, type OwnPostgres, type Place } from './own-postgres.ts'
import type { OwnValues } from './own-values.ts'
import { readValues } from './rewrite-env-file.ts'

/** `templates`: of each env file's block, by the file's path. */
export function findOwnValues(
  source: string,
  config: Config,
  lease: Lease,
  templates: ReadonlyMap<string, string>,
): OwnValues {
  const { database } = config
  const own = databaseOf(lease)
  const seed = database.provider === 'sqlite' ? database.seed : undefined
  const top = new Set(['.env', config.environment.file])
  const files = new Map([...top, ...templates.keys()].map((inner) => [inner, readMain(source, inner)]))
  return {
    main: source,
    worktree: lease.worktree,
    ports: findPorts(config, lease, [...top].map((inner) => files.get(inner)?.get('PORT')).find(Boolean)),
    paths: new Map(own?.kind === 'sqlite' && seed !== undefined ? [[join(source, seed), own.path]] : []),
    postgres:
      own?.kind === 'postgres' ? findPostgres(own, source, config, lease, findPlaces(files, templates)) : undefined,
  }
}

/** What the project says wins over what its app's own port is, and that over the ports of services in their containers. */
function findPorts({ ports, compose }: Config, lease: Lease, appPort: string | undefined): Map<string, number> {
  const named = [
    ...composePortNames(compose.ports).map(({ name, containerPort }) => [String(containerPort), name] as const),
    ...(/^\d+$/.test(appPort ?? '') ? [[appPort ?? '', 'app'] as const] : []),
    ...Object.entries(ports.remap),
  ]
  return new Map(
    named.flatMap(([port, name]): [string, number][] => {
      const leased = lease.ports[name]
      return leased === undefined ? [] : [[port, leased]]
    }),
  )
}

function findPostgres(
  own: PostgresDatabase,
  source: string,
  config: Config,
  lease: Lease,
  places: readonly Place[],
): OwnPostgres {
  const test = databaseOf(lease, 'test')
  return {
    own: loginOf(own),
    test: test?.kind === 'postgres' ? loginOf(test) : undefined,
    mains: [...places, ...findServerPlaces(source, config)],
    isOnMainServer: own.on === 'server',
  }
}

function loginOf({ url }: PostgresDatabase): PostgresTarget {
  return targetOf(parseDatabaseUrl(url))
}

/** A server whose variable is set no more is named nowhere, and so can lead nobody astray. */
function findServerPlaces(source: string, config: Config): Place[] {
  const { database } = config
  if (database.provider !== 'postgres-server') return []
  try {
    const place = placeOf(requireServerUrl(source, config, database))
    return [place, ...(database.template === undefined ? [] : [{ ...place, database: database.template }])]
  } catch (error) {
    if (error instanceof IsolateError) return []
    throw error
  }
}

/** Where the keys lead in main's files that a template sets to the worktree's database. */
function findPlaces(
  files: ReadonlyMap<string, ReadonlyMap<string, string>>,
  templates: ReadonlyMap<string, string>,
): Place[] {
  const keys = [...templates.values()].flatMap(databaseKeys)
  const urls = [...files.values()].flatMap((values) => keys.map((key) => findDatabaseUrl(values.get(key) ?? '')))
  return urls.filter((url) => url !== undefined).map(placeOf)
}

function databaseKeys(template: string): string[] {
  return parseEnvStatements(template).flatMap(({ assignment }) => {
    const names = assignment === undefined ? [] : namesIn(parseReferences(assignment.body, { hasEscapes: true }))
    return assignment !== undefined && names.includes('AGENT_DATABASE_URL') ? [assignment.key] : []
  })
}

function readMain(source: string, inner: string): Map<string, string> {
  return readValues(readIfFile(join(source, inner)) ?? '')
}
