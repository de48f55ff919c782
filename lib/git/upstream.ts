/**
 * The upstream of a repository: the branch of a remote that work starts from and ends in, and how the local commits stand
 * to it. Reads only; a remote branch is known by its remote-tracking ref `refs/remotes/<remote>/<branch>`.
 */
import { askGit, git, type GitPlace } from './git.ts'
import { lastValue, type GitConfig } from './git-config.ts'
import { IsolateError } from '../report/isolate-error.ts'

export type Upstream = {
  /** May contain slashes. */
  remote: string
  branch: string
  /** `refs/remotes/origin/main`; need not exist yet when the upstream was configured. */
  ref: string
  /** The remote's URL as git's config has it. */
  url: string
}

/** How a commit stands to the upstream. */
export type Comparison = {
  start: string
  /** Undefined when the remote-tracking ref does not exist. */
  upstream: string | undefined
  /** Commits of its own: the upstream has not got them, and as far as the ref's reflog tells it never had. */
  ahead: number
  /** Commits that only the upstream has. */
  behind: number
  /** Set when `start` has commits that the upstream once had, and has no longer: it was force-pushed. */
  dropped?: Dropped
  isRelated: boolean
}

export type Dropped = {
  count: number
  /** The last commit that the upstream once had; `start`'s own come after it. */
  forkPoint: string
}

/** URLs by name. */
type Remotes = ReadonlyMap<string, string>
type Tracking = { remote: string; branch: string }

/** Tried in this order where a remote does not say which branch is its default. */
const usualBranches = ['main', 'master', 'trunk', 'develop']

/** `origin/main`, for a person to read. */
export function upstreamName({ remote, branch }: Upstream): string {
  return `${remote}/${branch}`
}

/**
 * The upstream of the repository: `configured` (`origin/main`), else the default branch of the remote that the
 * current branch belongs to. Undefined when there is no remote, or nothing was ever fetched from it. No git process without
 * a remote, one for a clone. Throws `IsolateError` when `configured` names none of the remotes.
 */
export async function findUpstream(
  place: GitPlace,
  config: GitConfig,
  configured?: string,
): Promise<Upstream | undefined> {
  const remotes = remotesIn(config)
  if (remotes.size === 0) return undefined
  if (configured !== undefined) return parseConfigured(configured, remotes)
  const only = remotes.size === 1 ? [...remotes.keys()][0] : undefined
  const known = only === undefined ? undefined : await findBranch(place, only, [])
  if (only !== undefined && known !== undefined) return toUpstream(only, known, remotes)
  const tracking = await findTracking(place, config, remotes)
  const remote = tracking?.remote ?? only ?? (remotes.has('origin') ? 'origin' : undefined)
  if (remote === undefined) return undefined
  const own = tracking?.branch
  const branch = await findBranch(place, remote, own === undefined ? usualBranches : [own, ...usualBranches])
  return branch === undefined ? undefined : toUpstream(remote, branch, remotes)
}

/**
 * How the commit `start` stands to the upstream. One git process when they are equal, two or three more otherwise. Throws
 * `IsolateError` when there is no such commit.
 */
export async function compareWithUpstream(
  place: GitPlace,
  config: GitConfig,
  upstream: Upstream,
  start: string,
): Promise<Comparison> {
  const [own, theirs] = await findCommits(place, [start, upstream.ref])
  if (own === undefined) throw noCommit(place)
  const none = { start: own, upstream: theirs, ahead: 0, behind: 0, isRelated: true }
  if (theirs === undefined || theirs === own) return none
  const counted = await git(place, ['rev-list', '--left-right', '--count', `${own}...${theirs}`])
  const [more = 0, behind = 0] = counted.trim().split('\t').map(Number)
  if (more === 0) return { ...none, behind }
  const dropped = await findDropped(place, config, upstream, { own, theirs, more })
  const ahead = more - (dropped?.count ?? 0)
  const isRelated = behind === 0 || (await findMergeBase(place, [own, theirs])) !== undefined
  return { ...none, ahead, behind, isRelated, ...(dropped === undefined ? {} : { dropped }) }
}

/** True when any of `start`'s own commits is on some branch of some remote: others may have it, and it must not be rewritten. */
export async function hasPublishedCommits(place: GitPlace, { start, ahead, dropped }: Comparison): Promise<boolean> {
  if (ahead === 0) return false
  const known = dropped === undefined ? [] : [dropped.forkPoint]
  const unpublished = await git(place, ['rev-list', '--count', start, '--not', '--remotes', ...known])
  return Number(unpublished) < ahead
}

/** `more`: how many commits `own` has that `theirs` has not. As `git rebase` tells whose they are: git-merge-base(1), fork-point mode. */
async function findDropped(
  place: GitPlace,
  config: GitConfig,
  { ref }: Upstream,
  { own, theirs, more }: { own: string; theirs: string; more: number },
): Promise<Dropped | undefined> {
  const forkPoint = await findMergeBase(place, ['--fork-point', ref, own])
  if (forkPoint === undefined || forkPoint === theirs) return undefined
  const ahead = Number(await git(place, ['rev-list', '--count', own, '--not', theirs, forkPoint]))
  if (ahead === more || (await isOnOwnRemoteBranch(place, config, ref, forkPoint))) return undefined
  return { count: more - ahead, forkPoint }
}

/** The branch that is checked out may be pushed to one that has kept what the upstream has dropped: then it is no one's to leave out. */
async function isOnOwnRemoteBranch(place: GitPlace, config: GitConfig, ref: string, commit: string): Promise<boolean> {
  const tracking = await findTracking(place, config, remotesIn(config))
  const own = tracking === undefined ? ref : `refs/remotes/${tracking.remote}/${tracking.branch}`
  if (own === ref) return false
  const [exists] = await findCommits(place, [own])
  return exists !== undefined && (await askGit(place, ['merge-base', '--is-ancestor', commit, own])) !== undefined
}

async function findMergeBase(place: GitPlace, args: readonly string[]): Promise<string | undefined> {
  return (await askGit(place, ['merge-base', ...args]))?.trim()
}

/** The commit at HEAD. Throws `IsolateError` when there is none yet. */
export async function requireHead(place: GitPlace): Promise<string> {
  const [head] = await findCommits(place, ['HEAD'])
  if (head === undefined) throw noCommit(place)
  return head
}

function noCommit({ workTree, gitDir }: GitPlace): IsolateError {
  return new IsolateError(`${workTree ?? gitDir} has no commit yet`, { hint: 'Commit something, then try again.' })
}

function remotesIn(config: GitConfig): Remotes {
  const remotes = new Map<string, string>()
  for (const [key, [url = '']] of config) {
    // The first of several URLs is the one that is fetched from.
    const name = /^remote\.(.+)\.url$/s.exec(key)?.[1]
    if (name !== undefined && url !== '') remotes.set(name, url)
  }
  return remotes
}

/** What the current branch is set to pull from; undefined on a detached HEAD and for a branch that is not set to. */
async function findTracking(place: GitPlace, config: GitConfig, remotes: Remotes): Promise<Tracking | undefined> {
  const own = await askGit(place, ['symbolic-ref', '--quiet', '--short', 'HEAD'])
  if (own === undefined) return undefined
  const prefix = `branch.${own.trim()}.`
  const remote = lastValue(config, `${prefix}remote`)
  const merge = lastValue(config, `${prefix}merge`)
  if (remote === undefined || !remotes.has(remote) || !merge?.startsWith('refs/heads/')) return undefined
  return { remote, branch: merge.slice('refs/heads/'.length) }
}

/** The remote's default branch as its HEAD says, else the first of `others` that exists there. A dangling HEAD is not listed by git. */
async function findBranch(place: GitPlace, remote: string, others: readonly string[]): Promise<string | undefined> {
  const folder = `refs/remotes/${remote}/`
  const refs = ['HEAD', ...others].map((name) => folder + name)
  const list = await git(place, ['for-each-ref', '--format=%(refname)%00%(symref)', ...refs])
  const found = new Map(list.split('\n').map((line) => splitAt(line, '\0')))
  const head = found.get(`${folder}HEAD`)
  if (head?.startsWith(folder)) return head.slice(folder.length)
  return others.find((name) => found.has(folder + name))
}

function parseConfigured(configured: string, remotes: Remotes): Upstream {
  const names = [...remotes.keys()].filter((name) => configured.startsWith(`${name}/`))
  const remote = names.toSorted((a, b) => b.length - a.length)[0]
  const branch = remote === undefined ? '' : configured.slice(remote.length + 1)
  if (remote !== undefined && branch !== '') return toUpstream(remote, branch, remotes)
  throw new IsolateError(`the upstream "${configured}" names no remote of this repository`, {
    hint: `Write REMOTE/BRANCH in "sync.upstream"; the remotes are: ${[...remotes.keys()].join(', ')}.`,
  })
}

function toUpstream(remote: string, branch: string, remotes: Remotes): Upstream {
  return { remote, branch, ref: `refs/remotes/${remote}/${branch}`, url: remotes.get(remote) ?? '' }
}

/** The commits that the names stand for, in one process; undefined for a name that stands for none. */
async function findCommits(place: GitPlace, names: readonly string[]): Promise<(string | undefined)[]> {
  const input = names.map((name) => `${name}^{commit}\n`).join('')
  const lines = (await git(place, ['cat-file', '--batch-check=%(objectname) %(objecttype)'], { input })).split('\n')
  return names.map((_, index) => /^([0-9a-f]+) commit$/.exec(lines[index] ?? '')?.[1])
}

function splitAt(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator)
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + separator.length)]
}
