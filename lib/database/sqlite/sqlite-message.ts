/** What SQLite's messages mean: only the words are the same in all engines, numeric codes are not to be had from each. */

type Cause = { reason: string; hint: string }

/** Failures that no other engine could do better with; see https://sqlite.org/rescode.html for SQLite's words. */
const finalCauses: readonly (Cause & { pattern: RegExp })[] = [
  {
    pattern: /database (?:table |schema )?is locked/,
    reason: 'another program keeps it locked',
    hint: 'Let that program finish its transaction, or close it, and try again.',
  },
  {
    pattern: /disk is full|ENOSPC|no space left/i,
    reason: 'the disk is full',
    hint: 'Free some space and try again.',
  },
  {
    pattern: /file is not a database/,
    reason: 'it is not a SQLite database, or it is encrypted',
    hint: 'Name another file as the seed.',
  },
  {
    pattern: /disk image is malformed/,
    reason: 'it is damaged',
    hint: 'Check it with `PRAGMA integrity_check`, or name another file as the seed.',
  },
  {
    pattern: /disk I\/O error/,
    reason: 'the disk failed to read or write',
    hint: 'Check the disk, and the kernel log.',
  },
]

/** The cause, when the message is about the database or the machine and not about what the engine can do. */
export function findFinalCause(message: string): Cause | undefined {
  return finalCauses.find(({ pattern }) => pattern.test(message))
}

/** A hot journal has to be rolled back first, which a read-only connection may not do (SQLITE_READONLY_ROLLBACK). */
export function needsWriting(message: string): boolean {
  return /attempt to write a readonly database/.test(message)
}

/** The engine is built without something that the SQL uses; another may have it. */
export function isMissingFeature(message: string): boolean {
  return /no such (?:function|module|collation|tokenizer)|unknown function|unknown tokenizer|unknown option/.test(
    message,
  )
}
