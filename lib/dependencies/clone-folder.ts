/**
 * Makes a worktree's own node_modules or .venv out of the main checkout's: file contents are shared where nothing writes
 * them in place, directories are always new, so that no install, removal or cache of the worktree reaches the original.
 * A limit: where contents are shared by hardlinks, a file's mode and owner are shared as well (`chmod -R` reaches both).
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  type Dirent,
} from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { findAliases } from './aliases.ts'
import type { DependencyKind } from './dependency-plan.ts'
import { relocateTarget, relocateText, repairShebang, type Move } from './relocate.ts'
import { copyWhole, createShareFile, type ShareFile } from './share-file.ts'

export type CloneOptions = Move & {
  kind: DependencyKind | 'folder'
  /** Shares nothing. */
  isWhole?: boolean
  /** Of the kind `folder`: whether the files in the folder `inner` of it may be shared. */
  shares?: ((inner: string) => boolean) | undefined
  /** Folder to clone, real path. */
  from: string
  /** Folder to make; its parent exists. */
  to: string
  /** Where the clone is going to live, relative to the worktree: `node_modules`. */
  folder: string
  /** Ends the work between two directories, with the signal's reason as the error. */
  signal?: AbortSignal
}

/** `share`: one body for both; `copy`: a body of its own; `relocate`: a copy in which paths lead into the worktree. */
export type Treatment = 'share' | 'copy' | 'relocate'

/** Longest time in ms that other work of this process has to wait for us. */
const sliceMs = 8

/** Caches of tools, written in place and made anew where they are missing. */
const caches = ['.cache', '.vite', '.vite-temp', '.turbo']
/** Hidden folders of node_modules that hold packages. The others hold what tools generate (`.prisma`, `.zenstack`). */
const packageStores = ['.pnpm', '.store', '.bun']

/**
 * Clones `from`, or only the folder `start` in it. Throws the file system's error or the signal's reason; what was made
 * until then stays, for the caller to remove.
 */
export async function cloneFolder(options: CloneOptions, start = ''): Promise<void> {
  const share = options.isWhole ? copyWhole : createShareFile()
  const move = options.kind === '.venv' ? { ...options, aliases: findAliases(options.from, options.source) } : options
  const waiting = [start]
  let sliceStart = performance.now()
  for (let inner = waiting.pop(); inner !== undefined; inner = waiting.pop()) {
    waiting.push(...cloneDirectory(move, inner, share))
    if (performance.now() - sliceStart < sliceMs) continue
    await yieldToOthers()
    options.signal?.throwIfAborted()
    sliceStart = performance.now()
  }
}

/** True for entries of a node_modules folder that a worktree does not take over. */
export function isCache(name: string): boolean {
  return caches.includes(name)
}

/** True for folders in node_modules that tools of the project write to at any time: generated code, never packages. */
export function isGenerated(name: string): boolean {
  return name === '@generated' || (name.startsWith('.') && name !== '.bin' && !packageStores.includes(name))
}

/** How the file `name` in the folder `inner` ('' for the cloned folder itself, `/`-separated) is taken over. */
export function treatmentOf(kind: CloneOptions['kind'], inner: string, name: string): Treatment {
  return directoryTreatment(kind, inner) ?? fileTreatment(kind, name)
}

/** Clones the files and symlinks of one directory; returns the directories in it. */
function cloneDirectory(options: CloneOptions, inner: string, share: ShareFile): string[] {
  const { kind } = options
  const [here, there] = [join(options.from, inner), join(options.to, inner)]
  const treatment = kind === 'folder' ? folderTreatment(options, inner) : directoryTreatment(kind, inner)
  const leavesOutCaches = kind === 'node_modules' && isModulesFolder(inner)
  const directories: string[] = []
  mkdirSync(there)
  for (const entry of readdirSync(here, { withFileTypes: true })) {
    const { name } = entry
    if (entry.isDirectory()) {
      if (!leavesOutCaches || !isCache(name)) directories.push(inner === '' ? name : `${inner}/${name}`)
    } else {
      cloneEntry(options, entry, `${here}/${name}`, `${there}/${name}`, treatment ?? fileTreatment(kind, name), share)
    }
  }
  return directories
}

function cloneEntry(
  move: CloneOptions,
  entry: Dirent,
  from: string,
  to: string,
  treatment: Treatment,
  share: ShareFile,
): void {
  if (entry.isSymbolicLink()) return symlinkSync(relocateTarget(from, readlinkSync(from), move), to)
  // Sockets and pipes belong to who made them.
  if (!entry.isFile()) return
  if (treatment === 'share') return share(from, to)
  copyWhole(from, to)
  if (treatment === 'relocate') relocateFile(move, to, entry.name)
}

/** Rewrites our own copy in place, so that its mode stays; leaves it alone where no path of the main checkout is in it. */
function relocateFile(move: CloneOptions, path: string, name: string): void {
  const bytes = readFileSync(path)
  const isText = !bytes.subarray(0, 8192).includes(0)
  const roots = [move.source, ...(move.aliases ?? [])]
  if (!isText || !roots.some((root) => bytes.includes(root) || bytes.includes(encodeURI(root)))) return
  // pyvenv.cfg also names the base interpreter, which may lie in the main checkout and nowhere else.
  const moved = relocateText(bytes.toString('utf8'), move, name === 'pyvenv.cfg' ? move.folder : '')
  const { atime, mtime } = statSync(path)
  writeFileSync(path, move.kind === '.venv' ? repairShebang(moved) : moved)
  utimesSync(path, atime, mtime)
}

/** Settings of a tool, such as bundler's, may name the folder. */
function folderTreatment({ folder, shares }: CloneOptions, inner: string): Treatment {
  if (shares?.(inner)) return 'share'
  return basename(folder) === '.bundle' ? 'relocate' : 'copy'
}

/** Yarn's loader says where packages are, seen from itself: outside of the checkout, the worktree sees them from elsewhere. */
export function relocatePnp({ source, worktree, folder, from, to }: CloneOptions): void {
  copyWhole(from, to)
  const [here, there] = [dirname(join(source, folder)), dirname(join(worktree, folder))]
  const text = readFileSync(to, 'utf8')
  const moved = text.replace(/("packageLocation": ")(\.\.\/[^"]*)/g, (_, key: string, path: string) => {
    const slash = path.endsWith('/') ? '/' : ''
    return key + relative(there, join(here, path)).replaceAll(sep, '/') + slash
  })
  if (moved !== text) writeFileSync(to, moved)
}

/** The treatment that all files of a directory share; undefined where their names decide. */
function directoryTreatment(kind: CloneOptions['kind'], inner: string): Treatment | undefined {
  if (kind === '.venv') return inner === '' || inner === 'bin' || inner === 'Scripts' ? 'relocate' : undefined
  // What lies here describes the folder as a whole (`.modules.yaml`, `.package-lock.json`) or are a manager's start scripts.
  if (isModulesFolder(inner) || basename(inner) === '.bin') return 'relocate'
  const [last = ''] = inner.split(/(?:^|\/)node_modules\//).slice(-1)
  const [top = ''] = last.split('/', 1)
  return isGenerated(top) ? 'copy' : undefined
}

function fileTreatment(kind: CloneOptions['kind'], name: string): Treatment {
  if (kind === 'node_modules') return name.endsWith('.node') ? 'copy' : 'share'
  const namesSource = /\.(pth|egg-link)$|^__editable__|^direct_url\.json$/.test(name)
  return namesSource ? 'relocate' : 'share'
}

function isModulesFolder(inner: string): boolean {
  return inner === '' || basename(inner) === 'node_modules'
}
