/** agent-isolate completions */
import { RootCommand } from '@bomb.sh/tab'
import type { Command } from './command.ts'
import { UsageError } from './usage-error.ts'

const shells = ['bash', 'zsh', 'fish']

const help = `agent-isolate completions bash|zsh|fish [-C DIR]

Prints a script for a shell: with it, Tab completes commands, options and the names of
worktrees. It asks this program for them, so it stays right when that is updated.
In bash it needs the package bash-completion.

  -C, --directory DIR  work as if started in DIR

Example:
  source <(agent-isolate completions bash)    # in ~/.bashrc
  source <(agent-isolate completions zsh)     # in ~/.zshrc, after compinit
  agent-isolate completions fish | source     # in config.fish

Exit codes: 0 printed, 2 wrong usage.`

export const command: Command = {
  syntax: { operands: ['"bash", "zsh" or "fish"'] },
  help,
  async run({ operands: [shell = ''] }) {
    if (!shells.includes(shell)) {
      throw new UsageError(`there are no completions for "${shell}"`, { hint: `There are: ${shells.join(', ')}.` })
    }
    new RootCommand().setup('agent-isolate', 'agent-isolate', shell)
    return {}
  },
}
