/** agent-isolate teardown */
import { tearDownWorktree } from '../lib/lifecycle/remove.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import type { Command } from './command.ts'

const help = `agent-isolate teardown [--json] [-C DIR]

Releases what "agent-isolate setup" took in the worktree we are in: its ports, its
database, our part of its environment file. The worktree, its branch and its files
stay: the tool that made it removes it. (One that agent-isolate made goes as a
whole: agent-isolate remove NAME.)

  --json               { name, path, tornDown }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate teardown && git worktree remove .

Exit codes: 0 done, 1 failed (with --json {"error": {"message", "hint"}} on stdout),
2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['json'] },
  help,
  async run() {
    const { name, worktree: path } = await tearDownWorktree(process.cwd(), stderrReporter)
    return { text: `released what ${path} held`, json: { name, path, tornDown: true } }
  },
}
