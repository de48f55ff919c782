/** Numbers and databases on shared servers that carry the mark of this machine's ledger, and that no lease knows of. */
import { findRepository } from '../git/repository.ts'
import { resourcesOf } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import { loadLedger } from '../ledger/ledger.ts'
import { fillFromMain } from '../project/main-variables.ts'
import { loadProject } from '../project/project.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { serviceShape } from '../services/resources.ts'
import { parseServiceUrl, requireNear, serverOf, type ServiceUrl } from '../services/service-url.ts'

/** A server that can be asked for what is ours. */
export type SharedServer = { engine: 'redis' | 'mysql'; url: ServiceUrl; place: string }

/** Those that leases have used, and those that the trusted repository of `cwd` names; each once. */
export async function sharedServers(leases: readonly Lease[], cwd: string): Promise<SharedServer[]> {
  const used = leases
    .flatMap((lease) => resourcesOf(lease, serviceShape))
    .flatMap(({ engine, name, url = '' }) => serverFor(engine, name, url))
  const servers = [...used, ...(await configuredServers(cwd))]
  return [...new Map(servers.map((server) => [`${server.engine} ${server.place}`, server])).values()]
}

/** What was found there, and released unless `isDryRun`. Throws `IsolateError`. */
export async function collectOnSharedServer({ engine, url }: SharedServer, isDryRun: boolean): Promise<string[]> {
  if (engine === 'mysql')
    return (await import('../services/mysql/databases.ts')).collectDatabases(url, knownLeases, isDryRun)
  return (await import('../services/redis/numbers.ts')).collectNumbers(url, knownLeases, isDryRun)
}

/** Read after the server: a lease is always there before what it stands for. */
function knownLeases(): ReadonlySet<string> {
  return new Set(loadLedger().leases.map(({ id }) => id))
}

function serverFor(engine: string, name: string, text: string): SharedServer[] {
  if (engine !== 'redis' && engine !== 'mysql') return []
  const url = parseServiceUrl(engine, text, name)
  return [{ engine, url, place: serverOf(url) }]
}

/** None where the config cannot be read, or a URL not be made out, just now. */
async function configuredServers(cwd: string): Promise<SharedServer[]> {
  try {
    if ((await findRepository(cwd)) === undefined) return []
    const { repository, config, isTrusted } = await loadProject(cwd)
    if (!isTrusted) return []
    return Object.entries(config.services).flatMap(([name, service]) => {
      if (service.kind !== 'redis' && service.kind !== 'mysql') return []
      const text = fillFromMain(service.url, `"services.${name}.url"`, repository.source, config)
      const found = serverFor(service.kind, name, text)
      for (const { url } of found) requireNear(url, name, service)
      return found
    })
  } catch (error) {
    if (error instanceof IsolateError) return []
    throw error
  }
}
