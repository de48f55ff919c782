/** What to say of a file in the ledger that is no lease. */
import type { Ledger } from '../lib/ledger/ledger.ts'

/** One line: which file, what it keeps taken, what to do. */
export function describeDamaged({ path, block }: Ledger['damaged'][number]): string {
  return `damaged: ${path}; ports ${block}–${block + 9} stay taken. If no worktree uses them, delete the file.`
}
