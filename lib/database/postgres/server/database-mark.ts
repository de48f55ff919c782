/**
 * What stands in the COMMENT of every database of ours. It is set last, so it says two things: whose the database is, and
 * that it is whole.
 */
import { hostname } from 'node:os'

export type DatabaseMark =
  | {
      kind: 'worktree'
      /** Of the machine (`ledgerId`) that made it. */
      ledger: string
      lease: string
      /** The family of the private template that it was cloned from; '' for any other template. */
      template: string
    }
  /** A sealed copy that databases are cloned from. `family`: all copies of one source; in a container, the seed's hash. */
  | { kind: 'template'; family: string }

/** `about` is for people who look at the server: the worktree and its repository. */
export function renderMark(mark: DatabaseMark, about: string): string {
  if (mark.kind === 'template') return `agent-isolate template family=${mark.family} (${about})`
  const { ledger, lease, template } = mark
  return `agent-isolate worktree ledger=${ledger} lease=${lease} template=${template} (${about}, on ${hostname()})`
}

/** Undefined for a comment that is not ours. */
export function parseMark(comment: string | null | undefined): DatabaseMark | undefined {
  const template = /^agent-isolate template family=([0-9a-f]{12}) /.exec(comment ?? '')
  if (template?.[1] !== undefined) return { kind: 'template', family: template[1] }
  const found = /^agent-isolate worktree ledger=([0-9a-f]{16}) lease=([0-9a-f]{16}) template=([0-9a-f]{12}|) /.exec(
    comment ?? '',
  )
  const [, ledger, lease, family] = found ?? []
  if (ledger === undefined || lease === undefined || family === undefined) return undefined
  return { kind: 'worktree', ledger, lease, template: family }
}
