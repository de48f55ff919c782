/**
 * Writes one value into an env file so that every program that reads such files reads the same. Which form is read right by
 * whom was measured: dotenv 16–18, dotenv-expand 12–1000, Next 16, Vite 8, Node 20–24, Deno 2.9, Bun 1.4, dash, bash, zsh,
 * busybox (test/env-quoting.test.ts repeats it). Every form is one literal word to a shell, so no value can run there.
 */

/** Programs that read env files. `sh` is any POSIX shell; `dotenv` is dotenv without dotenv-expand. */
export type EnvReader = 'sh' | 'dotenv' | 'dotenv-expand' | 'Next' | 'Vite' | 'Node' | 'Deno' | 'Bun'

/** `text` goes behind `KEY=`; `misreadBy` are the readers that may read another value (none, for nearly all values). */
export type QuotedValue = { text: string; misreadBy: readonly EnvReader[] }

/** The form that most programs read right: bare, in single quotes, or in double quotes with a shell's escapes. */
export function quoteEnvValue(value: string): QuotedValue {
  if (isBareSafe(value)) return { text: value, misreadBy: [] }
  const double = { text: `"${escapeInDoubleQuotes(value)}"`, misreadBy: findMisreadersOfDouble(value) }
  if (value.includes("'")) return double
  const single = { text: `'${value}'`, misreadBy: findMisreadersOfSingle(value) }
  return double.misreadBy.length < single.misreadBy.length ? double : single
}

/** Whether every reader takes the value literally without quotes. Empty is not: dotenv then looks on the next line. */
export function isBareSafe(value: string): boolean {
  return /^[\w./:@%+,-][\w./:@%+,=?-]*$/.test(value)
}

/** `value` for the inside of a shell's double quotes (POSIX, 2.2.3): a backslash is doubled only where it would escape. */
export function escapeInDoubleQuotes(value: string): string {
  return value.replace(/["$`]|\\(?=["$`\\\n]|$)/g, '\\$&')
}

/** Readers that may read double-quoted `value` differently, once it is escaped for a shell. */
export function findMisreadersOfDouble(value: string): readonly EnvReader[] {
  // No reader but a shell undoes `\"`, `\\` and `` \` ``; most take `\n` for a newline; all drop or change a CR.
  if (/["`\r]|\\[nr"$`\\\n]|\\$/.test(value)) return allButShell
  if (value.includes('$(')) return ['dotenv', 'dotenv-expand', 'Node']
  return value.includes('$') ? ['dotenv', 'Node'] : []
}

function findMisreadersOfSingle(value: string): readonly EnvReader[] {
  if (value.includes('\r')) return allButShell
  // These four expand inside single quotes, and take `\$` for `$`.
  if (/\$[\w{]|\\\$/.test(value)) return ['dotenv-expand', 'Next', 'Vite', 'Bun']
  const misreadBy: EnvReader[] = []
  // dotenv-expand 1000 runs `$(command)`, whatever the quotes.
  if (value.includes('$(')) misreadBy.push('dotenv-expand')
  if (value.endsWith('\\')) misreadBy.push('Bun')
  return misreadBy
}

const allButShell: readonly EnvReader[] = ['dotenv', 'dotenv-expand', 'Next', 'Vite', 'Node', 'Deno', 'Bun']
