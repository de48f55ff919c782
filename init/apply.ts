/**
 * Carries a plan out, all or nothing: every text is on disk under a temporary name before the first file changes, files
 * change by rename, and when one of them fails those before it get their originals back.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  lstatSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { errorCode, errorText, IsolateError } from '../lib/report/isolate-error.ts'
import { removeFolderIfEmpty } from '../lib/files/self-ignoring-folder.ts'
import { sweepUnfinished, unfinishedPath } from '../lib/state/unfinished-file.ts'
import type { InitPlace } from './answers.ts'
import type { FileChange, InitPlan } from './file-change.ts'
import { readText } from './read-text.ts'

/** Throws `IsolateError`, naming the file, and leaves everything as it was when any part cannot be done. */
export function applyPlan({ changes, emptyFolders = [] }: Pick<InitPlan, 'changes' | 'emptyFolders'>): void {
  const undo: (() => void)[] = []
  const originals: string[] = []
  try {
    const targets = changes.map((change) => ({ ...change, path: findRealFile(change.path) }))
    for (const target of targets) requireUnchanged(target)
    for (const target of targets) makeFolder(dirname(target.path), undo)
    for (const folder of new Set(targets.map(({ path }) => dirname(path)))) sweepUnfinished(folder)
    const staged = targets.map((target) => ({ ...target, finished: stage(target, undo) }))
    for (const target of staged) replace(target, undo, originals)
  } catch (error) {
    for (const step of undo.toReversed()) step()
    throw asIsolateError(error)
  } finally {
    for (const path of originals) rmSync(path, { force: true })
  }
  for (const folder of emptyFolders) removeFolderIfEmpty(folder)
}

/** Removes what an `init` or `uninstall` that was killed left beside the files that it wrote. */
export function sweepInterrupted({ root, home }: InitPlace): void {
  const bases = home === undefined ? [root] : [root, home]
  const settings = bases.map((base) => join(base, '.claude'))
  const copies = settings.map((folder) => join(folder, 'agent-isolate'))
  for (const folder of [root, ...settings, ...copies.flatMap(listFolders)]) sweepUnfinished(folder)
}

function listFolders(folder: string): string[] {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  const inner = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [folder, ...inner.flatMap(({ name }) => listFolders(join(folder, name)))]
}

/** Where a symlink leads, also when nothing is there yet: dotfiles are often kept elsewhere and linked. */
export function findRealFile(path: string, steps = 0): string {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return path
  if (steps === mostLinks) throw new IsolateError(`${path}: a symlink that leads to itself`)
  return findRealFile(resolve(dirname(path), readlinkSync(path)), steps + 1)
}

/** As Linux has it (path_resolution(7)). */
const mostLinks = 40

function requireUnchanged({ path, before }: FileChange): void {
  if (readText(path) !== before) {
    throw new IsolateError(`${path} has changed since the plan was made`, { hint: 'Nothing was written. Try again.' })
  }
  const status = statSync(path, { throwIfNoEntry: false })
  // Renaming over it needs no permission of its own; its owner has said no all the same.
  if (status !== undefined && (status.mode & 0o222) === 0) {
    throw new IsolateError(`${path} is read-only`, { hint: `Make it writable (chmod u+w ${path}) and try again.` })
  }
}

function makeFolder(folder: string, undo: (() => void)[]): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return
  makeFolder(dirname(folder), undo)
  mkdirSync(folder)
  undo.push(() => void removeFolderIfEmpty(folder))
}

/** The new text under a temporary name beside its target, with the target's mode and owner; undefined for a removal. */
function stage({ path, after, mode }: FileChange, undo: (() => void)[]): string | undefined {
  if (after === undefined) return undefined
  const finished = unfinishedPath(path)
  undo.push(() => rmSync(finished, { force: true }))
  const file = openSync(finished, 'wx')
  try {
    writeFileSync(file, after)
    if (mode !== undefined) fchmodSync(file, mode)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) return finished
  keepOwner(finished, status)
  chmodSync(finished, status.mode & 0o7777)
  return finished
}

/** Only root can give files away; for everybody else the file becomes their own. */
function keepOwner(path: string, { uid, gid }: { uid: number; gid: number }): void {
  try {
    chownSync(path, uid, gid)
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error
  }
}

function replace(
  { path, before, finished }: FileChange & { finished: string | undefined },
  undo: (() => void)[],
  originals: string[],
): void {
  if (before === undefined) {
    if (finished === undefined) return
    renameSync(finished, path)
    undo.push(() => rmSync(path, { force: true }))
    return
  }
  const original = unfinishedPath(path)
  originals.push(original)
  linkOrCopy(path, original)
  if (finished === undefined) rmSync(path)
  else renameSync(finished, path)
  undo.push(() => renameSync(original, path))
}

/** Some file systems have no hard links. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '')) throw error
    copyFileSync(from, to)
  }
}

function asIsolateError(error: unknown): unknown {
  if (error instanceof IsolateError || errorCode(error) === undefined) return error
  return new IsolateError(`the files could not be written: ${errorText(error)}`, {
    hint: 'Everything is as it was. See to what the system reports and try again.',
    cause: error,
  })
}
