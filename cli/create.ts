/** agent-isolate create */
import { createWorktree } from '../lib/lifecycle/create.ts'
import { noDeadline } from '../lib/report/deadline.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import { startStopwatch } from '../lib/report/stopwatch.ts'
import type { Command } from './command.ts'
import { leaseJson } from './lease-json.ts'

const help = `agent-isolate create NAME [--timings] [--json] [-C DIR]

Makes a worktree with a branch, ten ports, a database, an environment file and
dependencies of its own. A worktree of that name is opened again, with the ports
and the database it had. Prints the worktree's path alone; the log goes to stderr.
NAME: letters, digits, ".", "_", "-", and "/" between parts.

  --timings            show on stderr where the time went
  --json               { path, name, branch, ports, database, testDatabase,
                       services, reopened }
  -C, --directory DIR  work as if started in DIR

Example:
  cd "$(agent-isolate create fix/login)"

Exit codes: 0 it is there, 1 failed (nothing is left behind; with --json
{"error": {"message", "hint"}} on stdout), 2 wrong usage.`

export const command: Command = {
  syntax: { operands: ['NAME'], flags: ['json', 'timings'] },
  help,
  async run({ operands: [name], flags }) {
    const stopwatch = startStopwatch(noDeadline)
    const tools = { reporter: stderrReporter, stopwatch, deadline: noDeadline }
    const { lease, isReopened } = await createWorktree(process.cwd(), name, tools)
    if (flags.has('timings')) process.stderr.write(`${stopwatch.report().join('\n')}\n`)
    return { text: lease.worktree, json: { ...leaseJson(lease), reopened: isReopened } }
  },
}
