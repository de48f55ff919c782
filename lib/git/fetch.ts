/**
 * Fetches the upstream's branch, and only that: bounded in time, once for many processes at once, and never the reason
 * why anything else fails. When it was tried last is remembered in the state folder, by repository and branch.
 */
import { renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../files/digest.ts'
import { tryGit, type GitPlace } from './git.ts'
import { lastValue, type GitConfig } from './git-config.ts'
import { errorText, IsolateError } from '../report/isolate-error.ts'
import { withLock } from '../state/lock.ts'
import { isObject, parseJson, textOf } from '../files/json.ts'
import { readIfAny } from '../files/read-if-any.ts'
import type { Reporter } from '../report/reporter.ts'
import type { Outcome } from '../processes/run.ts'
import { requireStateFolder } from '../state/state-folder.ts'
import { writeTemporaryFile } from '../state/temporary-file.ts'
import { upstreamName, type Upstream } from './upstream.ts'
import { repositoryLockName } from './worktree.ts'

export type FetchOptions = {
  /** git is run there: a remote's URL may be a path relative to it. */
  place: GitPlace
  config: GitConfig
  commonDir: string
  upstream: Upstream
  /** `stale`: unless fetched in the last `staleAfterMs`. `always`: unless another process began to after this call. */
  mode: 'stale' | 'always' | 'never'
  staleAfterMs: number
  timeoutMs: number
  reporter: Reporter
}

/** `failed` also when another process failed a moment ago and it was therefore not tried again. */
export type FetchResult = 'fetched' | 'skipped' | 'failed'

/** When the branch was last tried; ms since 1970. `failure` holds git's words, for the processes that do not try again. */
type LastTry = { startedAt: number; endedAt: number; failure: string | undefined }

/** An offline machine is found out once, not by each of twenty worktrees; a minute later the net may be back. */
const retryAfterMs = 60_000

/**
 * Keeps git and what it starts from asking anybody for anything. An empty askpass program is none, to git and to ssh
 * alike (gitcredentials(7), ssh(1)); credential helpers still work. GCM_INTERACTIVE is Git Credential Manager's.
 */
export const promptlessEnvironment: NodeJS.ProcessEnv = {
  GIT_ASKPASS: '',
  SSH_ASKPASS: '',
  SSH_ASKPASS_REQUIRE: 'never',
  GCM_INTERACTIVE: 'never',
}

/** Brings the remote-tracking ref up to date. A failure or time-out is one warning, never an error. No process where it is fresh. */
export async function fetchUpstream(options: FetchOptions): Promise<FetchResult> {
  if (options.mode === 'never') return 'skipped'
  const calledAt = Date.now()
  try {
    const known = findRecentResult(options, calledAt)
    if (known !== undefined) return known
    const purpose = `the fetch of ${upstreamName(options.upstream)}`
    // Who holds the lock fetches, for one time-out at most; whoever waits sees the result and does not.
    const lock = { purpose, waitMs: 3 * options.timeoutMs + 10_000 }
    // `git worktree add` holds the same lock: a fetch meanwhile fails now and then ("bad object worktrees/x/HEAD", 4 of 120).
    const work = async (): Promise<FetchResult> => findRecentResult(options, calledAt) ?? (await fetchNow(options))
    return await withLock(repositoryLockName(options.commonDir), lock, work)
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    warnOfFailure(options, errorText(error))
    return 'failed'
  }
}

/** What there is to say without fetching; undefined when it is time to fetch. */
function findRecentResult(options: FetchOptions, calledAt: number): FetchResult | undefined {
  const last = loadLastTry(lastTryPath(options))
  const isRecent = last !== undefined && isStillGood(last, options, calledAt, Date.now())
  if (isRecent && last.failure !== undefined) {
    warnOfFailure(options, last.failure)
    return 'failed'
  }
  return isRecent || (options.mode === 'stale' && wasFetchedByUser(options)) ? 'skipped' : undefined
}

/** Pure. A success counts from when it began, a failure from its end: it may have lasted for a whole time-out. */
function isStillGood(last: LastTry, { mode, staleAfterMs }: FetchOptions, calledAt: number, now: number): boolean {
  const at = last.failure === undefined ? last.startedAt : last.endedAt
  if (mode === 'always') return at >= calledAt && at <= now
  const limit = last.failure === undefined ? staleAfterMs : Math.min(staleAfterMs, retryAfterMs)
  return at <= now && now - at < limit
}

async function fetchNow(options: FetchOptions): Promise<FetchResult> {
  const { place, config, upstream, timeoutMs, reporter } = options
  const startedAt = Date.now()
  reporter.progress(`fetching ${upstreamName(upstream)}`)
  const env = { ...promptlessEnvironment, ...sshEnvironment(config) }
  const outcome = await tryGit(place, fetchArguments(upstream), { env, timeoutMs })
  const failure = outcome.code === 0 ? undefined : describeOutcome(outcome, timeoutMs)
  saveLastTry(lastTryPath(options), { startedAt, endedAt: Date.now(), failure })
  if (failure === undefined) return 'fetched'
  warnOfFailure(options, failure)
  return 'failed'
}

/** FETCH_HEAD is left to the user's own fetches. Maintenance would go on in the background, as a process of nobody's. */
function fetchArguments({ remote, branch, ref }: Upstream): string[] {
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-auto-maintenance']
  return ['-c', 'credential.interactive=false', 'fetch', ...options, '--', remote, `+refs/heads/${branch}:${ref}`]
}

/**
 * ssh in batch mode, unless the user chose an ssh of their own (which has no terminal to ask on either). No connection
 * is left open for others to share: its process would outlive us.
 */
function sshEnvironment(config: GitConfig): NodeJS.ProcessEnv {
  if (process.env['GIT_SSH_COMMAND'] !== undefined || process.env['GIT_SSH'] !== undefined) return {}
  return lastValue(config, 'core.sshcommand') === undefined
    ? { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ControlMaster=no' }
    : {}
}

/** True when FETCH_HEAD says that the user fetched this branch lately. git empties it before a fetch that then fails. */
function wasFetchedByUser({ commonDir, upstream, staleAfterMs }: FetchOptions): boolean {
  const path = join(commonDir, 'FETCH_HEAD')
  const modifiedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs
  if (modifiedAt === undefined || Date.now() - modifiedAt >= staleAfterMs) return false
  const source = `\tbranch '${upstream.branch}' of ${shownUrl(upstream.url)}`
  return (readIfAny(path) ?? '').split('\n').some((line) => line.endsWith(source))
}

/** A URL as git writes it into FETCH_HEAD: without user, password, final slashes and `.git` (git's builtin/fetch.c). Pure. */
export function shownUrl(url: string): string {
  const anonymous = url.replace(/^([a-z+]+:\/\/)?[^/@]*@/, '$1')
  return anonymous.replace(/\/+$/, '').replace(/\.git$/, '')
}

function warnOfFailure({ upstream, reporter }: FetchOptions, failure: string): void {
  const name = upstreamName(upstream)
  const hint = failure.includes("couldn't find remote ref")
    ? `; if the remote's default branch was renamed: git remote set-head ${upstream.remote} --auto`
    : ''
  reporter.warn(`${name} could not be fetched (${failure}); going on with what was fetched before${hint}`)
}

/** Git's own words on one line: the first that names a failure. */
function describeOutcome({ timedOut, stderr, code, signal }: Outcome, timeoutMs: number): string {
  if (timedOut) return `no answer within ${timeoutMs / 1000} s`
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  const words = lines.find((line) => /^(?:fatal|error): /.test(line)) ?? lines[0]
  return words?.replace(/^(?:fatal|error): /, '').trim() ?? `git ended with ${code ?? signal}`
}

function lastTryPath({ commonDir, upstream: { url, ref } }: FetchOptions): string {
  const key = digestOf([commonDir, url, ref].join('\0'), 32)
  return join(requireStateFolder('fetched'), key)
}

function saveLastTry(path: string, last: LastTry): void {
  renameSync(writeTemporaryFile(JSON.stringify(last), { durable: false }), path)
}

/** Undefined also for a file that a crash of the machine tore: then it is fetched again. */
function loadLastTry(path: string): LastTry | undefined {
  return parseLastTry(parseJson(readIfAny(path) ?? ''))
}

function parseLastTry(value: unknown): LastTry | undefined {
  if (!isObject(value)) return undefined
  const { startedAt, endedAt, failure } = value
  if (typeof startedAt !== 'number' || typeof endedAt !== 'number') return undefined
  return { startedAt, endedAt, failure: textOf(failure) }
}
