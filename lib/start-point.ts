/** Chooses the commit that a new worktree's branch starts at: never behind the upstream where that can be had. */
import { fetchUpstream } from './fetch-upstream.ts'
import type { Project } from './project.ts'
import type { RebaseTarget } from './rebase.ts'
import type { Reporter } from './reporter.ts'
import {
  compareWithUpstream,
  findUpstream,
  requireHead,
  upstreamName,
  type Comparison,
  type Upstream,
} from './upstream.ts'

export type StartPoint = {
  /** The commit to make the branch at. */
  commit: string
  /** Both sides have moved: rebase the new branch onto this. */
  rebaseOnto?: RebaseTarget
}

/** A new worktree waits for the net once in five minutes at most; `sync` is there for who wants the very newest. */
const staleAfterMs = 300_000

/** Fetches as configured, then compares HEAD with the upstream. Throws `IsolateError` where there is no commit yet. */
export async function chooseStart({ repository, config }: Project, reporter: Reporter): Promise<StartPoint> {
  const { commonDir } = repository
  // Where the caller is: a subagent of a session in a worktree starts from that session's commits.
  const root = repository.checkout ?? repository.source ?? commonDir
  const upstream = await findUpstream(root, config.sync.upstream)
  if (upstream === undefined) return { commit: await requireHead(root) }
  const { fetch: mode, timeoutMs } = config.sync
  await fetchUpstream({ root, commonDir, upstream, mode, staleAfterMs, timeoutMs, reporter })
  const comparison = await compareWithUpstream(root, upstream, 'HEAD')
  if (!comparison.isRelated) {
    const name = upstreamName(upstream)
    reporter.warn(`${name} and the local commits have no past in common; the new branch starts at the local ones`)
  }
  return planStart(comparison, upstream)
}

/** The upstream where it is strictly ahead; else the local commits, to be rebased where both have moved. Pure. */
export function planStart(comparison: Comparison, upstream: Upstream): StartPoint {
  const { start, upstream: theirs, ahead, behind, isRelated } = comparison
  if (theirs === undefined || behind === 0 || !isRelated) return { commit: start }
  if (ahead === 0) return { commit: theirs }
  return { commit: start, rebaseOnto: { commit: theirs, upstream, behind } }
}
