/** A worktree's name-spaces on servers that checkouts share: made where they are missing. How they go is the teardown's business. */
import type { Lease } from '../ledger/lease.ts'
import { openLease, type OpenLease } from '../ledger/open-lease.ts'
import { fillFromMain } from '../project/main-variables.ts'
import type { Project } from '../project/project.ts'
import type { ServiceConfig } from '../project/services-config.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { ServiceRequest } from './request.ts'
import { ownName, prefixFor, servicesOf, type ServiceResource } from './resources.ts'
import { parseServiceUrl, requireNear, withPath } from './service-url.ts'

type Tools = Pick<ServiceRequest, 'reporter' | 'deadline'>

/**
 * `lease` with all that was written into it; `isNew` when a database was made that has no migrations yet. Throws `IsolateError`,
 * and `UnreachableError` where a server does not answer; what was made until then is in the lease.
 */
export async function provideServices(
  project: Project,
  lease: Lease,
  tools: Tools,
): Promise<{ lease: Lease; isNew: boolean }> {
  const wanted = Object.entries(project.config.services)
  const open = openLease(lease)
  let isNew = false
  const untrusted: string[] = []
  for (const [name, config] of wanted) {
    // A URL may carry a variable's value to any server.
    if (config.kind !== 'prefix' && !project.isTrusted) untrusted.push(name)
    else isNew = (await provide(project, name, config, open, tools)) || isNew
  }
  const undone = `nothing was set up for ${untrusted.join(', ')}`
  if (untrusted.length > 0) tools.reporter.warn(notTrusted(undone, 'agent-isolate.json', lease.worktree).text)
  return { lease: open.lease, isNew }
}

async function provide(
  project: Project,
  name: string,
  config: ServiceConfig,
  open: OpenLease,
  tools: Tools,
): Promise<boolean> {
  const { kind } = config
  if (kind === 'prefix') return note(open, { name, engine: kind, prefix: prefixFor(open.lease, kind) })
  const text = fillFromMain(config.url, `"services.${name}.url"`, project.repository.source, project.config)
  const url = parseServiceUrl(kind, text, name)
  const request = { name, config, url, open, ...tools }
  if (kind === 'redis' || kind === 'mysql') {
    requireNear(url, name, config)
    if (kind === 'redis') return (await import('./redis/numbers.ts')).provideNumber(request)
    return (await import('./mysql/databases.ts')).provideOwn(request)
  }
  return provideName(request, kind)
}

/** Nothing is asked of these servers: MongoDB makes a database with its first document, RabbitMQ wants its virtual host made. */
function provideName({ name, url, open, reporter }: ServiceRequest, engine: 'mongodb' | 'rabbitmq'): boolean {
  const own = ownName(url.path, open.lease)
  const isKnown = servicesOf(open.lease).some((one) => one.name === name && one.own === own)
  if (engine === 'rabbitmq' && !isKnown)
    reporter.info(
      `the virtual host ${own} is for "setup" to make: rabbitmqctl add_vhost "$AGENT_${name.toUpperCase()}_DB"`,
    )
  return note(open, { name, engine, url: withPath(url, own), own, prefix: prefixFor(open.lease, engine) })
}

/** Writes it down where that changes anything; what the lease has on a server of another kind is still to be released there. */
function note(open: OpenLease, found: Omit<ServiceResource, 'kind'>): false {
  const known = servicesOf(open.lease).find(({ name }) => name === found.name)
  if (known?.url === found.url && known?.prefix === found.prefix) return false
  open.add({ kind: 'service', ...found }, (one) => one === known && one.engine === found.engine)
  return false
}
