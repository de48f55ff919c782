/**
 * The submodules of a worktree. Their commits lie in the worktree's own git folder (`modules/…`) or in its files, and go with
 * it: this tells which of them exist elsewhere.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { git, questionLimit, tryGit, type GitPlace } from './git.ts'
import { isWithin } from '../files/inner-path.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { checkoutPlace, linkedGitDir } from './linked-git-dir.ts'

export type Submodule = {
  /** Relative to the worktree; of one that is not checked out, its name. */
  path: string
  gitDir: string
  /** Undefined when it is not checked out. */
  checkout: string | undefined
  /** The git folder of the main checkout's own copy, if it has one. */
  copy: string | undefined
  /** The commit that the repository recorded before any work was done here, which so came from the remote. */
  findRecorded: () => Promise<string | undefined>
}

export type SubmoduleOwner = {
  worktree: string
  commonDir: string
  /** The commit at which the worktree's branch was made, if it was made for the worktree. */
  start: string | undefined
}

/** All of them, nested ones too. One git process for the worktree and one for each that is checked out. */
export async function findSubmodules({ worktree, commonDir, start }: SubmoduleOwner): Promise<Submodule[]> {
  const modules = join(realpathSync(linkedGitDir(worktree)), 'modules')
  const copyOf = (gitDir: string): string | undefined => {
    const copy = join(commonDir, 'modules', relative(modules, gitDir))
    return isWithin(modules, gitDir) && existsSync(copy) ? copy : undefined
  }
  const found: Submodule[] = []
  const visit = async (checkout: string, findCommit: (path: string) => Promise<string | undefined>): Promise<void> => {
    for (const inner of await listGitlinks(checkout)) {
      const path = join(checkout, inner)
      const gitDir = findGitDir(path)
      if (gitDir === undefined) continue
      const findRecorded = (): Promise<string | undefined> => findCommit(inner)
      found.push({ path: relative(worktree, path), gitDir, checkout: path, copy: copyOf(gitDir), findRecorded })
      await visit(path, async (below) => findInTree(gitDir, await findRecorded(), below))
    }
  }
  await visit(worktree, (path) => findInTree(commonDir, start, path))
  const known = new Set(found.map(({ gitDir }) => gitDir))
  for (const gitDir of findGitDirs(modules).filter((one) => !known.has(one))) {
    const path = relative(modules, gitDir).replaceAll('/modules/', '/')
    found.push({ path, gitDir, checkout: undefined, copy: copyOf(gitDir), findRecorded: noRecord })
  }
  return found
}

/**
 * How many commits of its HEAD, its branches and its stash are neither on a branch of its remote, nor in the main checkout's
 * copy, nor in what was recorded. A tag proves nothing: it may have been made here. One git process where all are published.
 */
export async function countUnpublished({ gitDir, copy, findRecorded }: Submodule): Promise<number> {
  if ((await listOwn(gitDir, [])).length === 0) return 0
  const recorded = await findRecorded()
  const own = await listOwn(gitDir, recorded === undefined ? [] : [recorded])
  return copy === undefined || own.length === 0 ? own.length : own.length - (await countKept(copy, own))
}

/** Worktrees that the submodule has itself, wherever they are. */
export function findWorktreesOf({ gitDir }: Submodule): string[] {
  const folder = join(gitDir, 'worktrees')
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names
    .map((name) => dirname(readIfAny(join(folder, name, 'gitdir'))?.trim() ?? ''))
    .filter((path) => path !== '.' && existsSync(path))
}

async function listOwn(gitDir: string, published: readonly string[]): Promise<string[]> {
  const own = ['--ignore-missing', '--exclude=refs/tags/*', '--all']
  return splitLines(await git(at(gitDir), ['rev-list', ...own, '--not', '--remotes', ...published]))
}

/** How many of `commits` the repository `copy` has on a ref: one that only lies about there may be pruned any day. */
async function countKept(copy: string, commits: readonly string[]): Promise<number> {
  const input = commits.map((commit) => `${commit}\n`).join('')
  const checked = await git(at(copy), ['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    input,
  })
  const present = splitLines(checked).flatMap((line) => /^([0-9a-f]+) commit$/.exec(line)?.[1] ?? [])
  if (present.length === 0) return 0
  const args = ['rev-list', '--no-walk', '--stdin', '--not', '--all']
  const loose = await git(at(copy), args, { input: present.map((commit) => `${commit}\n`).join('') })
  return present.length - splitLines(loose).length
}

async function noRecord(): Promise<undefined> {
  return undefined
}

/** The commit at `path` in the tree of `commit`. */
async function findInTree(gitDir: string, commit: string | undefined, path: string): Promise<string | undefined> {
  if (commit === undefined) return undefined
  const outcome = await tryGit(at(gitDir), ['ls-tree', '--full-tree', '-z', commit, '--', path], questionLimit())
  // A commit that is not there (any more) proves nothing.
  return outcome.code === 0 ? /^160000 commit ([0-9a-f]+)\t/.exec(outcome.stdout)?.[1] : undefined
}

async function listGitlinks(checkout: string): Promise<string[]> {
  const entries = (await git(checkoutPlace(checkout), ['ls-files', '--stage', '-z'])).split('\0')
  return entries.filter((entry) => entry.startsWith('160000 ')).map((entry) => entry.slice(entry.indexOf('\t') + 1))
}

/** Undefined for a submodule that is not checked out. */
function findGitDir(checkout: string): string | undefined {
  const { gitDir } = checkoutPlace(checkout)
  return existsSync(gitDir) ? realpathSync(gitDir) : undefined
}

/** The git folders below `folder`; a submodule's name may hold slashes, and its folder those of its own. */
function findGitDirs(folder: string): string[] {
  if (!existsSync(folder)) return []
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folders.flatMap(({ name }) => {
    const path = join(folder, name)
    const isGitDir = existsSync(join(path, 'HEAD')) && existsSync(join(path, 'objects'))
    return isGitDir ? [path, ...findGitDirs(join(path, 'modules'))] : findGitDirs(path)
  })
}

/** With a work tree that is there: the one in a submodule's config may be gone, and git would not even read. */
function at(gitDir: string): GitPlace {
  return { gitDir, workTree: gitDir }
}

function splitLines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
