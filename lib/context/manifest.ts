/**
 * Remembers what was copied into a worktree, so that removal can tell our copies from an agent's work. The manifest lies in
 * the worktree's own git folder and is written before the first copy appears.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../files/digest.ts'
import { findEntry } from '../files/inner-path.ts'
import { parseJson } from '../files/json.ts'
import { readIfAny } from '../files/read-if-any.ts'

/** Paths relative to the worktree, with `/`, and the fingerprint of what was copied there. */
export type Manifest = ReadonlyMap<string, string>

const fileName = 'copied.json'

/** Bytes. Files up to this are read whole, which is several times faster than copying or hashing them in pieces. */
export const memoryLimit = 1024 * 1024

/** Empty when there is none, or when it is no manifest: then everything counts as an agent's work, which is the safe side. */
export function loadManifest(gitFolder: string): Manifest {
  return parseManifest(parseJson(readIfAny(join(gitFolder, fileName)) ?? ''))
}

/** Written whole or not at all. */
export function saveManifest(gitFolder: string, manifest: Manifest): void {
  mkdirSync(gitFolder, { recursive: true })
  const finished = join(gitFolder, `${fileName}.${randomBytes(6).toString('hex')}`)
  writeFileSync(finished, JSON.stringify(Object.fromEntries(manifest)))
  renameSync(finished, join(gitFolder, fileName))
}

/** Where the file is kept that somebody else had copied to `path`, and that ours has replaced. */
export function replacedPath(gitFolder: string, path: string): string {
  return join(gitFolder, `${digestOf(path, 16)}.replaced`)
}

/** True when `path` was copied by us and is still as it was. `path` is one file, as `git status --untracked-files=all -z` names it. */
export function isUntouchedCopy(worktree: string, manifest: Manifest, path: string): boolean {
  const copied = manifest.get(path)
  return copied !== undefined && copied === findFingerprint(join(worktree, path))
}

/** `sha256:<hex>` of a file's content or `link:<target>`; undefined for anything else, and where nothing is. */
export function findFingerprint(path: string): string | undefined {
  const status = findEntry(path)
  if (status?.isSymbolicLink()) return `link:${readlinkSync(path)}`
  if (!status?.isFile()) return undefined
  return status.size <= memoryLimit ? fingerprintOf(readFileSync(path)) : hashInPieces(path)
}

/** The fingerprint of a file with this content. */
export function fingerprintOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

function hashInPieces(path: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafe(memoryLimit)
  const file = openSync(path, 'r')
  try {
    for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
      hash.update(piece.subarray(0, length))
    }
  } finally {
    closeSync(file)
  }
  return `sha256:${hash.digest('hex')}`
}

function parseManifest(value: unknown): Manifest {
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
