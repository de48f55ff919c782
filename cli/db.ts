/** agent-isolate db */
import { resetDatabase } from '../lib/database.ts'
import { databaseOf } from '../lib/lease.ts'
import { IsolateError } from '../lib/isolate-error.ts'
import { stderrReporter } from '../lib/reporter.ts'
import type { Command } from './command.ts'
import { requireCurrentLease } from './current-lease.ts'
import { UsageError } from './usage-error.ts'

const help = `agent-isolate db url|reset [--name NAME] [--json] [-C DIR]

url    prints the URL of the database of the worktree we are in
reset  throws away what is in it and puts its seed back ("database.seed", or the main
       checkout's own database); prints the URL. Programs that have it open must
       open it anew.

  --name NAME          of that worktree of this repository instead
  --json               { url, path }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate db reset && npm test

Exit codes: 0 done, 1 failed (with --json {"error": {"message", "hint"}} on stdout),
2 wrong usage.`

export const command: Command = {
  syntax: { operands: ['"url" or "reset"'], flags: ['json'], texts: ['name'] },
  help,
  async run({ operands: [action], texts }) {
    if (action !== 'url' && action !== 'reset') {
      throw new UsageError(`agent-isolate db does not know "${action}"`, { hint: 'agent-isolate db url, or db reset' })
    }
    const { project, lease } = await requireCurrentLease(texts.get('name'))
    const database = action === 'url' ? databaseOf(lease) : await resetDatabase(project, lease, stderrReporter)
    if (database === undefined) {
      throw new IsolateError(`${lease.worktree} has no database`, { hint: 'See "database" in agent-isolate.json.' })
    }
    return { text: database.url, json: database }
  },
}
