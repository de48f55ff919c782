/**
 * A folder of links: a real node_modules directory with one symlink per package of the main checkout's. Installing into
 * it, emptying it or removing it removes links, where a node_modules that is itself a symlink would be emptied at its target.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync, type Dirent } from 'node:fs'
import { join } from 'node:path'
import { findEntry, leadsInside } from '../files/inner-path.ts'
import { cloneFolder, isCache, isGenerated, type CloneOptions } from './clone-folder.ts'
import { relocateTarget } from './relocate.ts'

/** Makes the folder of links `to` for the node_modules folder `from`. */
export async function createLinkFolder(options: CloneOptions): Promise<void> {
  mkdirSync(options.to)
  for (const entry of readdirSync(options.from, { withFileTypes: true })) {
    const { name } = entry
    if (isCache(name)) continue
    const isOwn = name === '.bin' || isGenerated(name)
    if (entry.isDirectory() && isOwn) await cloneFolder(options, name)
    else if (entry.isDirectory() && name.startsWith('@')) linkScope(options, name)
    else linkEntry(options, name, entry)
  }
}

/**
 * What identifies a folder of links as the one that was made: its links, whatever caches and generated folders tools have
 * added since. Undefined when there is no such directory.
 */
export function digestLinkFolder(folder: string): string | undefined {
  if (!isRealDirectory(folder)) return undefined
  const lines = listLinks(folder).map(({ inner, target }) => `${inner}\0${target ?? ''}\n`)
  return createHash('sha256').update(lines.toSorted().join('')).digest('hex')
}

/**
 * Removes what in the worktree leads into the main checkout: dependency folders that are links or hold nothing but links.
 * Folders of the worktree's own stay, and so does what lies behind a symlink: it is not the worktree's. `folders` are
 * relative to the worktree, a real path; safe to repeat.
 */
export async function removeDependencyLinks(worktree: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders.filter((one) => leadsInside(worktree, one))) {
    const path = join(worktree, folder)
    if (findEntry(path)?.isSymbolicLink()) unlinkSync(path)
    // rm does not follow links: it unlinks them.
    else if (isRealDirectory(path) && isLinkFolder(path)) rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  }
}

function isLinkFolder(folder: string): boolean {
  const packages = listLinks(folder).filter(({ inner }) => !inner.startsWith('.bin/'))
  return packages.length > 0 && packages.every(({ target }) => target !== undefined)
}

function linkScope(options: CloneOptions, scope: string): void {
  mkdirSync(join(options.to, scope))
  for (const entry of readdirSync(join(options.from, scope), { withFileTypes: true })) {
    linkEntry(options, `${scope}/${entry.name}`, entry)
  }
}

/** Plain files are left out: they are a manager's record of what it has installed, and links are not that. */
function linkEntry(options: CloneOptions, inner: string, entry: Dirent): void {
  const [from, to] = [join(options.from, inner), join(options.to, inner)]
  if (entry.isSymbolicLink()) symlinkSync(relocateTarget(from, readlinkSync(from), options), to)
  else if (entry.isDirectory()) symlinkSync(from, to, 'junction')
}

/** Entries that a package manager would change, scopes and `.bin` looked into; `target` is undefined for all but symlinks. */
function listLinks(folder: string, inner = ''): { inner: string; target: string | undefined }[] {
  return readdirSync(join(folder, inner), { withFileTypes: true }).flatMap((entry) => {
    const path = inner === '' ? entry.name : `${inner}/${entry.name}`
    if (entry.isSymbolicLink()) return [{ inner: path, target: readlinkSync(join(folder, path)) }]
    if (inner === '' && entry.isDirectory()) {
      if (isGenerated(entry.name)) return []
      if (entry.name === '.bin' || entry.name.startsWith('@')) return listLinks(folder, path)
    }
    return [{ inner: path, target: undefined }]
  })
}

function isRealDirectory(path: string): boolean {
  return findEntry(path)?.isDirectory() ?? false
}
