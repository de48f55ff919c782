/**
 * Takes an env file apart into statements, byte for byte, with dotenv's rules for quotes: a quoted value may span lines, and
 * a quote counts as the closing one only where nothing but a comment follows it. Nothing is interpreted or lost here.
 */

/** A blank, a comment, or anything else that is no assignment has no `assignment`. */
export type EnvStatement = {
  /** The exact text, line ends included; the statements' `raw` joined is the content. */
  raw: string
  /** Number of its first line, from 1. */
  line: number
  assignment: EnvAssignment | undefined
}

export type EnvAssignment = {
  key: string
  /** Whether `export` stands in front of the key. */
  isExported: boolean
  quote: Quote
  /** What stands between the quotes, escapes untouched; a bare value without the spaces around it. */
  body: string
  /** The comment behind the value with its `#`, or ''. */
  comment: string
}

export type Quote = '' | "'" | '"' | '`'

/** The statements of an env file. Never fails: what is no assignment is left as it is. */
export function parseEnvStatements(content: string): EnvStatement[] {
  const statements: EnvStatement[] = []
  let position = 0
  let line = 1
  while (position < content.length) {
    const { assignment, end } = readStatement(content, position)
    const raw = content.slice(position, end)
    statements.push({ raw, line, assignment })
    line += raw.split('\n').length - 1
    position = end
  }
  return statements
}

type Located = { assignment: EnvAssignment | undefined; end: number }
type Value = Pick<EnvAssignment, 'quote' | 'body' | 'comment'> & { end: number }

function readStatement(content: string, start: number): Located {
  const head = matchAt(/[ \t]*(export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*/y, content, start)
  const key = head?.[2]
  if (head === undefined || key === undefined) return { assignment: undefined, end: endOfLine(content, start) }
  const valueStart = start + head[0].length
  const { end, ...value } = readQuoted(content, valueStart) ?? readBare(content, valueStart)
  return { assignment: { key, isExported: head[1] !== undefined, ...value }, end }
}

function readQuoted(content: string, start: number): Value | undefined {
  const quote = asQuote(content[start])
  if (quote === '') return undefined
  // A backslash in front of a quote escapes it for dotenv, unless the value can end nowhere else: 'C:\dir\'.
  for (const close of [findUnescaped(content, quote, start + 1), content.indexOf(quote, start + 1)]) {
    const tail = close === -1 ? undefined : matchAt(/[ \t]*(#[^\r\n]*)?(?:\r?\n|\r?$)/y, content, close + 1)
    if (tail === undefined) continue
    return { quote, body: content.slice(start + 1, close), comment: tail[1] ?? '', end: close + 1 + tail[0].length }
  }
  return undefined
}

function findUnescaped(content: string, quote: string, from: number): number {
  let found = content.indexOf(quote, from)
  while (found !== -1 && content[found - 1] === '\\') found = content.indexOf(quote, found + 1)
  return found
}

/** As dotenv does it: the value ends at the first `#`, and quotes around the whole of it are taken off. */
function readBare(content: string, start: number): Value {
  const end = endOfLine(content, start)
  const text = content.slice(start, end).trimEnd()
  const hash = text.indexOf('#')
  const value = hash === -1 ? text : text.slice(0, hash).trimEnd()
  const comment = hash === -1 ? '' : text.slice(hash)
  const quote = value.length > 1 && value.endsWith(value.charAt(0)) ? asQuote(value[0]) : ''
  const body = quote === '' ? value : value.slice(1, -1)
  return { quote, body, comment, end }
}

function asQuote(character: string | undefined): Quote {
  return character === "'" || character === '"' || character === '`' ? character : ''
}

function endOfLine(content: string, from: number): number {
  const newline = content.indexOf('\n', from)
  return newline === -1 ? content.length : newline + 1
}

/** What a sticky expression matches at exactly this position. */
export function matchAt(sticky: RegExp, content: string, position: number): RegExpExecArray | undefined {
  sticky.lastIndex = position
  return sticky.exec(content) ?? undefined
}
