/** An environment as the text that a shell reads, values literal whatever is in them. Pure. */

/** `json` is for programs; nushell reads it too, and wants PATH as a list. */
export const shells = ['sh', 'bash', 'zsh', 'fish', 'nu', 'json'] as const

export type Shell = (typeof shells)[number]

/** Ends with a line end. Left out are names that no shell variable can have, but for `json`. */
export function renderFor(shell: Shell, variables: Readonly<Record<string, string>>): string {
  if (shell === 'json') return `${JSON.stringify(variables, undefined, 2)}\n`
  const entries = Object.entries(variables).filter(([key]) => /^[A-Za-z_]\w*$/.test(key))
  if (shell === 'nu') return `${JSON.stringify(Object.fromEntries(entries.map(asList)), undefined, 2)}\n`
  return entries.map(shell === 'fish' ? asFish : asExport).join('')
}

function asList([key, value]: [string, string]): [string, string | string[]] {
  return [key, key === 'PATH' ? value.split(':') : value]
}

/** Read the same by fish, whose `export` is ours and whose single quotes know a backslash: `env | source` works there, too. */
function asExport([key, value]: [string, string]): string {
  return `export ${key}='${value.replace(/['\\]+/g, (odd) => `'${odd.replace(/'+|\\+/g, quoteRun)}'`)}'\n`
}

function quoteRun(run: string): string {
  return `"${run.replaceAll('\\', '\\\\')}"`
}

/** In single quotes only `\'` and `\\` are escapes (fish, "Quotes"). A list is one of PATH's kind, by its name. */
function asFish([key, value]: [string, string]): string {
  const words = key === 'PATH' ? value.split(':') : [value]
  return `set -gx ${key} ${words.map(quoteForFish).join(' ')}\n`
}

function quoteForFish(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}
