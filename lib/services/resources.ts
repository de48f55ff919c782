/** What a worktree has on shared servers, as the ledger has it, and what templates are told of it. */
import type { EnvVariables } from '../env-text/references.ts'
import { isText, isTextOrMissing } from '../files/json.ts'
import { slugOf } from '../git/worktree-name.ts'
import { resourcesOf, type Shape } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import type { ServiceKind, Services } from '../project/services-config.ts'

export type ServiceResource = {
  kind: 'service'
  /** As in the config. */
  name: string
  engine: ServiceKind
  /** For the worktree, with user and password; none of a prefix. */
  url?: string
  /** What it has there: the number of a Redis database, the name of a database or a virtual host. None: a prefix alone. */
  own?: string
  prefix: string
  /** It is whole, and ours: before that nothing in it is released. */
  isMade?: true
}

const engines: readonly string[] = ['redis', 'mysql', 'mongodb', 'rabbitmq', 'prefix'] satisfies ServiceKind[]

export const serviceShape: Shape<ServiceResource> = {
  kind: 'service',
  where: 'elsewhere',
  is: (resource): resource is ServiceResource =>
    resource.kind === 'service' &&
    [resource['name'], resource['prefix'], resource['engine']].every(isText) &&
    engines.includes(String(resource['engine'])) &&
    isTextOrMissing(resource['url']) &&
    isTextOrMissing(resource['own']),
  describe: ({ name, engine, own }) => (own === undefined ? `the prefix for ${name}` : `the ${engine} database ${own}`),
}

/** Those that hold today, one for each name. */
export function servicesOf(lease: Pick<Lease, 'resources'>): ServiceResource[] {
  return [...new Map(resourcesOf(lease, serviceShape).map((one) => [one.name, one])).values()]
}

/** Begins whatever the worktree names on a server. With a part of the lease's id: names repeat among repositories, and in time. */
export function prefixFor({ name, id }: Pick<Lease, 'name' | 'id'>, kind: ServiceKind): string {
  return `${slugOf(name).slice(0, 24)}-${id.slice(0, 6)}${kind === 'redis' ? ':' : '-'}`
}

/** `app` becomes `app_feature_1_0a1b2c`: MongoDB takes 63 characters. */
export function ownName(base: string, lease: Pick<Lease, 'name' | 'id'>): string {
  return `${base.slice(0, 30) || 'app'}_${prefixFor(lease, 'prefix').slice(0, -1).replaceAll('-', '_')}`
}

/** `AGENT_REDIS_URL`, `_DB`, `_PREFIX` for "redis". What is configured and not there is known, and empty. */
export function serviceVariables(services: Services, lease: Pick<Lease, 'resources'>): EnvVariables {
  return Object.fromEntries([
    ...Object.keys(services).flatMap((name) => variablesFor(name)),
    ...servicesOf(lease).flatMap((one) => variablesFor(one.name, one)),
  ])
}

function variablesFor(name: string, found?: ServiceResource): [string, string | undefined][] {
  const start = `AGENT_${name.toUpperCase()}`
  return [
    [`${start}_URL`, found?.url],
    [`${start}_DB`, found?.own],
    [`${start}_PREFIX`, found?.prefix],
  ]
}
