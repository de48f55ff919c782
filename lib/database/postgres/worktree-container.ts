/** postgres-docker: a worktree's databases in a container, its own or its repository's. */
import type { Lease } from '../../ledger/lease.ts'
import type { OpenLease } from '../../ledger/open-lease.ts'
import type { PostgresDockerConfig } from '../../project/config.ts'
import type { Project } from '../../project/project.ts'
import { findSeed } from '../../project/seed.ts'
import type { DatabasePurpose } from '../purpose.ts'
import { renderDatabaseUrl } from './client/database-url.ts'
import { requireContainerTemplate } from './container/container-template.ts'
import { maintenanceDatabase, requireContainer, targetIn, warnOfOldSettings } from './container/container.ts'
import { requireSharedContainer } from './container/shared-container.ts'
import type { PostgresResource } from './resources.ts'
import { requireDatabases, uniqueDatabaseName } from './server/worktree-databases.ts'
import type { ProvideOptions } from './worktree-server.ts'

export type ContainerOptions = ProvideOptions & {
  /** Runs a seed's command in the worktree, with the environment that the lease gives. Throws `IsolateError`. */
  runSeedCommand: (command: string, lease: Lease) => Promise<void>
}

/** Makes what is missing, starts what has stopped. Returns what was made. Throws `IsolateError`; what was made until then is in the lease. */
export async function provideInContainer(
  project: Project,
  config: PostgresDockerConfig,
  open: OpenLease,
  options: ContainerOptions,
): Promise<DatabasePurpose[]> {
  const { reset, reporter, deadline, runSeedCommand } = options
  const place = { folder: open.lease.worktree, reporter, deadline }
  const seed = findSeed(project.repository.source, config)
  const isOwn = config.isolation === 'container'
  const container = isOwn
    ? await requireContainer(config, open, place)
    : await requireSharedContainer(project, config, open, place)
  const on = isOwn ? 'own container' : 'shared container'
  const maintenance = maintenanceDatabase(container)
  warnOfOldSettings(container, config, reporter)
  // Not "disable", which not every driver takes from a URL; without a word they all try what the server offers.
  const renderUrl = (name: string): string => renderDatabaseUrl({ ...targetIn(container.server, name), ssl: 'prefer' })
  const runCommand = (command: string, database: string): Promise<void> =>
    runSeedCommand(command, withDevelopment(open.lease, { on, maintenance, url: renderUrl(database) }))
  return requireDatabases({
    open,
    on,
    target: targetIn(container.server, maintenance),
    names: namesFor(config, open.lease),
    renderUrl,
    chooseTemplate: (server) => requireContainerTemplate(server, { container, seed, runCommand, ...place }),
    reset,
    deadline,
  })
}

function namesFor(
  { isolation, name, hasTest }: PostgresDockerConfig,
  lease: Lease,
): { development: string; test?: string } {
  const nameOf = (isTest: boolean): string =>
    isolation === 'container' ? `${name}${isTest ? '_test' : ''}` : uniqueDatabaseName(lease, isTest)
  return { development: nameOf(false), ...(hasTest ? { test: nameOf(true) } : {}) }
}

/** The lease as if that were the worktree's database. */
function withDevelopment(lease: Lease, database: Pick<PostgresResource, 'on' | 'maintenance' | 'url'>): Lease {
  return { ...lease, resources: [...lease.resources, { kind: 'postgres', purpose: 'development', ...database }] }
}
