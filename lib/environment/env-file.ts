/**
 * Puts our block into a worktree's env file and takes it out again, so that its user has what they would have without us.
 * What was there before is remembered in the worktree's own git folder; a link's target is never written to.
 */
import { existsSync, readlinkSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createStaging, removeStaging, sweepStaging } from '../dependencies/staging.ts'
import { giveBackReplaced, hasManagedBlock, mergeEnvFile, removeManagedBlock } from '../env-text/managed-block.ts'
import { digestOf } from '../files/digest.ts'
import { findEntry, isWithin, requireWritablePath } from '../files/inner-path.ts'
import { isObject, parseJson } from '../files/json.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { writeWhole } from '../files/write-whole.ts'
import { ownGitFolder, findLinkedGitDir, ownFolderInGitDir } from '../git/linked-git-dir.ts'
import { unfinishedPath } from '../state/unfinished-file.ts'

/** What the file would be without us, kept up to date whenever the block is rewritten. */
type Origin = {
  /** What we started from where there was no file; undefined where there was one, and once somebody has edited ours. */
  copied?: string | undefined
  /** Whose lines come back for those that our block replaced: '' where there was no file. */
  base: string
  /** The target of the symlink that was there. */
  link?: string | undefined
}

/** `text` is the block's; `offered` what a new file takes over: the main checkout's. Mode 0600, whole at any moment. */
export function writeEnvFile(offered: () => string | undefined, worktree: string, inner: string, text: string): void {
  const path = requireWritablePath(worktree, inner)
  const link = readLinkIfAny(path)
  const own = readIfAny(path)
  const known =
    own !== undefined && link === undefined && hasManagedBlock(own) ? loadOrigin(worktree, inner) : undefined
  const content = own ?? offered() ?? ''
  const origin: Origin =
    known === undefined
      ? { base: own ?? '', copied: own === undefined && link === undefined ? content : undefined, link }
      : keepUp(known, content, offered)
  writeWhole(originPath(worktree, inner), JSON.stringify(origin))
  const start = origin.copied ?? giveBackReplaced(content, known?.base ?? '')
  writeInWorktree(worktree, path, mergeEnvFile(start, text, worktree))
}

/**
 * Puts the env file back as it was: one that we made goes, unless it was edited; a link comes back, unless the file in its place
 * was; in any other the block goes and the lines that it replaced return. Left alone, without a word, is what has no
 * block of ours, and what a symlinked folder has led out of the worktree.
 */
export function removeEnvFile(worktree: string, inner: string): void {
  const path = join(worktree, inner)
  if (!findEntry(path)?.isFile()) return
  if (!isWithin(worktree, realpathSync(dirname(path)))) return
  const content = readIfAny(path) ?? ''
  if (!hasManagedBlock(content)) return
  const { base, copied, link } = loadOrigin(worktree, inner) ?? { base: '', copied: '' }
  const rest = removeManagedBlock(content, base)
  if (copied !== undefined && removeManagedBlock(content, copied) === copied) rmSync(path)
  else if (link !== undefined && rest === base) replace(worktree, path, (finished) => symlinkSync(link, finished))
  else writeInWorktree(worktree, path, rest)
}

/** Edits that were made around the block since it was written are its user's, as is a file that has any; any other follows main's. */
function keepUp({ base, copied, link }: Origin, content: string, offered: () => string | undefined): Origin {
  const isUnedited = copied !== undefined && removeManagedBlock(content, copied) === copied
  const taken = isUnedited ? (offered() ?? copied) : undefined
  return { base: removeManagedBlock(content, base), copied: taken, link }
}

function originPath(worktree: string, inner: string): string {
  return join(ownGitFolder(worktree), `${digestOf(inner, 16)}.origin`)
}

/** Of the one env file that there was when it was written, whichever it is. */
function olderOriginPath(worktree: string): string {
  return join(ownGitFolder(worktree), 'environment.origin')
}

/** Undefined when there is none, or git has lost the worktree: then nothing is known to be ours but the block. */
function loadOrigin(worktree: string, inner: string): Origin | undefined {
  if (!findEntry(join(worktree, '.git'))?.isFile()) return undefined
  const text = readIfAny(originPath(worktree, inner)) ?? readIfAny(olderOriginPath(worktree))
  const value = parseJson(text ?? '')
  return isOrigin(value) ? value : undefined
}

function isOrigin(value: unknown): value is Origin {
  if (!isObject(value)) return false
  const { base, copied, link } = value
  return typeof base === 'string' && [copied, link].every((text) => text === undefined || typeof text === 'string')
}

function readLinkIfAny(path: string): string | undefined {
  return findEntry(path)?.isSymbolicLink() ? readlinkSync(path) : undefined
}

function writeInWorktree(worktree: string, path: string, content: string): void {
  replace(worktree, path, (finished) => writeFileSync(finished, content, { mode: 0o600 }))
}

/** Whole at any moment, and made where git does not see it: what a killed process leaves is not to be taken for work. */
function replace(worktree: string, path: string, make: (finished: string) => void): void {
  const gitDir = findLinkedGitDir(worktree)
  const gitFolder = join(gitDir ?? '', ownFolderInGitDir)
  // A worktree that git has lost.
  if (gitDir === undefined || !existsSync(gitFolder)) return replaceBeside(path, make)
  const place = { gitFolder, target: realpathSync(dirname(path)) }
  sweepStaging(place)
  const staging = createStaging(place)
  try {
    const finished = join(staging, 'whole')
    make(finished)
    renameSync(finished, path)
  } finally {
    removeStaging(staging)
  }
}

function replaceBeside(path: string, make: (finished: string) => void): void {
  const finished = unfinishedPath(path)
  make(finished)
  renameSync(finished, path)
}
