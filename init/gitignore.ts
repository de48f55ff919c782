/** Our block of lines in a .gitignore. Text in, text out; taking the block out again restores every byte. */

const begin = '# agent-isolate: begin'
const end = '# agent-isolate: end'

/**
 * Makes the block hold those of `lines` that the rest of the file does not ignore already; a line with a `!` where the rest
 * ignores what it names. `text` undefined makes a file.
 */
export function setIgnoreBlock(text: string | undefined, lines: readonly string[]): string | undefined {
  const rest = text === undefined ? '' : removeIgnoreBlock(text)
  const present = rest.replace(/^\uFEFF/, '').split(/\r?\n/)
  const missing = [...new Set(lines)].filter((line) => isMissing(line, present))
  if (missing.length === 0) return text === undefined ? undefined : rest
  const eol = rest.includes('\r\n') ? '\r\n' : '\n'
  const block = [begin, ...missing, end].join(eol)
  if (text !== undefined && findBlock(text) !== undefined) return replaceBlock(text, block)
  // Without a final newline, as the file had none: how it ends tells removeIgnoreBlock what was there.
  return rest === '' || rest.endsWith('\n') ? `${rest}${block}${eol}` : `${rest}${eol}${block}`
}

export function removeIgnoreBlock(text: string): string {
  const block = findBlock(text)
  if (block === undefined) return text
  const [before, behind] = [text.slice(0, block.start), text.slice(block.stop)]
  return behind === '' ? before.replace(/\r?\n$/, '') : before + behind.replace(/^\r?\n/, '')
}

function isMissing(line: string, present: readonly string[]): boolean {
  if (!line.startsWith('!')) return !isIgnored(line, present)
  const path = line.slice(1)
  return isIgnored(path, present) || isIgnored(path.slice(path.lastIndexOf('/') + 1), present)
}

/** Whether one of `present` ignores what `wanted` is for; of several lines the last one counts, as in gitignore(5). */
function isIgnored(wanted: string, present: readonly string[]): boolean {
  const deciding = present.findLast((line) => covers(line.replace(/^!/, '').trimEnd(), wanted))
  return deciding !== undefined && !deciding.startsWith('!')
}

/** A line that ends in `/` covers no symlink, so it stands for another only where a folder is meant. */
function covers(line: string, wanted: string): boolean {
  if (line === '' || line.startsWith('#')) return false
  if (line.endsWith('/') && !wanted.endsWith('/')) return false
  const [bare, name] = [trimSlashes(line), trimSlashes(wanted)]
  if (bare.includes('/') || !bare.includes('*')) return bare === name
  const pattern = bare.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '.*')
  return !name.includes('/') && new RegExp(`^${pattern}$`).test(name)
}

function trimSlashes(pattern: string): string {
  return pattern.replace(/^(\*\*)?\//, '').replace(/\/$/, '')
}

function replaceBlock(text: string, block: string): string {
  const found = findBlock(text)
  return found === undefined ? text : text.slice(0, found.start) + block + text.slice(found.stop)
}

function findBlock(text: string): { start: number; stop: number } | undefined {
  const found = /^# agent-isolate: begin\r?\n(?:[^\n]*\n)*?# agent-isolate: end(?=\r?\n|$)/m.exec(text)
  return found === null ? undefined : { start: found.index, stop: found.index + found[0].length }
}
