/** What is to become of files, as data: a change of each, and the plan that they make up. */
import type { NamedService } from './find-services.ts'

/** One file. `path` is absolute; undefined text means that there is no such file. */
export type FileChange = {
  path: string
  before: string | undefined
  after: string | undefined
  /** Permissions of a new file; an existing one keeps its own. */
  mode?: number
  /** A file of the copied program, summarised rather than shown line by line. */
  isBundled?: boolean
}

export type InitPlan = {
  changes: readonly FileChange[]
  /** Advice, one line or a short paragraph each: what Claude Code ignores, the line with which a framework takes its port. */
  notes: readonly string[]
  /** Copied files of ours that somebody has edited: kept as they are unless `edited` is 'overwrite'. Absolute paths. */
  conflicts: readonly string[]
  /** Folders that go when nothing is left in them, the innermost first. */
  emptyFolders?: readonly string[]
  /** Nothing to write. There may be notes all the same. */
  isEmpty: boolean
}

export type PlanOptions = {
  /** Servers of which each worktree is to have its own part; none by default. */
  services?: readonly NamedService[]
  /** What happens to copied files that somebody has edited; 'keep' by default. */
  edited?: 'keep' | 'overwrite'
}

/** Leaves out what stays as it is. */
export function makePlan(plan: Omit<InitPlan, 'isEmpty'>): InitPlan {
  const changes = plan.changes.filter(({ before, after }) => before !== after)
  return { ...plan, changes, isEmpty: changes.length === 0 }
}
