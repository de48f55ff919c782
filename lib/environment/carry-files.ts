/**
 * Env files of the main checkout in a worktree: copied with the worktree's own ports, URLs and databases in them, and kept so
 * as long as nobody has edited the copy.
 */
import { join } from 'node:path'
import { statSync, writeFileSync, renameSync } from 'node:fs'
import { copyIntoWorktree } from '../context/copy-files.ts'
import {
  fingerprintOf,
  isUntouchedCopy,
  loadManifest,
  memoryLimit,
  replacedPath,
  saveManifest,
} from '../context/manifest.ts'
import { createStaging, removeStaging } from '../dependencies/staging.ts'
import { isEnvFile } from '../env-text/env-file-name.ts'
import { findEntry, leadsInside } from '../files/inner-path.ts'
import { isObject, parseJson, textOf } from '../files/json.ts'
import { areEqualFiles, readIfAny, readRegularFile } from '../files/read-if-any.ts'
import { writeWhole } from '../files/write-whole.ts'
import { findLinkedGitDir, ownGitFolder } from '../git/linked-git-dir.ts'
import { count } from '../report/count.ts'
import type { Reporter } from '../report/reporter.ts'
import type { OwnValues } from './own-values.ts'
import { isServerList, rewriteFile, type Rewritten } from './rewrite-env-file.ts'

/** Whether a copy of the file may have to differ from the main checkout's. `path` with `/`. */
export function isRewritable(path: string): boolean {
  return isEnvFile(path) || isServerList(path)
}

/** Copies `paths` that are not there, brings copies up to date that nobody has edited, and says in a line what came. */
export async function carryFiles(own: OwnValues, paths: readonly string[], reporter: Reporter): Promise<void> {
  const { main, worktree } = own
  const gitFolder = ownGitFolder(worktree)
  const rewritten = new Map<string, Rewritten>()
  const rewrite = (path: string, content: Buffer): Buffer => {
    const result = rewriteContent(path, content, own)
    if (result === undefined) return content
    rewritten.set(path, result)
    return Buffer.from(result.text)
  }
  const copied = await copyIntoWorktree({ source: main, worktree, gitFolder, paths, rewrite, reporter })
  adoptCopies(own, gitFolder, paths)
  renewCopies(own, gitFolder, rewrite)
  saveOwn(gitFolder, rewritten)
  tell(
    copied.map(({ path }) => path),
    rewritten,
    reporter,
  )
}

/** By path, what the worktree's copies say of its ports and databases instead of main's. */
export function loadCarriedValues(worktree: string): Map<string, Record<string, string>> {
  // The main checkout carries nothing to itself.
  if (findLinkedGitDir(worktree) === undefined) return new Map()
  const value = parseJson(readIfAny(join(ownGitFolder(worktree), fileName)) ?? '')
  const entries = isObject(value) ? Object.entries(value) : []
  return new Map(
    entries.map(([path, keys]) => {
      const texts = Object.entries(isObject(keys) ? keys : {}).map(([key, text]) => [key, textOf(text) ?? ''] as const)
      return [path, Object.fromEntries(texts)]
    }),
  )
}

const fileName = 'carried.json'

function rewriteContent(path: string, content: Buffer, own: OwnValues): Rewritten | undefined {
  const text = content.toString('utf8')
  return Buffer.from(text).equals(content) ? rewriteFile(path, text, own) : undefined
}

/** Another tool, or an agent, has copied main's file as it is: it leads to main's ports and databases, and is taken for ours. */
function adoptCopies({ main, worktree }: OwnValues, gitFolder: string, paths: readonly string[]): void {
  const manifest = loadManifest(gitFolder)
  for (const path of paths.filter((one) => !manifest.has(one) && isRewritable(one))) {
    const [here, there] = [worktree, main].map((folder) => join(folder, path))
    if (here === undefined || there === undefined || !leadsInside(worktree, path)) continue
    const content = findEntry(here)?.isFile() === true ? readRegularFile(here, memoryLimit) : undefined
    const text = content?.toString('utf8')
    if (content === undefined || text === undefined || !Buffer.from(text).equals(content)) continue
    if (!areEqualFiles(here, there)) continue
    writeWhole(replacedPath(gitFolder, path), text)
    saveManifest(gitFolder, new Map([...loadManifest(gitFolder), [path, fingerprintOf(content)]]))
  }
}

/** Main's file, or what is the worktree's own in it, may have changed since. */
function renewCopies(own: OwnValues, gitFolder: string, rewrite: (path: string, content: Buffer) => Buffer): void {
  const { main, worktree } = own
  const manifest = loadManifest(gitFolder)
  for (const path of [...manifest.keys()].filter(isRewritable)) {
    const isFile = findEntry(join(worktree, path))?.isFile() === true && findEntry(join(main, path))?.isFile() === true
    if (!isFile || !leadsInside(worktree, path) || !isUntouchedCopy(worktree, manifest, path)) continue
    const content = readRegularFile(join(main, path), memoryLimit)
    if (content === undefined) continue
    const renewed = rewrite(path, content)
    const fingerprint = fingerprintOf(renewed)
    if (manifest.get(path) === fingerprint) continue
    saveManifest(gitFolder, new Map([...loadManifest(gitFolder), [path, fingerprint]]))
    replaceFile(join(worktree, path), renewed, { gitFolder, target: worktree })
  }
}

function replaceFile(path: string, content: Buffer, place: { gitFolder: string; target: string }): void {
  const staging = createStaging(place)
  try {
    writeFileSync(join(staging, 'whole'), content, { mode: statSync(path).mode & 0o777 })
    renameSync(join(staging, 'whole'), path)
  } finally {
    removeStaging(staging)
  }
}

function saveOwn(gitFolder: string, rewritten: ReadonlyMap<string, Rewritten>): void {
  const values = [...rewritten].flatMap(([path, { changes }]) => {
    const own = changes.filter(({ isPath }) => !isPath).map(({ key, value }) => [key, value] as const)
    return own.length === 0 ? [] : [[path, Object.fromEntries(own)] as const]
  })
  if (values.length > 0 || findEntry(join(gitFolder, fileName)) !== undefined)
    writeWhole(join(gitFolder, fileName), JSON.stringify(Object.fromEntries(values)))
}

const shownFiles = 8

function tell(copied: readonly string[], rewritten: ReadonlyMap<string, Rewritten>, reporter: Reporter): void {
  const named = copied.slice(0, shownFiles).map((path) => {
    const keys = rewritten.get(path)?.changes.map(({ key }) => key) ?? []
    return keys.length === 0 ? path : `${path} (its own ${[...new Set(keys)].join(', ')})`
  })
  const more = copied.length - named.length
  if (named.length > 0)
    reporter.info(`carried over: ${named.join(', ')}${more > 0 ? ` and ${count(more, 'more file')}` : ''}`)
  for (const [path, one] of rewritten) warnOfKept(path, one, reporter)
}

/** A database that stays shared with the main checkout is a danger to it. */
export function warnOfKept(path: string, { kept }: Rewritten, reporter: Reporter): void {
  if (kept.length === 0) return
  reporter.warn(
    `${path}: ${kept.join(', ')} still names a database of the main checkout's server. ` +
      'One for tests of the worktree\'s own: "test": true in "database" of agent-isolate.json',
  )
}
