/** What the script of `agent-isolate completions` asks at each Tab: `complete -- WORDS`, of which the last may be begun. */
import { RootCommand, type Command as Completed } from '@bomb.sh/tab'
import { loadLedger } from '../lib/ledger/ledger.ts'
import { commands } from './commands.ts'
import { findCommonDir } from './list-entries.ts'
import type { Syntax } from './parse-arguments.ts'

/** Prints a candidate a line, and how the shell is to treat them. Of all commands only the one in question is loaded. */
export async function completeWords(words: readonly string[]): Promise<void> {
  const root = new RootCommand()
  for (const [name, { summary }] of commands) root.command(name, summary)
  const [name = ''] = words
  const entry = words.length > 1 ? commands.get(name) : undefined
  if (entry !== undefined) {
    const { syntax } = await entry.load()
    describe(root.command(name, entry.summary), syntax, name === 'create' ? [] : await listNames())
  }
  root.parse([...words])
}

function describe(
  completed: Completed,
  { operands = [], flags = [], texts = [] }: Syntax,
  names: readonly string[],
): void {
  const offer = (complete: (value: string, description: string) => void): void => {
    for (const name of names) complete(name, '')
  }
  for (const flag of [...flags, 'help']) completed.option(flag, '')
  // A value is any word; `name` is a worktree's.
  for (const text of [...texts, 'directory']) completed.option(text, '', text === 'name' ? offer : () => undefined)
  for (const operand of operands) {
    const words = Array.from(operand.matchAll(/"(\w+)"/g), ([, word = '']) => word)
    completed.argument(operand, operand === 'NAME' ? offer : (complete) => words.forEach((word) => complete(word, '')))
  }
}

/** The worktrees of the repository that one is in. */
async function listNames(): Promise<string[]> {
  const commonDir = await findCommonDir(process.cwd())
  return loadLedger().leases.flatMap((lease) => (lease.commonDir === commonDir ? [lease.name] : []))
}
