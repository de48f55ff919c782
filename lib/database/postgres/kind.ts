/** How databases, containers and claims on a shared one are released. What reaches engines and servers is loaded for that alone. */
import type { Kind } from '../../ledger/kind.ts'
import {
  containerShape,
  postgresShape,
  sharedContainerShape,
  type ContainerResource,
  type PostgresResource,
  type SharedContainerResource,
} from './resources.ts'

export const containerKind: Kind<ContainerResource> = {
  ...containerShape,
  async undo(container, { lease, deadline }) {
    await (await import('./container/container.ts')).removeLeaseContainer(lease, container, deadline)
  },
}

export const sharedContainerKind: Kind<SharedContainerResource> = {
  ...sharedContainerShape,
  async undo(_, undoing) {
    await (await import('./container/shared-container.ts')).releaseSharedContainer(undoing.lease, undoing)
  },
}

export const postgresKind: Kind<PostgresResource> = {
  ...postgresShape,
  async undo(database, { lease, deadline }) {
    await (await import('./remove-database.ts')).removePostgres(lease, database, deadline)
  },
}
