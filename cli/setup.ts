/** agent-isolate setup */
import { setUpWorktree } from '../lib/lifecycle/create.ts'
import { noDeadline } from '../lib/report/deadline.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import { startStopwatch } from '../lib/report/stopwatch.ts'
import type { Command } from './command.ts'
import { leaseJson } from './lease-json.ts'

const help = `agent-isolate setup [--timings] [--json] [-C DIR]

Gives the worktree we are in its own ports, database, environment file and
dependencies, whoever made it (git, an editor, another tool). Can be repeated: what
is there stays, what is missing comes. Prints the worktree's path.

  --timings            show on stderr where the time went
  --json               { path, name, branch, ports, database, testDatabase,
                       services, reopened }
  -C, --directory DIR  work as if started in DIR

Example:
  git worktree add ../review && agent-isolate setup -C ../review

Exit codes: 0 done, 1 failed (with --json {"error": {"message", "hint"}} on stdout),
2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['json', 'timings'] },
  help,
  async run({ flags }) {
    const stopwatch = startStopwatch(noDeadline)
    const tools = { reporter: stderrReporter, stopwatch, deadline: noDeadline }
    const { lease, isReopened } = await setUpWorktree(process.cwd(), tools)
    if (flags.has('timings')) process.stderr.write(`${stopwatch.report().join('\n')}\n`)
    return { text: lease.worktree, json: { ...leaseJson(lease), reopened: isReopened } }
  },
}
