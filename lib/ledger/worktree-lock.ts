/** The lock of one worktree: whoever makes, changes or removes it, or its lease, holds it. */
import { noDeadline, type Deadline } from '../report/deadline.ts'
import type { Reporter } from '../report/reporter.ts'
import { withLock } from '../state/lock.ts'
import { identityKey, type WorktreeIdentity } from './ledger.ts'

/** A set-up may install for minutes; in ms. */
const longestWaitMs = 600_000

/** Throws `IsolateError` when another process holds it until the deadline. */
export function withWorktreeLock<T>(
  identity: WorktreeIdentity,
  { reporter, deadline = noDeadline }: { reporter: Reporter; deadline?: Deadline },
  work: () => Promise<T>,
): Promise<T> {
  const purpose = `the worktree ${identity.worktree}`
  const onWait = (): void => reporter.progress(`waiting for another process that works on ${identity.worktree}`)
  const waitMs = deadline.remainingMs(longestWaitMs)
  return withLock(`worktree-${identityKey(identity)}`, { purpose, waitMs, onWait }, work)
}
