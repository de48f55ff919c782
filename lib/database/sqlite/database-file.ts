/** SQLite database files as files: what their header says, and how a finished one takes its place at once. */
import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, renameSync } from 'node:fs'
import { realpathSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findOddity, openRegularFile } from '../../files/read-if-any.ts'
import { errorCode, errorText, IsolateError } from '../../report/isolate-error.ts'
import type { SqliteEngine } from './engine.ts'

export type DatabaseFile = {
  /** Without symbolic links: SQLite's own side files lie beside the real file. */
  path: string
  /** Bytes of the file and its write-ahead log. */
  bytes: number
  isInWalMode: boolean
  /** Some connection, maybe of a killed process, has left or holds a write-ahead log. */
  hasLog: boolean
}

/** Which engine filled a file; `isInWalMode` is set where the mode is not to be what the engine left. */
export type MadeDatabase = { engine: SqliteEngine; isInWalMode?: boolean }

/** See https://sqlite.org/fileformat2.html#the_database_header. */
const headerBytes = 100
const magic = 'SQLite format 3\0'
const writeVersionOffset = 18
const walVersion = 2

/** By the header alone, since the endings are used for other things too. False for what is no file, or may not be read. */
export function isSqliteFile(path: string): boolean {
  try {
    const file = openRegularFile(path)
    try {
      const header = Buffer.alloc(magic.length)
      return readSync(file, header, 0, magic.length, 0) === magic.length && header.toString('latin1') === magic
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof IsolateError || ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errorCode(error) ?? ''))
      return false
    throw error
  }
}

/** The database at `path`. Throws `IsolateError` when there is none, or when the file is something else. */
export function requireDatabaseFile(path: string): DatabaseFile {
  const [real, header] = readSource(path)
  if (header.length > 0 && !hasMagic(header)) {
    throw new IsolateError(`${path} is not a SQLite database`, {
      hint: 'Name another file as the seed; an encrypted database cannot be read here.',
    })
  }
  const log = statSync(`${real}-wal`, { throwIfNoEntry: false })
  return {
    path: real,
    bytes: statSync(real).size + (log?.size ?? 0),
    isInWalMode: header[writeVersionOffset] === walVersion,
    hasLog: log !== undefined,
  }
}

/** The file to make (0600), with its folder; an existing database there is replaced, a symlink there, too, but not its target. */
export type DatabasePlace = {
  target: string
  /** Where it grows until it is whole: a folder from which it can be renamed to `target`. Beside it, unless told. */
  temporaryFolder?: string
}

/**
 * Has `make` fill an empty file (0600), checks it and renames it to `target`, without what an older database of that
 * name left beside it, which SQLite would take for a part of the new one. Returns the engine and the file's bytes.
 */
export async function replaceDatabase(
  { target, temporaryFolder = dirname(target) }: DatabasePlace,
  make: (temporary: string) => Promise<MadeDatabase>,
): Promise<{ engine: SqliteEngine; bytes: number }> {
  const temporary = createTemporary(target, temporaryFolder)
  try {
    const made = await make(temporary)
    const bytes = finish(temporary, made)
    removeSideFiles(target)
    renameSync(temporary, target)
    syncFolder(dirname(target))
    return { engine: made.engine, bytes }
  } catch (error) {
    if (error instanceof IsolateError || errorCode(error) === undefined) throw error
    throw cannotBeMade(target, error)
  } finally {
    rmSync(temporary, { force: true })
    removeSideFiles(temporary)
  }
}

/** What SQLite may keep beside a database, and takes for a part of whatever database has that name. */
export function sqliteSideFiles(path: string): string[] {
  return ['-wal', '-shm', '-journal'].map((suffix) => path + suffix)
}

/** Makes the file that an engine has begun to fill empty again, for the next one. */
export function emptyDatabaseFile(path: string): void {
  truncateSync(path)
  removeSideFiles(path)
}

function readSource(path: string): [string, Buffer] {
  try {
    const real = realpathSync(path)
    for (const file of [real, ...sqliteSideFiles(real)]) {
      const oddity = findOddity(file)
      if (oddity !== undefined) throw new IsolateError(`the database ${file} is ${oddity}, not a file`)
    }
    return [real, readHeader(real)]
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    const isMissing = errorCode(error) === 'ENOENT'
    throw new IsolateError(
      isMissing ? `there is no database ${path}` : `the database ${path} cannot be read: ${errorText(error)}`,
      { hint: isMissing ? 'Create it first, or name another seed.' : 'Make it readable.', cause: error },
    )
  }
}

function readHeader(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const header = Buffer.alloc(headerBytes)
    return header.subarray(0, readSync(file, header, 0, headerBytes, 0))
  } finally {
    closeSync(file)
  }
}

function hasMagic(header: Buffer): boolean {
  return header.length === headerBytes && header.toString('latin1', 0, magic.length) === magic
}

function createTemporary(target: string, folder: string): string {
  const temporary = join(folder, `${basename(target)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
  try {
    mkdirSync(dirname(target), { recursive: true })
    closeSync(openSync(temporary, 'wx', 0o600))
  } catch (error) {
    throw cannotBeMade(target, error)
  }
  return temporary
}

/** SQLite keeps the journal mode in the header alone, so that it can be set without an engine. */
function finish(temporary: string, { isInWalMode }: MadeDatabase): number {
  for (const suffix of ['-wal', '-journal']) {
    const left = statSync(temporary + suffix, { throwIfNoEntry: false })
    if (left !== undefined && left.size > 0) throw notWhole(temporary, `a ${suffix.slice(1)} was left beside it`)
  }
  const file = openSync(temporary, 'r+')
  try {
    const header = Buffer.alloc(headerBytes)
    const { size } = fstatSync(file)
    if (size > 0) checkHeader(temporary, header.subarray(0, readSync(file, header, 0, headerBytes, 0)), size)
    if (size > 0 && isInWalMode !== undefined) {
      const version = isInWalMode ? walVersion : 1
      writeSync(file, Buffer.from([version, version]), 0, 2, writeVersionOffset)
    }
    fchmodSync(file, 0o600)
    fsyncSync(file)
    return size
  } finally {
    closeSync(file)
  }
}

function checkHeader(path: string, header: Buffer, size: number): void {
  if (!hasMagic(header)) throw notWhole(path, 'it has no header')
  // The one page size that two bytes cannot hold is written as 1.
  const pageSize = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16)
  const pages = header.readUInt32BE(28)
  if (pageSize * pages !== size) throw notWhole(path, `it has ${size} bytes instead of ${pages} × ${pageSize}`)
}

function removeSideFiles(path: string): void {
  for (const file of sqliteSideFiles(path)) rmSync(file, { force: true })
}

/** Makes the rename last; Windows has no way to do that, and needs none. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function notWhole(path: string, reason: string): IsolateError {
  return new IsolateError(`the database made at ${path} is not whole: ${reason}`)
}

/** Words for a failure of the file system while a database is made. */
export function cannotBeMade(target: string, error: unknown): IsolateError {
  const isFull = errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT'
  return new IsolateError(`the database ${target} cannot be made: ${errorText(error)}`, {
    hint: isFull ? 'The disk is full: free some space and try again.' : 'See that its folder can be written.',
    cause: error,
  })
}
