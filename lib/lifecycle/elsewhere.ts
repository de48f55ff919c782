/**
 * All that is made on container engines and servers. Loaded as one, and only for a worktree that has something there
 * (`await import('./elsewhere.ts')`): the others need not wait for it to be read.
 */
export { removeComposeProject } from '../compose/project.ts'
export { writeComposeOverride } from '../compose/override.ts'
export { removeLeaseContainer } from '../database/postgres/container/container.ts'
export { hasDatabase } from '../database/postgres/client/has-database.ts'
export { removePostgres } from '../database/postgres/remove-database.ts'
export { findSeed } from '../database/postgres/seed.ts'
export { releaseSharedContainer, removeUnclaimed } from '../database/postgres/container/shared-container.ts'
export { provideInContainer } from '../database/postgres/worktree-container.ts'
export { provideOnServer } from '../database/postgres/worktree-server.ts'
