/**
 * Renders `.env.agent.template`: known variables are replaced, everything else stays as its author wrote it, except that a
 * value which would not be read the same everywhere is quoted anew. Content in, content out.
 */
import { escapeInDoubleQuotes, findMisreadersOfDouble, isBareSafe, quoteEnvValue, type QuotedValue } from './quoting.ts'
import { namesIn, parseReferences, substitute, writePieces, type EnvPiece, type EnvVariables } from './references.ts'
import { parseEnvStatements, type EnvAssignment, type EnvStatement, type Quote } from './syntax.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** One key that the template sets. References in `pieces` are unknown ones that the author meant to be expanded. */
export type EnvEntry = { key: string; pieces: readonly EnvPiece[] }

/** `text` is the managed part of the env file, comments included; `warnings` name values that no quoting keeps the same for all. */
export type RenderedTemplate = { text: string; entries: readonly EnvEntry[]; warnings: readonly string[] }

/**
 * `variables` holds every known name, AGENT_PORT_<NAME> included, also those without a value. Throws `IsolateError`, naming
 * the line, for an unknown `AGENT_…` or `DYNAMIC_…PORT`, and for a line that is neither KEY=value nor a comment.
 */
export function renderTemplate(template: string, variables: EnvVariables): RenderedTemplate {
  const entries: EnvEntry[] = []
  const warnings: string[] = []
  let text = ''
  for (const statement of parseEnvStatements(normalise(template))) {
    const { assignment, line } = statement
    if (assignment === undefined) {
      text += requireComment(statement)
      continue
    }
    const { pieces, quoted } = renderValue(assignment, line, variables)
    requireHarmlessKey(assignment.key, pieces, line)
    entries.push({ key: assignment.key, pieces })
    text += `${assignment.isExported ? 'export ' : ''}${assignment.key}=${quoted.text}`
    text += assignment.comment === '' ? '\n' : ` ${assignment.comment}\n`
    if (quoted.misreadBy.length > 0) {
      warnings.push(`${at(line)}: the value of ${assignment.key} may be misread by ${quoted.misreadBy.join(', ')}`)
    }
  }
  return { text, entries, warnings }
}

/** The names, lower-cased and in order, of the ports that a template asks for with `$AGENT_PORT_<NAME>`. */
export function findPortNames(template: string): string[] {
  const names = parseEnvStatements(normalise(template)).flatMap(({ assignment }) =>
    assignment === undefined
      ? []
      : namesIn(parseReferences(assignment.body, { hasEscapes: hasEscapes(assignment.quote) })),
  )
  const ports = names.flatMap((name) => /^AGENT_PORT_([A-Z0-9_]+)$/.exec(name)?.[1] ?? [])
  return [...new Set(ports.map((name) => name.toLowerCase()))]
}

/** Neither a byte order mark nor CRLF survives: a shell, Node and Deno would make them part of a key or value. */
function normalise(template: string): string {
  const text = template.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

function requireComment({ raw, line }: EnvStatement): string {
  if (/^\s*(#|$)/.test(raw)) return raw
  throw new IsolateError(`${at(line)} is neither KEY=value nor a comment: ${raw.trim()}`, {
    hint: 'Write KEY=value, or put a # in front of it.',
  })
}

function renderValue(
  { quote, body }: EnvAssignment,
  line: number,
  variables: EnvVariables,
): { pieces: readonly EnvPiece[]; quoted: QuotedValue } {
  const parsed = parseReferences(body, { hasEscapes: hasEscapes(quote) })
  requireKnown(parsed, line, variables)
  const resolved = substitute(parsed, variables)
  const pieces = decode(resolved, quote)
  return { pieces, quoted: fitsItsQuotes(resolved, quote) ? keepQuotes(resolved, quote) : quoteAnew(pieces) }
}

function requireKnown(pieces: readonly EnvPiece[], line: number, variables: EnvVariables): void {
  for (const name of namesIn(pieces)) {
    if (Object.hasOwn(variables, name)) requireHarmless(name, variables[name] ?? '', line)
    else if (/^AGENT_|^DYNAMIC_(\w+_)?PORT$/.test(name)) throw unknownVariable(`$${name}`, line, variables)
  }
  for (const piece of pieces) {
    const odd = piece.kind === 'text' ? /(?<!\\)\$\{AGENT_\w*/.exec(piece.text)?.[0] : undefined
    if (odd !== undefined) throw unknownVariable(`${odd}…`, line, variables)
  }
}

function unknownVariable(written: string, line: number, variables: EnvVariables): IsolateError {
  return new IsolateError(`${at(line)}: ${written} is not known`, {
    hint: `Known are, as $NAME, \${NAME} or \${NAME:-default}: ${Object.keys(variables).join(', ')}`,
  })
}

/** dotenv-expand 1000 runs `$(command)` in whatever quotes; a branch name may be a stranger's. */
function requireHarmless(name: string, value: string, line: number): void {
  if (!value.includes('$(')) return
  throw new IsolateError(
    `${at(line)}: $${name} is ${value}, and some programs run what stands in $(…) in an env file`,
    {
      hint: `Rename what ${name} is taken from, or leave ${name} out of the template.`,
    },
  )
}

/**
 * bash evaluates what is assigned to its integers, whatever the quotes: `RANDOM='a[$(command)]'` runs it (measured). And
 * `a.b=./c` is no assignment to a shell, but the path of a program.
 */
function requireHarmlessKey(key: string, pieces: readonly EnvPiece[], line: number): void {
  const isInteger = /^(?:S?RANDOM|SECONDS|LINENO|HISTCMD|OPTIND|E?UID|PPID|BASHPID|EPOCH\w+)$/.test(key)
  const isPath = pieces.some((piece) => piece.kind === 'reference' || piece.text.includes('/'))
  if (!isInteger && (/^[A-Za-z_]\w*$/.test(key) || !isPath)) return
  throw new IsolateError(`${at(line)}: a shell that reads ${key} in an env file may run what it is set to`, {
    hint: isInteger ? 'Choose another name.' : 'Choose a name of letters, digits and "_".',
  })
}

function at(line: number): string {
  return `the environment template, line ${line}`
}

/** `\$` is a plain `$` where the author's quotes would have expanded it. */
function hasEscapes(quote: Quote): boolean {
  return quote === '' || quote === '"'
}

/** The pieces with the author's escapes undone. In single quotes and backticks no reference is meant to be expanded. */
function decode(pieces: readonly EnvPiece[], quote: Quote): EnvPiece[] {
  return pieces.map((piece): EnvPiece => {
    if (piece.kind === 'inserted') return piece
    if (!hasEscapes(quote)) return { kind: 'text', text: writePieces([piece], (text) => text) }
    if (piece.kind === 'text') return { kind: 'text', text: unescape(piece.text, quote) }
    return { ...piece, fallback: piece.fallback && decode(piece.fallback, quote) }
  })
}

function unescape(text: string, quote: Quote): string {
  if (quote === '') return text.replaceAll('\\$', '$')
  return text.replace(/\\([nr"$])/g, (_, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter)
}

function fitsItsQuotes(pieces: readonly EnvPiece[], quote: Quote): boolean {
  const literals = literalsIn(pieces)
  if (quote === '`') return false
  if (quote === '') {
    // References count as a letter: what remains has to be safe without quotes.
    return (
      isBareSafe(pieces.map((piece) => (piece.kind === 'reference' ? 'X' : piece.text)).join('')) &&
      literals.every((literal) => /^[\w./:@%+,=?-]*$/.test(literal.text))
    )
  }
  if (literals.some(({ kind, text }) => kind === 'inserted' && /['"`\\$\r]/.test(text))) return false
  return quote === "'" ? literals.every(({ text }) => !text.includes("'")) : isOneWordInDoubleQuotes(pieces)
}

/**
 * Whether a shell that reads the pieces in double quotes runs nothing and ends where they end (POSIX, 2.2.3): text has no
 * backtick, `$` or quote without a backslash of its own, and no backslash that would escape what follows the text.
 */
function isOneWordInDoubleQuotes(pieces: readonly EnvPiece[]): boolean {
  const text = pieces.map((piece) => (piece.kind === 'reference' ? 'X' : piece.text)).join('')
  if (!/^(?:[^"`$\\]|\\[^])*$/.test(text)) return false
  return pieces.every((piece) => piece.kind !== 'reference' || isOneWordInDoubleQuotes(piece.fallback ?? []))
}

function literalsIn(pieces: readonly EnvPiece[]): { kind: 'text' | 'inserted'; text: string }[] {
  return pieces.flatMap((piece) => (piece.kind === 'reference' ? literalsIn(piece.fallback ?? []) : [piece]))
}

function keepQuotes(pieces: readonly EnvPiece[], quote: Quote): QuotedValue {
  return { text: quote + writePieces(pieces, (text) => text) + quote, misreadBy: [] }
}

function quoteAnew(pieces: readonly EnvPiece[]): QuotedValue {
  const literal = literalsIn(pieces)
    .map(({ text }) => text)
    .join('')
  if (!pieces.some((piece) => piece.kind === 'reference')) return quoteEnvValue(literal)
  return { text: `"${writePieces(pieces, escapeInDoubleQuotes)}"`, misreadBy: findMisreadersOfDouble(literal) }
}
