/** What a command is made of. Each is a module of its own, loaded only when it is asked for. */
import type { Arguments, Syntax } from './parse-arguments.ts'

export type Command = {
  syntax: Syntax
  /** Printed as it is by `--help`: usage, options, an example, exit codes. */
  help: string
  /** Does the work in the current folder. Throws `IsolateError`; a `UsageError` for a wrong command line. */
  run: (args: Arguments) => Promise<Answer>
}

/** What goes to stdout: `json` with `--json`, else `text`, which needs no last newline. `exitCode` is 0 when left out. */
export type Answer = { text?: string; json?: unknown; exitCode?: number }
