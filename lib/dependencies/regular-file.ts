/** Reads what a repository holds where a file is expected, whatever lies there: a folder, a device, a link to nothing. */
import { readFileSync, statSync, type Stats } from 'node:fs'
import { errorCode } from '../isolate-error.ts'

/** Bytes; the largest lockfiles of known repositories have a quarter of it. */
const sizeLimit = 32 * 1024 * 1024

/** What a path says when nothing of use lies there; ELOOP is a symlink to itself. */
const unusable = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM']

/** Symlinks are followed. Undefined when there is nothing, or nothing that we may look at. */
export function findStatus(path: string): Stats | undefined {
  return orUndefined(() => statSync(path, { throwIfNoEntry: false }))
}

/** The content of a file of at most 32 MB; undefined for anything else, which is never opened: a read of a device need not end. */
export function readRegularFile(path: string): Buffer | undefined {
  const status = findStatus(path)
  if (status === undefined || !status.isFile() || status.size > sizeLimit) return undefined
  return orUndefined(() => readFileSync(path))
}

/** False also when one of them cannot be read. */
export function areEqualFiles(one: string, other: string): boolean {
  if (findStatus(one)?.size !== findStatus(other)?.size) return false
  const [a, b] = [readRegularFile(one), readRegularFile(other)]
  return a !== undefined && b !== undefined && a.equals(b)
}

function orUndefined<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (unusable.includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}
