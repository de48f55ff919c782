/**
 * The upstream of a repository: the branch of a remote that work starts from and ends in, and how the local commits stand
 * to it. Reads only; a remote branch is known by its remote-tracking ref `refs/remotes/<remote>/<branch>`.
 */
import { git, tryGit } from './git.ts'
import { IsolateError } from './isolate-error.ts'

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
  /** Commits that only `start` has. */
  ahead: number
  /** Commits that only the upstream has. */
  behind: number
  isRelated: boolean
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
 * The upstream of the repository at `root`: `configured` (`origin/main`), else the default branch of the remote that the
 * current branch belongs to. Undefined when there is no remote, or nothing was ever fetched from it. One git process
 * without a remote, two for a clone. Throws `IsolateError` when `configured` names none of the remotes.
 */
export async function findUpstream(root: string, configured?: string): Promise<Upstream | undefined> {
  const remotes = await loadRemotes(root)
  if (remotes.size === 0) return undefined
  if (configured !== undefined) return parseConfigured(configured, remotes)
  const only = remotes.size === 1 ? [...remotes.keys()][0] : undefined
  const known = only === undefined ? undefined : await findBranch(root, only, [])
  if (only !== undefined && known !== undefined) return toUpstream(only, known, remotes)
  const tracking = await findTracking(root, remotes)
  const remote = tracking?.remote ?? only ?? (remotes.has('origin') ? 'origin' : undefined)
  if (remote === undefined) return undefined
  const own = tracking?.branch
  const branch = await findBranch(root, remote, own === undefined ? usualBranches : [own, ...usualBranches])
  return branch === undefined ? undefined : toUpstream(remote, branch, remotes)
}

/** How the commit `start` stands to the upstream. One git process when they are equal. Throws `IsolateError` when there is no such commit. */
export async function compareWithUpstream(root: string, upstream: Upstream, start: string): Promise<Comparison> {
  const [own, theirs] = await findCommits(root, [start, upstream.ref])
  if (own === undefined) throw noCommit(root)
  const none = { start: own, upstream: theirs, ahead: 0, behind: 0, isRelated: true }
  if (theirs === undefined || theirs === own) return none
  const counted = await git(root, ['rev-list', '--left-right', '--count', `${own}...${theirs}`])
  const [ahead = 0, behind = 0] = counted.trim().split('\t').map(Number)
  if (ahead === 0 || behind === 0) return { ...none, ahead, behind }
  const { code } = await tryGit(root, ['merge-base', own, theirs])
  return { ...none, ahead, behind, isRelated: code === 0 }
}

/** The commit at HEAD. Throws `IsolateError` when there is none yet. */
export async function requireHead(root: string): Promise<string> {
  const [head] = await findCommits(root, ['HEAD'])
  if (head === undefined) throw noCommit(root)
  return head
}

function noCommit(root: string): IsolateError {
  return new IsolateError(`${root} has no commit yet`, { hint: 'Commit something, then try again.' })
}

async function loadRemotes(root: string): Promise<Remotes> {
  const { stdout } = await tryGit(root, ['config', '-z', '--get-regexp', String.raw`^remote\..*\.url$`])
  const remotes = new Map<string, string>()
  for (const { key, value } of parseConfigList(stdout)) {
    const name = key.slice('remote.'.length, -'.url'.length)
    // The first of several URLs is the one that is fetched from.
    if (name !== '' && value !== '' && !remotes.has(name)) remotes.set(name, value)
  }
  return remotes
}

/** What the current branch is set to pull from; undefined on a detached HEAD and for a branch that is not set to. */
async function findTracking(root: string, remotes: Remotes): Promise<Tracking | undefined> {
  const { code, stdout } = await tryGit(root, ['symbolic-ref', '--quiet', '--short', 'HEAD'])
  if (code !== 0) return undefined
  const prefix = `branch.${stdout.trim()}.`
  const list = await tryGit(root, ['config', '-z', '--get-regexp', String.raw`^branch\..*\.(remote|merge)$`])
  const values = new Map(parseConfigList(list.stdout).map(({ key, value }) => [key, value]))
  const remote = values.get(`${prefix}remote`)
  const merge = values.get(`${prefix}merge`)
  if (remote === undefined || !remotes.has(remote) || !merge?.startsWith('refs/heads/')) return undefined
  return { remote, branch: merge.slice('refs/heads/'.length) }
}

/** The remote's default branch as its HEAD says, else the first of `others` that exists there. A dangling HEAD is not listed by git. */
async function findBranch(root: string, remote: string, others: readonly string[]): Promise<string | undefined> {
  const folder = `refs/remotes/${remote}/`
  const refs = ['HEAD', ...others].map((name) => folder + name)
  const list = await git(root, ['for-each-ref', '--format=%(refname)%00%(symref)', ...refs])
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
async function findCommits(root: string, names: readonly string[]): Promise<(string | undefined)[]> {
  const input = names.map((name) => `${name}^{commit}\n`).join('')
  const lines = (await git(root, ['cat-file', '--batch-check=%(objectname) %(objecttype)'], { input })).split('\n')
  return names.map((_, index) => /^([0-9a-f]+) commit$/.exec(lines[index] ?? '')?.[1])
}

/** Parses `git config -z --get-regexp`: `key LF value NUL`. */
function parseConfigList(text: string): { key: string; value: string }[] {
  return text
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [key, value] = splitAt(entry, '\n')
      return { key, value }
    })
}

function splitAt(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator)
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + separator.length)]
}
