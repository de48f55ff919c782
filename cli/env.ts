/** agent-isolate env */
import type { Command } from './command.ts'
import { requireCurrentEnvironment } from './current-environment.ts'
import { renderFor, shells, type Shell } from './shell-text.ts'
import { UsageError } from './usage-error.ts'

const help = `agent-isolate env [--name NAME] [--shell SHELL] [--json] [-C DIR]

Prints the environment of the worktree we are in as lines export KEY='value', for a
POSIX shell or fish to read. The values come from the template (.env.agent.template)
and from what the worktree holds: PORT, DATABASE_URL, …; PATH, VIRTUAL_ENV and the like
where they lead to the main checkout's programs and the worktree has its own.

  --name NAME          of that worktree of this repository instead
  --shell SHELL        as bash, zsh, fish, nu or json reads it
  --json               an object { KEY: value }, as --shell json
  -C, --directory DIR  work as if started in DIR

Example:
  eval "$(agent-isolate env)"
  agent-isolate env --shell fish | source
  agent-isolate env --shell nu | from json | load-env

Exit codes: 0 done, 1 failed, in the main checkout for instance (with --json
{"error": {"message", "hint"}} on stdout), 2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['json'], texts: ['name', 'shell'] },
  help,
  async run({ texts }) {
    const shell = requireShell(texts.get('shell') ?? 'sh')
    const { variables } = await requireCurrentEnvironment(texts.get('name'))
    return { text: renderFor(shell, variables), json: variables }
  },
}

function requireShell(name: string): Shell {
  const shell = shells.find((each) => each === name)
  if (shell !== undefined) return shell
  throw new UsageError(`--shell must be one of ${shells.join(', ')}`, { hint: 'See: agent-isolate env --help' })
}
