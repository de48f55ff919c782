/** The line to write instead: a fixed port becomes the environment's, with the old one to fall back to. Pure. */
import type { Rewrite } from './port-hit.ts'

type Quoted = { start: number; end: number; quote: string }

/** JavaScript and TypeScript: a number becomes an expression, a string a template literal; `name` may say how it is read. */
export const rewriteScript: Rewrite = (line, start, end, port, name) => {
  const value = name.includes('.') ? name : `process.env.${name}`
  const string = findString(line, start)
  // Of an address: a template literal that began on a line above.
  const isInText = /(?:localhost|[\d\]]):$/.test(line.slice(0, start))
  if (string === undefined && isInText) return splice(line, start, end, `\${${value} ?? ${port}}`)
  if (string === undefined) return splice(line, start, end, `Number(${value}) || ${port}`)
  // All of a string: '3000'.
  if (string.start + 1 === start && string.end === end) return splice(line, start - 1, end + 1, `${value} ?? '${port}'`)
  const body = splice(
    line.slice(string.start + 1, string.end),
    start - string.start - 1,
    end - string.start - 1,
    `\${${value} ?? ${port}}`,
  )
  const isAttribute = string.quote !== '`' && /[\w-]=$/.test(line.slice(0, string.start)) && /<\w/.test(line)
  const literal = isAttribute ? `{\`${body}\`}` : `\`${body}\``
  return splice(line, string.start, string.end + 1, literal)
}

/** Python: `os` has to be imported. */
export const rewritePython: Rewrite = (line, start, end, port, name) => {
  const string = findString(line, start)
  if (string === undefined) return splice(line, start, end, `int(os.environ.get("${name}", ${port}))`)
  const inner = string.quote === '"' ? "'" : '"'
  const body = splice(line, start, end, `{os.environ.get(${inner}${name}${inner}, ${port})}`)
  const hasPrefix = /\b[fF]$/.test(line.slice(0, string.start))
  return hasPrefix ? body : splice(body, string.start, string.start, 'f')
}

export const rewriteRuby: Rewrite = (line, start, end, port, name) => {
  const string = findString(line, start)
  if (string === undefined) return splice(line, start, end, `ENV.fetch("${name}", ${port})`)
  const body = splice(line, start, end, `#{ENV.fetch("${name}", ${port})}`)
  if (string.quote === '"') return body
  return splice(
    splice(body, string.start, string.start + 1, '"'),
    body.lastIndexOf("'"),
    body.lastIndexOf("'") + 1,
    '"',
  )
}

/** Shell command lines, npm scripts, Procfiles, compose files; a `variable` in front of the port keeps its name. */
export const rewriteShell: Rewrite = (line, start, end, port, name) =>
  splice(line, start, end, `\${${variableBefore(line, start) ?? name}:-${port}}`)

/** make reads `$$` as the shell's `$`. */
export const rewriteMake: Rewrite = (line, start, end, port, name) => {
  if (/^\w+\s*:?=\s*$/.test(line.slice(0, start))) return line.replace(/\s*:?=\s*/, ' ?= ')
  return splice(line, start, end, `$\${${variableBefore(line, start) ?? name}:-${port}}`)
}

/** just's own assignment, or else a command of the shell's. */
export const rewriteJust: Rewrite = (line, start, end, port, name) => {
  const assigned = /^(\w+)\s*:=/.exec(line)?.[1]
  return assigned === undefined
    ? rewriteShell(line, start, end, port, name)
    : `${assigned} := env("${name}", "${port}")`
}

/** Of a JSON file that script alone which holds the port: there may be several on a line. */
export const rewriteMember: Rewrite = (line, start, end, port, name) => {
  for (const { index, 0: member } of line.matchAll(/(?:"(?:[^"\\]|\\.)*"\s*:\s*)?"(?:[^"\\]|\\.)*",?/g)) {
    if (index <= start && end <= index + member.length)
      return rewriteShell(member, start - index, end - index, port, name)
  }
  return rewriteShell(line, start, end, port, name)
}

/** `API_PORT=` just in front. */
function variableBefore(line: string, start: number): string | undefined {
  return /\b(\w*PORT)=["']?$/.exec(line.slice(0, start))?.[1]
}

/** The string literal of the line that holds the position. */
export function findString(line: string, position: number): Quoted | undefined {
  for (const found of line.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g)) {
    const end = found.index + found[0].length - 1
    if (found.index < position && position <= end) return { start: found.index, end, quote: found[0].charAt(0) }
  }
  return undefined
}

/** The text with what is at `start` to `end` replaced. */
export function splice(text: string, start: number, end: number, inserted: string): string {
  return text.slice(0, start) + inserted + text.slice(end)
}
