/** agent-isolate remove */
import { removeWorktree } from '../lib/lifecycle/remove.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import type { Command } from './command.ts'

const help = `agent-isolate remove NAME [--discard] [--json] [-C DIR]

Removes a worktree that agent-isolate made, with its database, and gives its ports
back. Refuses when that would lose work: uncommitted or untracked files, or commits
that no other branch has. NAME may be the worktree's name or branch, or its path
(absolute, or beginning with a dot).

  --discard            remove it all the same, with its branch
  --json               { name, path, branch, removed }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate remove fix/login

Exit codes: 0 gone, 1 refused or failed (with --json {"error": {"message", "hint"}}
on stdout), 2 wrong usage.`

export const command: Command = {
  syntax: { operands: ['NAME'], flags: ['discard', 'json'] },
  help,
  async run({ operands: [name = ''], flags }) {
    const options = { reporter: stderrReporter, discard: flags.has('discard') }
    const lease = await removeWorktree(process.cwd(), name, options)
    const { worktree: path, branch = null } = lease
    return { text: `removed ${path}`, json: { name: lease.name, path, branch, removed: true } }
  },
}
