/** One end for all of a creation: each wait on its path takes what is left, so that together they cannot exceed it. */
import { IsolateError } from './isolate-error.ts'

export type Deadline = {
  /** All that there is, in ms since the process began; Infinity where nobody waits. */
  limitMs: number
  /** What a wait may take: `most` ms, or what is left, and never less than 1. */
  remainingMs: (most: number) => number
  hasPassed: () => boolean
}

/** For the command line, where whoever waits can see how it goes, and end it. */
export const noDeadline: Deadline = deadlineAt(Infinity)

/** `limitMs` after this process began: `now` is the time since then. */
export function deadlineAt(limitMs: number, now: () => number = () => performance.now()): Deadline {
  return {
    limitMs,
    remainingMs: (most) => Math.max(1, Math.min(most, Math.floor(limitMs - now()))),
    hasPassed: () => now() >= limitMs,
  }
}

/** For a program that is to run as long as it likes where there is no deadline. */
export function timeLimit({ limitMs, remainingMs }: Deadline): { timeoutMs?: number } {
  return limitMs === Infinity ? {} : { timeoutMs: remainingMs(limitMs) }
}

/** How long a step took, in ms. */
export type Step = { step: string; ms: number }

/** The error for a step that was not done in time; `steps` are all until now, that one the last. Pure. */
export function timeIsUp({ limitMs }: Deadline, steps: readonly Step[], cause: unknown): IsolateError {
  const last = steps.at(-1)
  const longest = steps.toSorted((a, b) => b.ms - a.ms)[0]
  const isOther = longest !== undefined && longest !== last && longest.ms > limitMs / 2
  const used = isOther ? ` ("${longest.step}" took ${seconds(longest.ms)} of them)` : ''
  const why = cause instanceof IsolateError ? `: ${cause.message}` : ''
  return new IsolateError(`the ${seconds(limitMs)} of a hook were over${used} before "${last?.step}" was done${why}`, {
    hint: 'A terminal has no such limit: agent-isolate create NAME there, and the agent opens that worktree. A hook with a longer "timeout" in the settings needs AGENT_ISOLATE_DEADLINE_SECONDS, half a minute less, too.',
    cause,
  })
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
