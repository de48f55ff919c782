/**
 * All that is made on container engines and servers. Loaded as one, and only for a worktree that has something there
 * (`await import('./elsewhere.ts')`): the others need not wait for it to be read.
 */
export { removeComposeProject } from './compose/project.ts'
export { writeComposeOverride } from './compose/override.ts'
export { removeLeaseContainer } from './postgres/container.ts'
export { hasDatabase } from './postgres/has-database.ts'
export { removePostgres } from './postgres/remove-database.ts'
export { findSeed } from './postgres/seed.ts'
export { releaseSharedContainer, removeUnclaimed } from './postgres/shared-container.ts'
export { provideInContainer } from './postgres/worktree-container.ts'
export { provideOnServer } from './postgres/worktree-server.ts'
