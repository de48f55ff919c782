/** What worktrees hold on PostgreSQL servers, as the ledger has it: databases, containers of their own, claims on the one that they share. */
import { isEngine, type Engine } from '../../docker/engine.ts'
import { isObject, isText, isTextOrMissing } from '../../files/json.ts'
import { resourceOf, type Shape } from '../../ledger/kind.ts'
import type { Lease } from '../../ledger/lease.ts'
import { parseDatabaseUrl } from './client/database-url.ts'

/** A container of the lease's own with all that it holds, its named `volume` included. Its port is one of the lease's. */
export type ContainerResource = {
  kind: 'container'
  name: string
  engine: Engine
  volume?: string
  server: ServerLogin
  /** The database that the image was told to make. */
  database: string
  /** Hash of the settings that it was made with: they hold for its life. */
  settings: string
}

/** How to log in to a server, from this machine. `user` is one that may make databases. */
export type ServerLogin = { host: string; port: number; user: string; password: string }

export const containerShape: Shape<ContainerResource> = {
  kind: 'container',
  where: 'elsewhere',
  is: (resource): resource is ContainerResource =>
    resource.kind === 'container' &&
    [resource['name'], resource['database'], resource['settings']].every(isText) &&
    isTextOrMissing(resource['volume']) &&
    isEngine(resource['engine']) &&
    isServerLogin(resource['server']),
  describe: ({ name }) => `the container ${name}`,
  ports: ({ server }) => [server.port],
}

/** A claim on the repository's container, which goes with the last claim. */
export type SharedContainerResource = { kind: 'shared-container' }

export const sharedContainerShape: Shape<SharedContainerResource> = {
  kind: 'shared-container',
  where: 'elsewhere',
  is: (resource): resource is SharedContainerResource => resource.kind === 'shared-container',
  describe: () => 'the claim on the shared container',
}

/** Whether a worktree of the repository has a claim on what all of them share. */
export function hasClaim(
  { commonDir, repositoryId }: Pick<Lease, 'commonDir' | 'repositoryId'>,
  leases: readonly Lease[],
): boolean {
  const isOfSame = (one: Lease): boolean =>
    one.commonDir === commonDir &&
    (one.repositoryId === repositoryId || one.repositoryId === undefined || repositoryId === undefined)
  return leases.some((one) => isOfSame(one) && resourceOf(one, sharedContainerShape) !== undefined)
}

/** A database on a server. */
export type PostgresResource = {
  kind: 'postgres'
  /** `template`: what is being made for others to be cloned from, and handed over once it is whole. */
  purpose: (typeof purposes)[number]
  /** With user, password and the database's name. */
  url: string
  /** Whose server it is. Databases in a container of the lease's own go with it. */
  on: (typeof serverKinds)[number]
  /** The database of that server to be connected to while this one is made or dropped. */
  maintenance: string
  /** Set once it is whole: from then on what is in it is somebody's work, whatever becomes of its comment. */
  isMade?: true
}

const purposes = ['development', 'test', 'template'] as const
const serverKinds = ['own container', 'shared container', 'server'] as const

export const postgresShape: Shape<PostgresResource> = {
  kind: 'postgres',
  where: 'elsewhere',
  is: (resource): resource is PostgresResource =>
    resource.kind === 'postgres' &&
    [resource['url'], resource['maintenance']].every(isText) &&
    purposes.some((purpose) => purpose === resource['purpose']) &&
    serverKinds.some((kind) => kind === resource['on']),
  describe: ({ url }) => `the database ${parseDatabaseUrl(url).database ?? ''}`,
}

function isServerLogin(value: unknown): value is ServerLogin {
  return (
    isObject(value) &&
    [value['host'], value['user'], value['password']].every(isText) &&
    typeof value['port'] === 'number'
  )
}
