/** Keeps paths that come from a repository inside it, whatever they are made of: text, `..`, or symlinks on the way. */
import { lstatSync, mkdirSync, realpathSync, type Stats } from 'node:fs'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'
import { findStatus } from './read-if-any.ts'
import { errorCode, errorText, IsolateError } from '../report/isolate-error.ts'

/** True for a relative path that, as text, stays inside the folder it is joined to, and out of its `.git`. */
export function isInnerPath(path: string): boolean {
  if (path === '' || isAbsolute(path) || /[\0\n]/.test(path)) return false
  const [first = ''] = normalize(path).split(sep)
  return !['', '.', '..', '.git'].includes(first.toLowerCase())
}

/** True when `path` is `folder` or lies in it. Both absolute and real. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** What lies at the path itself, be it a link; undefined where nothing is, as below something that is no folder. */
export function findEntry(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** What is in the way of making `folder`: the file or the like that it is, or would lie below. */
export function findObstacle(folder: string): string | undefined {
  let existing = folder
  while (!isTaken(existing)) existing = dirname(existing)
  return findStatus(existing)?.isDirectory() ? undefined : existing
}

/** True when there is anything at the path: a dangling link is something too. */
export function isTaken(path: string): boolean {
  return findEntry(path) !== undefined
}

/**
 * True when what lies at `inner` in `folder` (a real path), or is made there, lies in `folder` itself: no folder on the way
 * to it is a symlink that leads out, nor is `folder`. Whether `inner` itself is a symlink plays no part: removing or
 * replacing one never reaches its target. False when `folder` is gone.
 */
export function leadsInside(folder: string, inner: string): boolean {
  let existing = dirname(join(folder, inner))
  while (!isTaken(existing)) existing = dirname(existing)
  try {
    return isWithin(folder, realpathSync(existing))
  } catch (error) {
    // A symlink to nothing, or to itself, leads to no place that is known to be inside.
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}

/**
 * The absolute path of `inner` in `folder` (a real path), ready to be written: its folders are made, and none of them
 * leads out through a symlink. Throws `IsolateError` otherwise.
 */
export function requireWritablePath(folder: string, inner: string): string {
  const path = join(folder, inner)
  if (!leadsInside(folder, inner)) {
    throw new IsolateError(`${path} leads out of ${folder} through a symlink`, {
      hint: 'Choose another path in agent-isolate.json.',
    })
  }
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw new IsolateError(`the folder ${dirname(path)} cannot be made: ${errorText(error)}`, { cause: error })
  }
  return path
}
