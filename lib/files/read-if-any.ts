/**
 * Reads what others have put where a file is expected. A FIFO, a device or a socket there is never read from, which may
 * not come to an end, and nothing larger than a text can be is taken into memory.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, type Stats } from 'node:fs'
import { errorCode, errorText, IsolateError } from '../report/isolate-error.ts'

/** Bytes; the largest lockfiles of known repositories have a quarter of it. */
const sizeLimit = 32 * 1024 * 1024

/** What a path says when there is nothing at it. */
const missing = ['ENOENT', 'ENOTDIR']

/** The same, and when nothing of use lies there; ELOOP is a symlink to itself, ENXIO a socket. */
const unusable = [...missing, 'ELOOP', 'EACCES', 'EPERM', 'ENXIO']

/** Symlinks are followed. Undefined when there is nothing, or nothing that we may look at. */
export function findStatus(path: string): Stats | undefined {
  return orUndefined(() => statSync(path, { throwIfNoEntry: false }), unusable)
}

/** "a FIFO", for what lies at `path` and is no file that can be read; undefined for a file, and where nothing is. */
export function findOddity(path: string): string | undefined {
  const status = findStatus(path)
  return status === undefined ? undefined : describeOddity(status)
}

/**
 * The text of a file. Undefined when there is none; throws `IsolateError` for anything else, and for a file that cannot be
 * read or has more than `mostBytes`.
 */
export function readIfAny(path: string, mostBytes = sizeLimit): string | undefined {
  return readBytesIfAny(path, mostBytes)?.toString('utf8')
}

/** The same, as it is. */
export function readBytesIfAny(path: string, mostBytes = sizeLimit): Buffer | undefined {
  try {
    return orUndefined(() => readFile(path, mostBytes), missing)
  } catch (error) {
    if (error instanceof IsolateError) throw error
    throw new IsolateError(`${path} cannot be read: ${errorText(error)}`, { cause: error })
  }
}

/** The same for what is looked at in passing: undefined also for what `readIfAny` refuses. */
export function readIfFile(path: string): string | undefined {
  return readRegularFile(path)?.toString('utf8')
}

/** The content of a file of at most so many bytes; undefined for anything else. */
export function readRegularFile(path: string, mostBytes = sizeLimit): Buffer | undefined {
  try {
    return orUndefined(() => readFile(path, mostBytes), unusable)
  } catch (error) {
    if (error instanceof IsolateError) return undefined
    throw error
  }
}

/** False also when one of them cannot be read. */
export function areEqualFiles(one: string, other: string): boolean {
  if (findStatus(one)?.size !== findStatus(other)?.size) return false
  const [a, b] = [readRegularFile(one), readRegularFile(other)]
  return a !== undefined && b !== undefined && a.equals(b)
}

/**
 * Opens a file of any size for reading; whoever calls closes it. Throws `IsolateError` for what is no file, and the
 * system's own error (`code`) where there is none or it may not be opened.
 */
export function openRegularFile(path: string): number {
  return openFound(path, statSync(path))
}

/** To open a device may do something by itself, so it is looked at first: `status` is what was seen. */
function openFound(path: string, status: Stats): number {
  requireFile(path, status)
  // Should a FIFO have come there meanwhile, this does not wait for its other end.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    requireFile(path, fstatSync(file))
    return file
  } catch (error) {
    closeSync(file)
    throw error
  }
}

function readFile(path: string, mostBytes: number): Buffer | undefined {
  // Most files that are asked for are not there: that is told without an exception.
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) return undefined
  if (status.size > mostBytes) throw tooLarge(path, status.size, mostBytes)
  const file = openFound(path, status)
  try {
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

function tooLarge(path: string, bytes: number, mostBytes: number): IsolateError {
  return new IsolateError(`${path} is not read: it has ${bytes} bytes, and ${mostBytes} are the most for such a file`)
}

function requireFile(path: string, status: Stats): void {
  const oddity = describeOddity(status)
  if (oddity === undefined) return
  throw new IsolateError(`${path} cannot be read: it is ${oddity}, not a file`, {
    hint: 'Put a file in its place, or move it away.',
  })
}

function describeOddity(status: Stats): string | undefined {
  if (status.isFile()) return undefined
  if (status.isDirectory()) return 'a folder'
  if (status.isFIFO()) return 'a FIFO'
  return status.isSocket() ? 'a socket' : 'a device'
}

function orUndefined<T>(look: () => T, codes: readonly string[]): T | undefined {
  try {
    return look()
  } catch (error) {
    if (codes.includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}
