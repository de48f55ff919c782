/** agent-isolate env */
import { environmentOf } from '../lib/environment/environment.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import { topUpPorts } from '../lib/lifecycle/top-up-ports.ts'
import type { Command } from './command.ts'
import { requireCurrentLease } from './current-lease.ts'

const help = `agent-isolate env [--name NAME] [--json] [-C DIR]

Prints the environment of the worktree we are in as lines export KEY='value', for a
POSIX shell to read. The values come from the template (.env.agent.template) and
from what the worktree holds: PORT, DATABASE_URL, …

  --name NAME          of that worktree of this repository instead
  --json               an object { KEY: value }
  -C, --directory DIR  work as if started in DIR

Example:
  eval "$(agent-isolate env)"

Exit codes: 0 done, 1 failed, in the main checkout for instance (with --json
{"error": {"message", "hint"}} on stdout), 2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['json'], texts: ['name'] },
  help,
  async run({ texts }) {
    const { project, lease: found } = await requireCurrentLease(texts.get('name'))
    const lease = await topUpPorts(project, found, stderrReporter)
    const { shellText, exported } = environmentOf(project, lease)
    return { text: shellText, json: exported }
  },
}
