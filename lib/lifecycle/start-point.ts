/**
 * Chooses the commit that a new worktree's branch starts at: never behind the upstream where that can be had without
 * rewriting a commit that somebody else may have.
 */
import { fetchUpstream } from '../git/fetch.ts'
import type { GitConfig } from '../git/git-config.ts'
import type { RebaseTarget } from '../git/rebase.ts'
import { placeHere, sourcePlace } from '../git/repository.ts'
import {
  compareWithUpstream,
  findUpstream,
  hasPublishedCommits,
  requireHead,
  upstreamName,
  type Comparison,
  type Upstream,
} from '../git/upstream.ts'
import type { Project } from '../project/project.ts'
import { count } from '../report/count.ts'
import type { Tools } from './prepare.ts'

export type StartPoint = {
  /** The commit to make the branch at. */
  commit: string
  /** Both sides have moved, and no remote has the local commits: rebase the new branch onto this. */
  rebaseOnto?: RebaseTarget
}

/** A new worktree waits for the net once in five minutes at most; `sync` is there for who wants the very newest. */
const staleAfterMs = 300_000

/** Fetches as configured, then compares HEAD with the upstream. Throws `IsolateError` where there is no commit yet. */
export async function chooseStart(
  { repository, config }: Project,
  gitConfig: GitConfig,
  { reporter, deadline }: Pick<Tools, 'reporter' | 'deadline'>,
): Promise<StartPoint> {
  const { commonDir } = repository
  // Where the caller is: a subagent of a session in a worktree starts from that session's commits.
  const here = placeHere(repository)
  const upstream = await findUpstream(here, gitConfig, config.sync.upstream)
  if (upstream === undefined) return { commit: await requireHead(here) }
  const { fetch: mode } = config.sync
  const timeoutMs = deadline.remainingMs(config.sync.timeoutMs)
  const place = sourcePlace(repository)
  await fetchUpstream({ place, config: gitConfig, commonDir, upstream, mode, staleAfterMs, timeoutMs, reporter })
  const comparison = await compareWithUpstream(here, gitConfig, upstream, 'HEAD')
  const isPublished = hasBothMoved(comparison) && (await hasPublishedCommits(here, comparison))
  const remark = describeStart(comparison, upstreamName(upstream), isPublished)
  if (remark !== undefined) reporter.warn(remark)
  return planStart(comparison, upstream, isPublished)
}

/**
 * The upstream where HEAD has nothing of its own; else the local commits, to be rebased where both have moved. Commits that
 * some remote has (`isPublished`) stay as they are. Pure.
 */
export function planStart(comparison: Comparison, upstream: Upstream, isPublished: boolean): StartPoint {
  const { start, upstream: theirs, ahead, behind, dropped } = comparison
  if (theirs === undefined || !hasMoved(comparison)) return { commit: start }
  if (ahead === 0) return { commit: theirs }
  if (isPublished) return { commit: start }
  return { commit: start, rebaseOnto: { commit: theirs, upstream, behind, after: dropped?.forkPoint ?? theirs } }
}

/** What to say of a start that is not simply the newest. Pure. */
function describeStart(comparison: Comparison, name: string, isPublished: boolean): string | undefined {
  const { behind, dropped, isRelated } = comparison
  if (!isRelated) return `${name} and the local commits have no past in common; the new branch starts at the local ones`
  const gone = dropped === undefined ? '' : `${count(dropped.count, 'commit')} that ${name} has dropped since`
  if (!isPublished) return gone === '' ? undefined : `the new branch leaves out ${gone} (it was force-pushed)`
  const lacks = [behind > 0 ? `${behind} behind ${name}` : '', gone === '' ? '' : `with ${gone}`]
  const how = behind > 0 ? '; agent-isolate sync in the worktree merges the rest' : ''
  return `the new branch starts at pushed commits, which are not rewritten: ${lacks.filter((one) => one !== '').join(', ')}${how}`
}

function hasMoved({ behind, dropped, isRelated }: Comparison): boolean {
  return isRelated && (behind > 0 || dropped !== undefined)
}

function hasBothMoved(comparison: Comparison): boolean {
  return comparison.ahead > 0 && hasMoved(comparison)
}
