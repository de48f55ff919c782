/** A worktree that might be: for the template it counts which names have a value. */
import type { Resource } from '../lib/ledger/resource.ts'
import { composePortNames } from '../lib/project/compose-ports.ts'
import type { DatabaseConfig } from '../lib/project/config.ts'
import type { Services } from '../lib/project/services-config.ts'
import type { ServiceResource } from '../lib/services/resources.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { assignPorts } from '../lib/ledger/ports.ts'
import { ownIdentity } from '../lib/processes/process-identity.ts'
import { sqlitePath } from '../lib/database/sqlite/worktree-database.ts'
import { findPortNames } from '../lib/env-text/template.ts'
import type { Context } from './check.ts'

export function sampleLease({ root, project, template }: Context): Lease {
  const { config, repository } = project
  const block = Math.ceil(config.ports.range[0] / 10) * 10
  const services = composePortNames(config.compose.ports).map(({ name }) => name)
  const names = new Set([...config.ports.names, ...services, ...findPortNames(template ?? '')])
  return {
    id: '0'.repeat(16),
    block,
    ports: assignPorts(
      block,
      [...names].filter((name) => name !== 'app'),
    ),
    worktree: root,
    commonDir: repository.commonDir,
    root: repository.root,
    name: 'sample',
    branch: 'sample',
    state: 'ready',
    maker: ownIdentity(),
    resources: [...sampleDatabases(config.database), ...sampleServices(config.services)],
    createdAt: new Date(0).toISOString(),
  }
}

function sampleServices(services: Services): ServiceResource[] {
  return Object.entries(services).map(([name, { kind }]) => {
    const place = kind === 'prefix' ? {} : { url: `${kind}://127.0.0.1/sample`, own: 'sample' }
    return { kind: 'service', name, engine: kind, prefix: 'sample-', ...place }
  })
}

function sampleDatabases(database: DatabaseConfig): Resource[] {
  if (database.provider === 'none') return []
  const purposes = database.hasTest ? (['development', 'test'] as const) : (['development'] as const)
  return purposes.map((purpose): Resource => {
    if (database.provider === 'sqlite') {
      const isTest = purpose === 'test' ? { isTest: true as const } : {}
      return { kind: 'sqlite', inner: sqlitePath(database, purpose), existed: false, ...isTest }
    }
    const url = `postgresql://sample:sample@127.0.0.1:5432/${purpose}`
    return { kind: 'postgres', purpose, url, on: 'server', maintenance: 'postgres' }
  })
}
