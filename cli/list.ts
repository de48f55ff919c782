/** agent-isolate list */
import { loadLedger } from '../lib/ledger/ledger.ts'
import { placeLeases } from '../lib/ledger/moved-leases.ts'
import { stdoutColors } from './colors.ts'
import type { Command } from './command.ts'
import { describeDamaged } from './damaged-lease.ts'
import { findCommonDir, loadEntries } from './list-entries.ts'
import { renderEntries } from './list-table.ts'

const help = `agent-isolate list [--all] [--json] [-C DIR]

Shows the worktrees of this repository: branch, ports and who listens on them,
database and its size, age, state. A listener that runs outside the worktree is
called a stranger. States: ready; creating, removing; interrupted (its set-up was, and
can be finished); dead (what is left of it is to be released); missing (its folder is
gone, but git keeps its place); moved (git does not know it where it is now);
unreachable (its repository is gone). What to do is said below each.

  --all                of every repository on this machine; the same outside of one
  --json               [{ name, path, branch, repository, state, advice, ports,
                       listeners, database, testDatabase, services, createdAt }];
                       advice is { what, hint } or null; a damaged file is
                       { state: "damaged", ledgerFile, block }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate list --json | jq -r '.[] | "\\(.name) \\(.ports.app)"'

Exit codes: 0 done, 1 failed (with --json {"error": {"message", "hint"}} on stdout),
2 wrong usage.`

/** Where stdout is no terminal, or does not tell its width. */
const defaultWidth = 80

export const command: Command = {
  syntax: { flags: ['all', 'json'] },
  help,
  async run({ flags }) {
    const here = await findCommonDir(process.cwd())
    const commonDir = flags.has('all') ? undefined : here
    const { leases: known, damaged } = loadLedger()
    const leases = here === undefined ? known : placeLeases(here, known)
    const shown = leases.filter(
      (lease) => !lease.isShared && (commonDir === undefined || lease.commonDir === commonDir),
    )
    const entries = (await loadEntries(shown)).toSorted(
      (a, b) => compare(a.repository, b.repository) || compare(a.name, b.name),
    )
    const table = renderEntries(entries, {
      width: process.stdout.columns ?? defaultWidth,
      colors: stdoutColors(),
      now: Date.now(),
      withRepositories: commonDir === undefined,
    })
    const files = damaged.map(({ path, block }) => ({ state: 'damaged', ledgerFile: path, block }))
    const text = [entries.length === 0 ? describeNone(commonDir) : table, ...damaged.map(describeDamaged)].join('\n')
    return { text, json: [...entries, ...files] }
  },
}

function describeNone(commonDir: string | undefined): string {
  const where = commonDir === undefined ? 'on this machine' : 'of this repository'
  return `no worktrees ${where} yet; make one: agent-isolate create NAME`
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
