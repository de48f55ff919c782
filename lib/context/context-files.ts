/**
 * Chooses what a new worktree needs from the main checkout that git does not check out: the agents' rules and settings, env
 * files, what `.worktreeinclude` lists, and what the config asks for. Tracked files are git's own business and never chosen.
 */
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { findOddEnvFiles, isCarried, carriedPathspecs } from './carried-files.ts'
import { keepIgnored } from './hook-files.ts'
import { findNotIgnored } from '../git/exclude.ts'
import { git, type GitPlace } from '../git/git.ts'
import { isInnerPath, findEntry } from '../files/inner-path.ts'
import { findBlockingRules } from '../git/ignore-rules.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { isUnfinished } from '../state/unfinished-file.ts'
import type { Reporter } from '../report/reporter.ts'

export type ContextOptions = {
  /** The main checkout, a real path. */
  source: string
  /** The same for git. */
  place: GitPlace
  /** Files and folders to copy as well: relative paths, taken literally. */
  copy: readonly string[]
  /** A folder of git hooks, of which what git ignores is chosen. */
  hooks?: string | undefined
  /** Paths that are made by another part and must not be copied: the worktree's database, its env files. */
  leaveOut?: readonly string[]
  /** Whether env files come along, and which do not; not when left out. */
  carry?: { leaveOut: readonly string[] } | undefined
  reporter: Reporter
}

/** Relative, with `/`. `carried` are those of the paths that are only there because env files come along; git has to ignore them. */
export type ContextPaths = { paths: readonly string[]; carried: readonly string[] }

const contextPaths = ['CLAUDE.md', 'CLAUDE.local.md', 'AGENTS.md', '.claude']
const worktreesFolder = '.claude/worktrees'
/** Copying these is the dependencies part's decision. */
const dependencyFolders = ['node_modules', '.venv', 'venv']
/** Where no env file of the project's own is to be expected, and much else. */
const prunedFolders =
  'virtualenv vendor target dist build out .next .nuxt .output .svelte-kit .turbo .cache .parcel-cache .yarn .pnpm-store bower_components coverage __pycache__ .tox .nox .gradle Pods DerivedData .terraform _build deps .direnv .git'.split(
    ' ',
  )
/** Of use to one database only, and of harm to any other: SQLite replays what it finds (sqlite.org/howtocorrupt.html). */
const databaseSideFile = /-(?:wal|shm|journal)$/

/**
 * All that is chosen, there or not: one git process for it (three with a `.worktreeinclude`). What can't be copied is a
 * warning. Throws `IsolateError` for an entry of `copy` that leads out of the repository.
 */
export async function findContext(options: ContextOptions): Promise<ContextPaths> {
  const { source, place, hooks, leaveOut = [], carry, reporter } = options
  const copy = options.copy.map((entry) => requireInner(entry))
  for (const entry of copy) warnOfOddEntry(source, entry, reporter)
  const named = [...contextPaths, ...copy]
  const isChosen = (path: string): boolean => named.some((entry) => isSameOrBelow(entry, path))
  const [listed, included] = await Promise.all([
    listUntracked(
      place,
      [...named, ...(hooks === undefined ? [] : [hooks])],
      carry === undefined ? [] : carriedPathspecs,
    ),
    listIncluded(source, place, reporter),
  ])
  const installed = await keepIgnored(
    source,
    place,
    listed.filter((path) => hooks !== undefined && isSameOrBelow(hooks, path) && !isChosen(path)),
  )
  const isForeign = nestedCheckoutTest(source)
  const isLeft = (path: string): boolean => leaveOut.some((left) => isSameOrBelow(left, path))
  const stays = (path: string): boolean =>
    isLeft(path) || carry?.leaveOut.some((left) => isSameOrBelow(requireSlashless(left), path)) === true
  const chosen = [...listed.filter(isChosen), ...installed, ...included].filter(
    (path) => isCopyable(path) && !isLeft(path),
  )
  const carried = listed.filter((path) => isCarried(path) && isCopyable(path) && !stays(path))
  if (carry !== undefined) {
    const odd = findOddEnvFiles(source, carried).filter(({ path }) => !stays(path))
    for (const { path, oddity } of odd) reporter.warn(`${path} is not carried over: it is ${oddity}`)
  }
  const known = new Set(chosen)
  return {
    paths: [...new Set([...chosen, ...carried])].filter((path) => !isForeign(path)),
    carried: carried.filter((path) => !known.has(path) && !isForeign(path)),
  }
}

function requireSlashless(path: string): string {
  return posix.normalize(path).replace(/\/$/, '')
}

/** False for what is never copied, wherever it lies. Pure; `path` with `/`. */
export function isCopyable(path: string): boolean {
  if (path.endsWith('/') || databaseSideFile.test(path) || isUnfinished(path) || isSameOrBelow(worktreesFolder, path))
    return false
  return !path.split('/').some((segment) => dependencyFolders.includes(segment))
}

function requireInner(entry: string): string {
  if (isInnerPath(entry)) return posix.normalize(entry).replace(/\/$/, '')
  throw new IsolateError(`"copy" in agent-isolate.json leads out of the repository: ${JSON.stringify(entry)}`, {
    hint: 'Name files and folders by their paths from the top of the repository.',
  })
}

function warnOfOddEntry(source: string, entry: string, reporter: Reporter): void {
  const path = join(source, entry)
  const status = findEntry(path)
  const name = JSON.stringify(entry)
  if (status === undefined) reporter.warn(`"copy" names ${name}, which is not there`)
  else if (!status.isFile() && !status.isDirectory() && !status.isSymbolicLink()) {
    reporter.warn(`"copy" names ${name}, which is neither a file nor a folder, and is not copied`)
  } else if (realpathSync(dirname(path)) !== dirname(path)) {
    reporter.warn(`"copy" names ${name}, which lies behind a symlink, and is not copied`)
  } else if (!isCopyable(entry) || existsSync(join(path, '.git'))) {
    reporter.warn(
      `"copy" names ${name}, which is never copied: dependencies, worktrees and SQLite's side files are not`,
    )
  }
}

/**
 * Files (and symlinks) at or below `paths`, and that match `globs`, that git does not track, ignored or not. git enters no
 * nested repository and no symlink, and no dependency or build folder that `paths` do not name.
 */
async function listUntracked(place: GitPlace, paths: readonly string[], globs: readonly string[]): Promise<string[]> {
  const named = globs.length === 0 ? [] : [...prunedFolders, ...paths.flatMap(negations)]
  const left = [...named, ...dependencyFolders, `/${worktreesFolder}/`].flatMap((pattern) => ['-x', pattern])
  const pathspecs = [...paths.map((path) => `:(literal)${path}`), ...globs.map((glob) => `:(glob)${glob}`)]
  return splitList(await git(place, ['ls-files', '-z', '--others', ...left, '--', ...pathspecs]))
}

/** Ignore rules that keep git from passing by `path`, whatever the folders on the way are called. */
function negations(path: string): string[] {
  const segments = path.replace(/[\\*?[\]]/g, '\\$&').split('/')
  const folders = segments.map((_, depth) => `!/${segments.slice(0, depth + 1).join('/')}`)
  return [...folders, `!/${segments.join('/')}/**`]
}

/** Files that `.worktreeinclude` matches *and* git ignores. */
async function listIncluded(source: string, place: GitPlace, reporter: Reporter): Promise<string[]> {
  const include = '.worktreeinclude'
  const status = findEntry(join(source, include))
  if (status === undefined) return []
  if (!status.isFile()) {
    reporter.warn(`${include} is no file and is not read`)
    return []
  }
  const blocking = findBlockingRules(source)
  if (blocking !== undefined) {
    reporter.warn(`${include} has no effect: ${blocking}`)
    return []
  }
  const left = [...dependencyFolders.map((folder) => `**/${folder}/**`), `${worktreesFolder}/**`]
  const pathspecs = left.map((pattern) => `:(exclude,glob)${pattern}`)
  const args = ['ls-files', '-z', '--others', '--ignored', `--exclude-from=${include}`, '--', ...pathspecs]
  const matched = splitList(await git(place, args)).filter((path) => isCopyable(path))
  const notIgnored = new Set(await findNotIgnored(place, matched))
  return matched.filter((path) => !notIgnored.has(path))
}

/** Tells whether a path lies in another checkout: git passes by those it knows, not those whose git folder is gone. */
function nestedCheckoutTest(source: string): (path: string) => boolean {
  const known = new Map<string, boolean>([['.', false]])
  const isNested = (folder: string): boolean => {
    const answer = known.get(folder) ?? (existsSync(join(source, folder, '.git')) || isNested(posix.dirname(folder)))
    known.set(folder, answer)
    return answer
  }
  return (path) => isNested(posix.dirname(path))
}

function isSameOrBelow(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

function splitList(text: string): string[] {
  return text.split('\0').filter((path) => path !== '')
}
