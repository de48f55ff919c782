/** How what a worktree has on shared servers is released. What reaches a server is loaded for that alone. */
import type { Kind } from '../ledger/kind.ts'
import { serviceShape, type ServiceResource } from './resources.ts'

export const serviceKind: Kind<ServiceResource> = {
  ...serviceShape,
  async undo(service, { lease, deadline }) {
    if (service.engine === 'redis') await (await import('./redis/numbers.ts')).releaseNumber(lease, service, deadline)
    if (service.engine === 'mysql') await (await import('./mysql/databases.ts')).dropOwn(lease, service, deadline)
  },
}
