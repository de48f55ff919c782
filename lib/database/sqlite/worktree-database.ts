/**
 * A worktree's SQLite files: how they come to be, how they are put back to their seed, and how they go. Nothing here reaches
 * a file outside the worktree, whatever symlinks lead to one.
 */
import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { createStaging, removeStaging, sweepStaging, type StagingPlace } from '../../dependencies/staging.ts'
import { findEntry, isWithin, leadsInside, requireWritablePath } from '../../files/inner-path.ts'
import { findOddity } from '../../files/read-if-any.ts'
import { makeSelfIgnoringFolder, removeSelfIgnoringFolder } from '../../files/self-ignoring-folder.ts'
import { ownGitFolder } from '../../git/linked-git-dir.ts'
import type { Lease } from '../../ledger/lease.ts'
import type { Project } from '../../project/project.ts'
import { sqliteFiles, type SqliteConfig, type SqliteFile } from '../../project/sqlite-config.ts'
import { errorCode, IsolateError } from '../../report/isolate-error.ts'
import { notTrusted } from '../../report/not-trusted.ts'
import type { Reporter } from '../../report/reporter.ts'
import type { DatabasePurpose } from '../purpose.ts'
import { cannotBeMade, type DatabasePlace } from './database-file.ts'
import { createDatabaseFromSql } from './run-sql.ts'
import { snapshotDatabase, sqliteSideFiles } from './snapshot.ts'

/** The folder in a worktree that is ours, unless configured otherwise. */
const ownFolderName = '.agent-isolate'

/** One that `existed` (git has checked it out) stays. `isTest`: the second one, for tests; `isFurther`: one beside the first. */
export type SqliteResource = { kind: 'sqlite'; inner: string; existed: boolean; isTest?: true; isFurther?: true }

/** The path in the worktree of the database for that purpose: `dev.db`, and beside it `dev-test.db`. */
export function sqlitePath({ path }: Pick<SqliteConfig, 'path'>, purpose: DatabasePurpose): string {
  if (purpose === 'development') return path
  const type = extname(path)
  return `${path.slice(0, path.length - type.length)}-test${type}`
}

/**
 * Makes the database where it is not there yet: a snapshot of the seed, or, without one, nothing but its folder (a
 * migration, or the first connection, makes the file).
 */
export async function createSqlite(
  project: Project,
  lease: Lease,
  resource: SqliteResource,
  reporter: Reporter,
): Promise<void> {
  const { inner } = resource
  requireOutsideDependencies(inner)
  const target = requireWritablePath(lease.worktree, inner)
  const place = placeOf(lease.worktree, target)
  sweepStaging(place)
  if (existsSync(target)) return
  if (basename(dirname(target)) === ownFolderName) makeSelfIgnoringFolder(dirname(target))
  const seed = findSeed(project, resource, reporter)
  if (seed === undefined) return
  if (needsTrust(project, seed)) reporter.warn(notTrusted(`${seed} was not run`, 'it', lease.worktree).text)
  else await growFromSeed(project, seed, place, reporter)
}

/**
 * Throws away what the database holds and seeds it again. Programs that have it open must open it anew. Throws
 * `IsolateError`, and leaves all as it is, when it was there before us and has no seed, or lies behind a symlink that
 * leads out of the worktree.
 */
export async function resetSqlite(
  project: Project,
  lease: Lease,
  resource: SqliteResource,
  reporter: Reporter,
): Promise<void> {
  const { inner, existed } = resource
  const path = join(lease.worktree, inner)
  requireInWorktree(lease.worktree, inner)
  const seed = findSeed(project, resource, reporter)
  if (seed !== undefined && needsTrust(project, seed)) {
    const untrusted = notTrusted(`${seed} was not run`, 'it')
    throw new IsolateError(untrusted.message, untrusted)
  }
  if (seed === undefined && existed) {
    throw new IsolateError(`${path} has no seed: it was there before agent-isolate, and is not removed`, {
      hint: `If git tracks it: git restore -- ${inner}; or set "database.seed" in agent-isolate.json.`,
    })
  }
  const place = placeOf(lease.worktree, requireWritablePath(lease.worktree, inner))
  sweepStaging(place)
  if (seed !== undefined) await growFromSeed(project, seed, place, reporter)
  else for (const file of findDatabaseFiles(path)) rmSync(file, { force: true })
}

/**
 * Removes the file and what SQLite keeps beside it, and our own folder when nothing else is in it. A symlink goes, what it
 * leads to stays; behind a folder that leads out of the worktree nothing is touched, with a warning. Safe to repeat, and
 * when the worktree is gone. `worktree` is a real path.
 */
export function removeSqlite(worktree: string, inner: string, reporter: Reporter): void {
  const path = join(worktree, inner)
  const files = findDatabaseFiles(path)
  if (!leadsInside(worktree, inner)) {
    if (files.length > 0) reporter.warn(`${path} is left alone: ${behindSymlink(worktree)}`)
    return
  }
  for (const file of files) rmSync(file, { force: true })
  const folder = dirname(path)
  if (existsSync(folder) && existsSync(join(worktree, '.git'))) sweepStaging(placeOf(worktree, path))
  if (basename(folder) === ownFolderName && isFolder(folder)) removeSelfIgnoringFolder(folder)
}

/** Those that are there. A folder of such a name is nobody's database. */
function findDatabaseFiles(path: string): string[] {
  return [path, ...sqliteSideFiles(path)].filter((file) => findEntry(file)?.isDirectory() === false)
}

function isFolder(path: string): boolean {
  return findEntry(path)?.isDirectory() ?? false
}

function requireInWorktree(worktree: string, inner: string): void {
  if (leadsInside(worktree, inner)) return
  throw new IsolateError(`the database ${join(worktree, inner)} is left alone: ${behindSymlink(worktree)}`, {
    hint: 'Put a folder in the place of the symlink, then try again.',
  })
}

function behindSymlink(worktree: string): string {
  return `a symlink on the way to it leads out of ${worktree}`
}

/** A dependency folder is taken over as a whole, which it cannot be once there is a database in it. */
function requireOutsideDependencies(inner: string): void {
  const folder = inner.split('/').find((segment) => ['node_modules', '.venv', 'venv'].includes(segment))
  if (folder === undefined) return
  throw new IsolateError(`the database cannot lie in ${folder}: ${inner}`, {
    hint: 'Choose another "database.path" in agent-isolate.json.',
  })
}

/** The configured seed, which must exist, or else the main checkout's own database, if it has one. */
function findSeed({ repository, config }: Project, resource: SqliteResource, reporter: Reporter): string | undefined {
  if (config.database.provider !== 'sqlite' || repository.source === undefined) return undefined
  const database = fileOf(config.database, resource)
  const path = join(repository.source, database.seed ?? database.path)
  const oddity = findOddity(path)
  if (oddity !== undefined && database.seed === undefined) {
    reporter.warn(`the database starts without a seed: ${path} is ${oddity}, not a file`)
    return undefined
  }
  if (oddity !== undefined) {
    throw new IsolateError(`the database seed ${path} is ${oddity}, not a file`, {
      hint: 'Put a file there, or take "database.seed" out of agent-isolate.json.',
    })
  }
  if (existsSync(path)) return requireInside(repository.source, path)
  if (database.seed === undefined) return undefined
  throw new IsolateError(`the database seed ${path} does not exist`, {
    hint: 'Make it, or take "database.seed" out of agent-isolate.json.',
  })
}

/** What the config says of it; where that names it no more, the same path. */
function fileOf(config: SqliteConfig, { inner, isFurther }: SqliteResource): SqliteFile {
  const named = sqliteFiles(config).find(({ path }) => path === inner)
  return named ?? (isFurther ? { path: inner, seed: undefined } : config)
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

/** A process that is killed must not leave an untracked file, which a removal takes for work: it grows where git does not see it. */
async function growFromSeed(project: Project, seed: string, place: Place, reporter: Reporter): Promise<void> {
  mkdirSync(place.gitFolder, { recursive: true })
  const temporaryFolder = requireStaging(place)
  try {
    await copySeed(project, seed, { target: place.path, temporaryFolder }, reporter)
  } finally {
    removeStaging(temporaryFolder)
  }
}

type Place = StagingPlace & { path: string }

/** The folder of `path` exists. */
function placeOf(worktree: string, path: string): Place {
  return { path, gitFolder: ownGitFolder(worktree), target: realpathSync(dirname(path)) }
}

function requireStaging(place: Place): string {
  try {
    return createStaging(place)
  } catch (error) {
    throw errorCode(error) === undefined ? error : cannotBeMade(place.path, error)
  }
}

async function copySeed(project: Project, seed: string, files: DatabasePlace, reporter: Reporter): Promise<void> {
  const { repository, isTrusted } = project
  // A driver is code: one from the repository's node_modules is loaded only where the repository is trusted.
  const packageRoots = isTrusted && repository.source !== undefined ? [repository.source] : []
  if (extname(seed) === '.sql') {
    await createDatabaseFromSql({ script: seed, ...files, packageRoots, reporter })
    reporter.info(`database: made from ${seed}`)
    return
  }
  const { engine, bytes } = await snapshotDatabase({ source: seed, ...files, packageRoots, reporter })
  reporter.info(`database: a snapshot of ${seed} (${(bytes / 1e6).toFixed(1)} MB, ${engine})`)
}
