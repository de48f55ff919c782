/** What the program says of itself when it is asked for nothing in particular. */
import type { CommandEntry } from './commands.ts'

/** Text for `agent-isolate` and `agent-isolate --help`. */
export function renderOverview(commands: ReadonlyMap<string, CommandEntry>): string {
  const width = Math.max(...[...commands.values()].map(({ usage }) => usage.length))
  const lines = [...commands.values()].map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`)
  return `agent-isolate gives each git worktree its own ports, database, environment and
dependencies, so that several AI agents can work on one repository at once.

First steps, in a repository:
  agent-isolate init                      let Claude Code use it: claude -w NAME
  cd "$(agent-isolate create payments)"   make a worktree and go there
  agent-isolate exec -- npm run dev       start it on its own port and database
  agent-isolate list                      see who has what
  agent-isolate remove payments           remove it and all that it holds

Commands:
${lines.join('\n')}

Options of every command:
  -C, --directory DIR  work as if started in DIR
  -h, --help           what the command does, an example, its exit codes
  --json               the answer, or {"error": …}, as JSON (all but exec)

agent-isolate --version prints the version.
Exit codes: 0 done, 1 failed, 2 wrong usage.`
}
