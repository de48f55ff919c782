/** postgres-server: a worktree's databases on a server that is there anyway. Another machine may use the same one. */
import type { OpenLease } from '../../ledger/open-lease.ts'
import type { Resource } from '../../ledger/resource.ts'
import type { PostgresServerConfig } from '../../project/config.ts'
import type { Project } from '../../project/project.ts'
import type { Deadline } from '../../report/deadline.ts'
import type { Reporter } from '../../report/reporter.ts'
import type { DatabasePurpose } from '../purpose.ts'
import { targetOf, withDatabase } from './client/database-url.ts'
import type { PostgresResource } from './resources.ts'
import { requireTemplate } from './server/private-template.ts'
import { requireServerUrl } from './server/server-url.ts'
import { requireDatabases, uniqueDatabaseName } from './server/worktree-databases.ts'

export type ProvideOptions = { reset: readonly DatabasePurpose[]; reporter: Reporter; deadline: Deadline }

/** Makes what is missing. Returns what that was. Throws `IsolateError`; what was made until then is in the lease. */
export async function provideOnServer(
  project: Project,
  config: PostgresServerConfig,
  open: OpenLease,
  { reset, reporter, deadline }: ProvideOptions,
): Promise<DatabasePurpose[]> {
  const url = requireServerUrl(project.repository.source, project.config, config)
  const source = config.template ?? targetOf(url).database
  const target = { ...targetOf(url), database: config.maintenance }
  const draftName = `agent_template_${open.lease.id}`
  const draft: PostgresResource = {
    kind: 'postgres',
    purpose: 'template',
    url: withDatabase(url, draftName),
    on: 'server',
    maintenance: config.maintenance,
  }
  return requireDatabases({
    open,
    on: 'server',
    target,
    names: {
      development: uniqueDatabaseName(open.lease, false),
      ...(config.hasTest ? { test: uniqueDatabaseName(open.lease, true) } : {}),
    },
    renderUrl: (name) => withDatabase(url, name),
    chooseTemplate: async (server) => {
      const claim = (): void => open.add(draft, isDraft)
      const template = await requireTemplate(server, { source, draft: { name: draftName, claim }, reporter })
      if (open.lease.resources.some(isDraft)) open.remove(isDraft)
      return template
    },
    reset,
    deadline,
  })
}

function isDraft(resource: Resource): boolean {
  return resource.kind === 'postgres' && resource.purpose === 'template'
}
