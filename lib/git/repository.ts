/** Where we are: the repository of a folder, its main checkout and its worktrees, found by asking git. */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { askGit, gitFailure, questionLimit, tryGit, tryGitIn, type GitPlace } from './git.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { findLinkedGitDir, ownFolderInGitDir, rootMark } from './linked-git-dir.ts'
import { readIfAny, findStatus } from '../files/read-if-any.ts'

export type Repository = {
  /** Where worktrees are made: the top of the main checkout, or, for a bare repository, the folder that holds it. */
  root: string
  /** What a new worktree takes its files from: the main checkout; for a bare repository the worktree we stand in, if any. */
  source: string | undefined
  /** The git folder that all worktrees share. With a worktree's path it is the worktree's identity. */
  commonDir: string
  /** Where git looks for hooks (core.hooksPath included). */
  hooksFolder: string
  /** The checkout we stand in; undefined inside a git folder. */
  checkout: string | undefined
  /** The git folder of that checkout; equals `commonDir` in the main checkout. */
  gitDir: string
}

/** Where we stand, for git. */
export function placeHere({ gitDir, checkout }: Repository): GitPlace {
  return { gitDir, workTree: checkout }
}

/** `source`, for git; the shared git folder where there is none. */
export function sourcePlace({ source, checkout, gitDir, commonDir }: Repository): GitPlace {
  return source === checkout ? { gitDir, workTree: checkout } : { gitDir: commonDir, workTree: source }
}

/** One entry of `git worktree list`. */
export type ListedWorktree = {
  path: string
  /** Commit; 40 or 64 zeros in a repository without one. */
  head: string
  /** Short branch name; undefined when HEAD is detached. */
  branch: string | undefined
  isBare: boolean
  isLocked: boolean
}

/** Works from any subfolder, linked worktree or git folder. Throws `IsolateError` outside a repository. */
export async function requireRepository(cwd: string): Promise<Repository> {
  const repository = await findRepository(cwd)
  if (repository !== undefined) return repository
  throw new IsolateError(`not in a git repository: ${cwd}`, {
    hint: 'Run this inside a repository, or make one: git init',
  })
}

/** The same, but undefined outside a repository. Throws `IsolateError` where git cannot tell. */
export async function findRepository(cwd: string): Promise<Repository | undefined> {
  requireDirectory(cwd)
  const args = [
    'rev-parse',
    '--path-format=absolute',
    '--is-bare-repository',
    '--git-common-dir',
    '--absolute-git-dir',
    '--git-path',
    'hooks',
    '--show-toplevel',
  ]
  const outcome = await tryGitIn(cwd, args, { ...questionLimit(), searchesAbove: true })
  const [bare, common, gitDirectory, hooks, toplevel] = outcome.stdout.split('\n')
  // Outside a work tree only the last question fails; without a repository all of them do.
  if (!common || !gitDirectory || !hooks) {
    if (outcome.stderr.includes('not a git repository')) return undefined
    throw new IsolateError(`git cannot use ${cwd}: ${outcome.stderr.trim()}`)
  }
  const commonDir = realpathSync(common)
  const gitDir = realpathSync(gitDirectory)
  const isMain = gitDir === commonDir
  const checkout = toplevel ? requireCheckout(realpathSync(toplevel), gitDir, isMain) : undefined
  const place = isMain && bare === 'false' && checkout ? checkout : await findMainCheckout(commonDir, gitDir)
  return {
    root: place ?? bareRoot(commonDir),
    source: place ?? checkout,
    commonDir,
    hooksFolder: hooks,
    checkout,
    gitDir,
  }
}

/**
 * All worktrees of the repository, the main one first. Asked without the lock, git stumbles now and then over a worktree
 * that is just being added (measured: "failed to read …/commondir: Success"); it is asked again then.
 */
export async function listWorktrees(commonDir: string): Promise<ListedWorktree[]> {
  const place = { gitDir: commonDir }
  const args = ['worktree', 'list', '--porcelain', '-z']
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryGit(place, args, questionLimit())
    if (outcome.code === 0) return parseWorktreeList(outcome.stdout)
    const isHalfMade = /failed to read .*(commondir|gitdir)/.test(outcome.stderr)
    if (!isHalfMade || attempt === listAttempts) throw gitFailure(place, args, outcome)
    await sleep(listNapMs)
  }
}

const listAttempts = 20
const listNapMs = 10

/** Parses `git worktree list --porcelain -z`: NUL-ended lines, an empty one after each worktree. */
export function parseWorktreeList(text: string): ListedWorktree[] {
  return text
    .split('\0\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const fields = new Map(
        entry.split('\0').map((line): [string, string] => {
          const [key = '', ...rest] = line.split(' ')
          return [key, rest.join(' ')]
        }),
      )
      return {
        path: fields.get('worktree') ?? '',
        head: fields.get('HEAD') ?? '',
        branch: fields.get('branch')?.replace(/^refs\/heads\//, ''),
        isBare: fields.has('bare'),
        isLocked: fields.has('locked'),
      }
    })
}

/** Undefined when the repository is bare. `gitDir`: the one of the worktree that we stand in. */
async function findMainCheckout(commonDir: string, gitDir: string): Promise<string | undefined> {
  const [main] = await listWorktrees(commonDir)
  if (main === undefined || main.isBare) return undefined
  if (basename(commonDir) === '.git') return dirname(commonDir)
  // A submodule's git folder lies in its superproject's and names the checkout in its config.
  const configured = await askGit({ gitDir: commonDir }, ['config', '--file', `${commonDir}/config`, 'core.worktree'])
  if (configured !== undefined) return realpathSync(resolve(commonDir, configured.trim()))
  // Of a repository made with --separate-git-dir git itself does not know it. We wrote it down when we made the worktree.
  const noted = readIfAny(join(gitDir, ownFolderInGitDir, rootMark))
  if (noted !== undefined && isCheckoutOf(noted, commonDir)) return noted
  throw new IsolateError(
    `the main checkout of ${commonDir} cannot be found (a repository made with --separate-git-dir)`,
    {
      hint: `Tell git where it is: git config --file ${commonDir}/config core.worktree /path/of/the/checkout`,
    },
  )
}

/**
 * The checkout that `gitDir` is of. In a linked worktree git may name another one, which is not to be touched: with
 * `extensions.worktreeConfig` a `core.worktree` of the shared config holds there too. Throws `IsolateError` where the
 * worktree cannot be found.
 */
function requireCheckout(toplevel: string, gitDir: string, isMain: boolean): string {
  if (isMain || isCheckoutOf(toplevel, gitDir)) return toplevel
  const named = dirname(readIfAny(join(gitDir, 'gitdir'))?.trim() ?? '')
  if (isCheckoutOf(named, gitDir)) return realpathSync(named)
  throw new IsolateError(`git takes ${toplevel} for the checkout of ${gitDir}, which it is not`, {
    hint: 'See core.worktree in its config (git config --show-origin core.worktree); after a move: git worktree repair',
  })
}

function isCheckoutOf(folder: string, gitDir: string): boolean {
  const found = findLinkedGitDir(folder)
  return found !== undefined && existsSync(found) && realpathSync(found) === gitDir
}

/** `project/.bare` and `project/.git` belong to the project's folder; `project.git` keeps its worktrees inside itself. */
function bareRoot(commonDir: string): string {
  return basename(commonDir).startsWith('.') ? dirname(commonDir) : commonDir
}

function requireDirectory(path: string): void {
  if (!path.includes('\0') && findStatus(path)?.isDirectory()) return
  throw new IsolateError(`no such folder: ${JSON.stringify(path)}`, { hint: 'Start from a folder of the repository.' })
}
