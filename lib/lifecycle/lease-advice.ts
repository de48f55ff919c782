/** What there is to say about a lease, and to do: the same words wherever it is met. Pure. */
import { isBeingMade, isPostponed, type Lease } from '../ledger/lease.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Verdict } from './judge-leases.ts'

export type Advice = {
  /** What is the matter: "its set-up was interrupted". */
  what: string
  /** What to do next: a sentence with the command in it. */
  hint: string
}

/** Undefined where nothing is the matter. */
export function adviceOn(lease: Lease, verdict: Verdict): Advice | undefined {
  const { worktree, root, state, name } = lease
  switch (verdict) {
    case 'use':
      return lease.isMoved
        ? { what: 'it was moved', hint: `Bring its environment up to date: agent-isolate setup -C ${worktree}` }
        : undefined
    case 'wait':
      return isBeingMade(lease)
        ? { what: 'it is being made', hint: 'Wait until it is ready: agent-isolate list' }
        : { what: 'it is being removed', hint: 'Wait until it is gone: agent-isolate list' }
    case 'finish':
      return {
        what: 'its set-up was interrupted',
        hint: `Finish it: agent-isolate setup -C ${worktree}; or release it, unless it holds work: agent-isolate gc`,
      }
    case 'release':
      return { what: whyTakenBack(lease), hint: hintTakenBack(state, name) }
    case 'keep':
      return {
        what: 'its folder is gone, but git keeps its place',
        hint: `If it is gone for good: git worktree unlock ${worktree}; git worktree prune; agent-isolate gc`,
      }
    case 'repair':
      return {
        what: 'it was moved with its repository, and git does not know it here',
        hint: `Tell git: git -C ${root} worktree repair ${worktree}`,
      }
    case 'out of reach':
      return {
        what: `its repository is gone from ${root}`,
        hint: 'If it was renamed, run agent-isolate gc in it; to release its ports: agent-isolate gc --unreachable',
      }
  }
}

/** The error for whoever needs the worktree, and cannot have it. */
export function notUsable(lease: Lease, verdict: Verdict): IsolateError {
  const { what, hint } = adviceOn(lease, verdict) ?? { what: 'it cannot be used just now', hint: 'Try again.' }
  return new IsolateError(`${lease.worktree}: ${what}`, { hint })
}

function whyTakenBack(lease: Lease): string {
  if (isPostponed(lease)) return 'some of it is left on an engine or a server'
  if (lease.state === 'creating') return 'its creation was interrupted'
  if (lease.state === 'removing' || lease.state === 'discarding') return 'its removal was interrupted'
  return 'its folder is gone'
}

function hintTakenBack(state: Lease['state'], name: string): string {
  const gc = 'Release what is left of it: agent-isolate gc'
  return state === 'creating' ? `${gc}; or make it again: agent-isolate create ${name}` : gc
}
