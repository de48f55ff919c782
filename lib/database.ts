/** A worktree's own database: where it is, how it comes to be, and how it is put back to its seed. */
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import type { DatabaseConfig } from './config.ts'
import { isWithin, requireWritablePath } from './inner-path.ts'
import { IsolateError } from './isolate-error.ts'
import { databaseOf, findResource, type Database, type Lease } from './lease.ts'
import type { Project } from './project.ts'
import type { Reporter } from './reporter.ts'
import { makeSelfIgnoringFolder } from './self-ignoring-folder.ts'
import { createDatabaseFromSql } from './sqlite/run-sql.ts'
import { snapshotDatabase, sqliteSideFiles } from './sqlite/snapshot.ts'

/** The folder in a worktree that is ours, unless configured otherwise. */
export const ownFolderName = '.agent-isolate'

/**
 * Makes the database where it is not there yet: a snapshot of the seed, or, without one, nothing but its folder (a
 * migration, or the first connection, makes the file).
 */
export async function createDatabase(project: Project, lease: Lease, reporter: Reporter): Promise<void> {
  const resource = findResource(lease, 'sqlite')
  if (resource === undefined) return
  const target = requireWritablePath(lease.worktree, resource.inner)
  if (existsSync(target)) return
  if (basename(dirname(target)) === ownFolderName) makeSelfIgnoringFolder(dirname(target))
  const seed = findSeed(project)
  if (seed === undefined) return
  if (needsTrust(project, seed)) reporter.warn(`${untrustedSeed(seed)} Read it, then: agent-isolate trust`)
  else await copySeed(project, seed, target, reporter)
}

/** Throws away what the database holds and seeds it again. Programs that have it open must open it anew. */
export async function resetDatabase(project: Project, lease: Lease, reporter: Reporter): Promise<Database> {
  const database = databaseOf(lease)
  if (database === undefined)
    throw new IsolateError(`${lease.worktree} has no database`, { hint: 'See "database" in agent-isolate.json.' })
  const seed = findSeed(project)
  if (seed !== undefined && needsTrust(project, seed)) {
    throw new IsolateError(untrustedSeed(seed), { hint: 'Read it, then: agent-isolate trust' })
  }
  if (seed === undefined)
    for (const file of [database.path, ...sqliteSideFiles(database.path)]) rmSync(file, { force: true })
  else await copySeed(project, seed, database.path, reporter)
  return database
}

/** The configured seed, which must exist, or else the main checkout's own database, if it has one. */
function findSeed({ repository, config }: Project): string | undefined {
  const { database }: { database: DatabaseConfig } = config
  if (database.provider !== 'sqlite' || repository.source === undefined) return undefined
  const path = join(repository.source, database.seed ?? database.path)
  if (existsSync(path)) return requireInside(repository.source, path)
  if (database.seed === undefined) return undefined
  throw new IsolateError(`the database seed ${path} does not exist`, {
    hint: 'Make it, or take "database.seed" out of agent-isolate.json.',
  })
}

function requireInside(source: string, path: string): string {
  const real = realpathSync(path)
  if (isWithin(source, real)) return real
  throw new IsolateError(`the database ${path} is a link to ${real}, outside the repository`, {
    hint: 'Set "database.path" or "database.seed" in agent-isolate.json to a file inside it.',
  })
}

/** SQL can attach, and so write, any file of the user's: it is a command like those of a set-up. */
function needsTrust({ isTrusted }: Project, seed: string): boolean {
  return extname(seed) === '.sql' && !isTrusted
}

function untrustedSeed(seed: string): string {
  return `${seed} was not run: this repository is not trusted.`
}

async function copySeed(project: Project, seed: string, target: string, reporter: Reporter): Promise<void> {
  const { repository, isTrusted } = project
  // A driver is code: one from the repository's node_modules is loaded only where the repository is trusted.
  const packageRoots = isTrusted && repository.source !== undefined ? [repository.source] : []
  if (extname(seed) === '.sql') {
    await createDatabaseFromSql({ script: seed, target, packageRoots, reporter })
    reporter.info(`database: made from ${seed}`)
    return
  }
  const { engine, bytes } = await snapshotDatabase({ source: seed, target, packageRoots, reporter })
  reporter.info(`database: a snapshot of ${seed} (${(bytes / 1e6).toFixed(1)} MB, ${engine})`)
}
