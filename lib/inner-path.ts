/** Keeps paths that come from a repository inside it, whatever they are made of: text, `..`, or symlinks on the way. */
import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'
import { IsolateError } from './isolate-error.ts'

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

/**
 * The absolute path of `inner` in `folder` (a real path), ready to be written: its folders are made, and none of them
 * leads out through a symlink. Throws `IsolateError` otherwise.
 */
export function requireWritablePath(folder: string, inner: string): string {
  const path = join(folder, inner)
  const parent = dirname(path)
  let existing = parent
  while (lstatSync(existing, { throwIfNoEntry: false }) === undefined) existing = dirname(existing)
  if (!isWithin(folder, realpathSync(existing))) {
    throw new IsolateError(`${path} leads out of ${folder} through a symlink`, {
      hint: 'Choose another path in agent-isolate.json.',
    })
  }
  mkdirSync(parent, { recursive: true })
  return path
}
