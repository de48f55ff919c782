/**
 * Copies files from the main checkout to the same places in a worktree. Nothing that is there is overwritten, nothing from
 * outside the main checkout gets in, nothing outside the worktree is written, and a file has its name only when it is whole.
 */
import { chmodSync, constants, copyFileSync, linkSync, lstatSync, mkdirSync, readFileSync } from 'node:fs'
import {
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { isAbsolute, join, posix, relative, resolve } from 'node:path'
import { findFingerprint, fingerprintOf, loadManifest, memoryLimit, saveManifest } from './manifest.ts'
import { createStaging, removeStaging } from '../dependencies/staging.ts'
import { isSqliteFile } from '../database/sqlite/database-file.ts'
import { findEntry, isWithin } from '../files/inner-path.ts'
import { errorCode, errorText, IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'

/** `path` is relative to the worktree, with `/`; `fingerprint` as in the manifest. */
export type CopiedFile = { path: string; fingerprint: string }

export type CopyOptions = {
  /** The main checkout. Real path, as `worktree`. */
  source: string
  worktree: string
  /** Our folder in the worktree's git folder: manifest, and unfinished copies, which never appear in the worktree. */
  gitFolder: string
  /** Files and symlinks, relative, with `/`. */
  paths: readonly string[]
  /** What a file becomes on the way, where it is not to stay as it is; files of `memoryLimit` at most are asked about. */
  rewrite?: (path: string, content: Buffer) => Buffer
  reporter: Reporter
}

/**
 * Copies, keeping modes and symlinks. The manifest names every copy before it appears. A file that vanishes meanwhile is
 * passed over; one that can't be read, a symlink that leads out, a folder that is something else in the worktree: a warning.
 */
export async function copyIntoWorktree(options: CopyOptions): Promise<CopiedFile[]> {
  const { worktree, gitFolder, reporter } = options
  const paths = options.paths.filter((path) => isFree(worktree, path, reporter))
  if (paths.length === 0) return []
  mkdirSync(gitFolder, { recursive: true })
  const staging = createStaging({ gitFolder, target: worktree })
  try {
    const staged: CopiedFile[] = []
    for (const path of paths) {
      const fingerprint = await stage(options, path, staging)
      if (fingerprint !== undefined) staged.push({ path, fingerprint })
    }
    const entries = staged.map(({ path, fingerprint }): [string, string] => [path, fingerprint])
    saveManifest(gitFolder, new Map([...loadManifest(gitFolder), ...entries]))
    return placeAll(options, staged, staging)
  } finally {
    removeStaging(staging)
  }
}

/** True when nothing is at `path`, and its folders are folders or missing. A broken symlink is something. */
function isFree(worktree: string, path: string, reporter: Reporter): boolean {
  const segments = path.split('/')
  for (let depth = 1; depth < segments.length; depth++) {
    const folder = segments.slice(0, depth).join('/')
    const status = lstatSync(join(worktree, folder), { throwIfNoEntry: false })
    if (status === undefined) return true
    if (status.isDirectory()) continue
    reporter.warn(`${show(path)} is not copied: ${show(folder)} is not a folder in the worktree`)
    return false
  }
  return findEntry(join(worktree, path)) === undefined
}

/** Makes the copy at its path in the staging folder. Returns its fingerprint; undefined where there is nothing to be copied. */
async function stage(
  { source, worktree, rewrite = (_, content) => content, reporter }: CopyOptions,
  path: string,
  staging: string,
): Promise<string | undefined> {
  const [from, to] = [join(source, path), join(staging, path)]
  try {
    const status = lstatSync(from)
    if (status.isSymbolicLink()) {
      const link = planLink(source, worktree, path, readlinkSync(from))
      if (link === undefined || !endsInside(source, from)) {
        reporter.warn(`${show(path)} is not copied: it is a symlink that leads out of the repository`)
        return undefined
      }
      makeFolders(source, staging, posix.dirname(path))
      symlinkSync(link, to)
      return `link:${link}`
    }
    if (!status.isFile()) return undefined
    makeFolders(source, staging, posix.dirname(path))
    // What is only in its write-ahead log would be lost, and a copy while somebody writes be torn. Of whole pages it is always.
    const isDatabase = status.size % smallestPage === 0 && isSqliteFile(from)
    if (isDatabase) return await copyDatabase(from, to, status, reporter)
    return await copyWhole(from, to, status, (content) => rewrite(path, content))
  } catch (error) {
    rmSync(to, { force: true })
    return passOver(path, error, reporter)
  }
}

/** Bytes of a SQLite database (sqlite.org/fileformat2.html): most other files need not be opened to be told from one. */
const smallestPage = 512

/** As it was between two transactions. Drivers that the repository brings are not asked: the machine's own will do. */
async function copyDatabase(from: string, file: string, { mode }: Stats, reporter: Reporter): Promise<string> {
  const { snapshotDatabase } = await import('../database/sqlite/snapshot.ts')
  await snapshotDatabase({ source: from, target: file, packageRoots: [], reporter })
  chmodSync(file, mode & 0o777)
  return findFingerprint(file) ?? ''
}

/** Copies content and mode. Returns the fingerprint of what was copied, whatever happens to the original meanwhile. */
async function copyWhole(
  from: string,
  file: string,
  { size, mode }: Stats,
  rewrite: (content: Buffer) => Buffer,
): Promise<string> {
  if (size > memoryLimit) {
    await copyFile(from, file, constants.COPYFILE_FICLONE)
    return findFingerprint(file) ?? ''
  }
  const content = rewrite(readFileSync(from))
  writeFileSync(file, content, { mode: 0o600 })
  chmodSync(file, mode & 0o777)
  return fingerprintOf(content)
}

/** The main checkout is lived in: files come and go, and some are not for us. A full disk is an error. */
function passOver(path: string, error: unknown, reporter: Reporter): undefined {
  const code = errorCode(error instanceof IsolateError ? error.cause : error)
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    // git's output is decoded as UTF-8; a name that is not can't be found again.
    if (path.includes('\uFFFD')) reporter.warn(`${show(path)} is not copied: its name is not UTF-8`)
    return undefined
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const hint = 'The disk is full: free some space and try again.'
    throw new IsolateError(`${show(path)} cannot be copied: ${errorText(error)}`, { hint, cause: error })
  }
  if (code === undefined && !(error instanceof IsolateError)) throw error
  reporter.warn(`${show(path)} is not copied: ${errorText(error)}`)
  return undefined
}

/** The text of a symlink's copy; undefined when the target, as text, lies outside the main checkout. Pure. */
export function planLink(source: string, worktree: string, path: string, target: string): string | undefined {
  if (isAbsolute(target)) {
    const inner = relative(source, resolve(target))
    return isWithin(source, resolve(target)) ? join(worktree, inner) : undefined
  }
  const inner = posix.normalize(posix.join(posix.dirname(path), target))
  return inner === '..' || inner.startsWith('../') ? undefined : target
}

/** By way of other symlinks, too. One that leads nowhere leads nowhere else in the worktree. */
function endsInside(source: string, link: string): boolean {
  try {
    return isWithin(source, realpathSync(link))
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return true
    throw error
  }
}

/**
 * Gives the finished copies their names. A folder that the worktree lacks gets its own in one go: a link for each of its files
 * takes several times as long as the copying.
 */
function placeAll(options: CopyOptions, staged: readonly CopiedFile[], staging: string): CopiedFile[] {
  const { worktree } = options
  const units = new Map<string, CopiedFile[]>()
  for (const one of staged) {
    // A file whose folder is there is a unit by itself.
    const unit = findMissingFolder(worktree, one.path) ?? one.path
    const files = units.get(unit)
    if (files === undefined) units.set(unit, [one])
    else files.push(one)
  }
  return [...units].flatMap(([unit, files]) =>
    files[0]?.path !== unit && tryRename(join(staging, unit), join(worktree, unit))
      ? files
      : files.filter(({ path }) => place(options, path, join(staging, path))),
  )
}

/** The outermost folder on the way to `path` that is not there. */
function findMissingFolder(worktree: string, path: string): string | undefined {
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
    const folder = path.slice(0, end)
    if (findEntry(join(worktree, folder)) === undefined) return folder
  }
  return undefined
}

/** False where something has come to lie there, which rename(2) never replaces if it is more than an empty folder. */
function tryRename(folder: string, to: string): boolean {
  try {
    renameSync(folder, to)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EXDEV'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}

/** Gives a finished copy its name, unless something else has it by now. */
function place({ source, worktree, reporter }: CopyOptions, path: string, copy: string): boolean {
  const to = join(worktree, path)
  try {
    makeFolders(source, worktree, posix.dirname(path))
    if (lstatSync(copy).isSymbolicLink()) symlinkSync(readlinkSync(copy), to)
    else linkOrCopy(copy, to)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    passOver(path, error, reporter)
    return false
  }
}

/** link(2) never replaces, and what it names is whole; where a link can't be made (another file system), the file is copied under its name. */
function linkOrCopy(file: string, to: string): void {
  try {
    linkSync(file, to)
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error
    copyFileSync(file, to, constants.COPYFILE_EXCL)
  }
}

/** Makes what is missing of `folder`, with the modes that the folders have in the main checkout, but always open to us. */
function makeFolders(source: string, worktree: string, folder: string): void {
  const path = join(worktree, folder)
  if (folder === '.' || findEntry(path) !== undefined) return
  makeFolders(source, worktree, posix.dirname(folder))
  mkdirSync(path)
  chmodSync(path, (statSync(join(source, folder)).mode & 0o777) | 0o700)
}

/** A name may hold a newline; a remark is one line. */
function show(path: string): string {
  return /[\p{C}"]/u.test(path) ? JSON.stringify(path) : path
}
