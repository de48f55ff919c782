/** A port or an address found in a line, and what the rules for the different languages have in common. */
import { serverScheme } from '../detect/database.ts'

export type Hit = {
  /** Stable, without the check's name: `listen`, `address`. */
  rule: string
  severity: 'error' | 'warning'
  /** From 1. */
  line: number
  port: number
  /** The line to write, or what to do. */
  fix: string
}

/** A rule: the group named `port`, or else the first, is the port. `pattern` has the flags `dg`. */
export type Rule = { rule: string; severity: Hit['severity']; pattern: RegExp; isMeant?: (match: Match) => boolean }

export type Match = {
  text: string
  index: number
  port: number
  portStart: number
  portEnd: number
  groups: readonly string[]
}

/** What replaces the port, at `start` to `end` of its line, by the environment variable `name`. */
export type Rewrite = (line: string, start: number, end: number, port: number, name: string) => string

/** The environment variable for a port. */
export type NameOf = (port: number) => string

/** A file's lines with comments made blank, and the same in one piece with where each line starts. */
export type CodeText = { code: readonly string[]; text: string; starts: readonly number[] }

export function joinLines(code: readonly string[]): CodeText {
  return { code, text: code.join('\n'), starts: lineStarts(code) }
}

/** The hits of one rule in a file. */
export function applyRule(
  { rule, severity, pattern, isMeant = () => true }: Rule,
  { code, text, starts }: CodeText,
  rewrite: Rewrite,
  nameOf: NameOf,
): Hit[] {
  return [...text.matchAll(pattern)].flatMap((found) => {
    const [portStart, portEnd] = found.indices?.groups?.['port'] ?? found.indices?.[1] ?? [0, 0]
    const port = Number(text.slice(portStart, portEnd))
    const line = lineAt(starts, portStart)
    const match = { text, index: found.index, port, portStart, portEnd, groups: [...found] }
    if (!isPort(port) || isOverridable(code, line) || !isMeant(match)) return []
    const start = portStart - (starts[line] ?? 0)
    const fix = rewrite(code[line] ?? '', start, start + portEnd - portStart, port, nameOf(port)).trim()
    return [{ rule, severity, line: line + 1, port, fix }]
  })
}

/** `localhost:3000` and the like, also inside URLs, but not where a database URL is at fault, which has its own finding. */
export const addressRule: Rule = {
  rule: 'address',
  severity: 'warning',
  pattern: /(?:\blocalhost|\b127\.0\.0\.1|\b0\.0\.0\.0|\[::1?\]):(?<port>\d{2,5})\b/dgi,
  isMeant: ({ text, index }) => !isInDatabaseUrl(text, index),
}

/**
 * True where the environment comes first and the literal is what it falls back to: on the same line, or on the one
 * before when that goes on into it. `default` in a name says the same.
 */
export function isOverridable(code: readonly string[], line: number): boolean {
  const own = code[line] ?? ''
  const before = code[line - 1] ?? ''
  const goesOn = /(?:\|\||\?\?|[(=\\?]|\bor)\s*$/.test(before) || /^\s*(?:\|\||\?\?|\?|or\b)/.test(own)
  return readsEnvironment.test(own) || (goesOn && readsEnvironment.test(before))
}

const readsEnvironment =
  /process\.env|import\.meta\.env|(?:Deno|Bun)\.env|\benv[.[(]|\benv\.\w+\(|\benviron\b|\bgetenv\b|\bENV[.[]|\bconfig\(|\$\{\w+:?[-=]|\$\(or |(?<!export )\bdefault/i

/** Environment variable for a port, by what usually listens there. */
export function variableFor(port: number): string {
  return wellKnown.get(port) ?? 'PORT'
}

const wellKnown: ReadonlyMap<number, string> = new Map([
  ...[5432, 5433, 3306, 3307, 27017, 1433].map((port) => [port, 'DB_PORT'] as const),
  [6379, 'REDIS_PORT'],
  [9200, 'ELASTICSEARCH_PORT'],
  [5672, 'AMQP_PORT'],
  [9092, 'KAFKA_PORT'],
  [1025, 'SMTP_PORT'],
  [9000, 'S3_PORT'],
])

/** The name of the innermost call or constructor whose parentheses hold `index`; undefined for none near. */
export function enclosingCall(text: string, index: number): string | undefined {
  let depth = 0
  for (let at = index - 1; at >= Math.max(0, index - farthestCall); at--) {
    const character = text[at]
    if (character === ')' || character === '}') depth++
    else if (character === '{') depth--
    else if (character === '(') {
      if (depth <= 0) return /([\w$.]+)\s*$/.exec(text.slice(Math.max(0, at - 80), at))?.[1]
      depth--
    }
  }
  return undefined
}

/** Characters; the options of a server are not longer. */
const farthestCall = 2_000

function isPort(port: number): boolean {
  return port >= 80 && port <= 65_535
}

const isUrlBefore = new RegExp(`${serverScheme}://[^\\s"'\`]*$`, 'i')

function isInDatabaseUrl(text: string, index: number): boolean {
  const before = text.slice(Math.max(0, index - 200), index)
  return isUrlBefore.test(before)
}

function lineStarts(lines: readonly string[]): number[] {
  let position = 0
  return lines.map((line) => {
    const start = position
    position += line.length + 1
    return start
  })
}

function lineAt(starts: readonly number[], position: number): number {
  return starts.findLastIndex((start) => start <= position)
}

/** The port of an address on this machine inside `text`. */
export function loopbackPort(text: string): number | undefined {
  const port = Number(new RegExp(addressRule.pattern.source, 'i').exec(text)?.groups?.['port'])
  return isPort(port) ? port : undefined
}
