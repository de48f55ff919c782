/** agent-isolate env */
import type { Command } from './command.ts'
import { requireCurrentEnvironment } from './current-environment.ts'

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
    const { environment } = await requireCurrentEnvironment(texts.get('name'))
    return { text: environment.shellText, json: environment.exported }
  },
}
