/** A port or an address found in a line, and what the rules for the different kinds of files have in common. Pure. */
import { serverScheme } from '../database.ts'

export type Hit = {
  /** Stable, without the check's name: `listen`, `address`, `unset`. */
  rule: string
  severity: 'error' | 'warning'
  /** From 1. */
  line: number
  port: number
  /** The line to write, or what to do; '' where `setting` alone does it. */
  fix: string
  /** The environment variable that `fix` reads. */
  variable: string
  /** The line of the environment template that gives it a value; undefined where none is known that leads anywhere. */
  setting: string | undefined
  /** The file says it, but this variable beats it: no fault where the template sets it. */
  beatenBy?: string
}

/**
 * A rule: the group named `port`, or else the first, is the port. `pattern` has the flags `dg`. A server `listens` on the
 * port, or something leads to it, by which it is `reached`.
 */
export type Rule = {
  rule: string
  role: 'listens' | 'reached'
  pattern: RegExp
  isMeant?: (match: Match) => boolean
  /** Of the kind's files those alone. */
  files?: RegExp
  /** What to write, where the kind's own way does not fit. */
  rewrite?: Rewrite
  /** The variable to use, where it is not the port's usual one, and its value for a port. */
  own?: { variable: string; value: (port: string) => string }
  /** That variable beats what the file says: no line of it has to change. */
  isBeaten?: true
  /** It is about an option's default: the word alone does not say that the environment comes first. */
  isDefault?: true
}

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

/** The environment variable for a port, and what the template sets it to: `PORT`, `$AGENT_DYNAMIC_PORT`. */
export type PortName = { variable: string; value: string | undefined }

export type NameOf = (port: number) => PortName

/** How a file is written: the variables that a browser may see begin with `browser`, as `import.meta.env.VITE_`. */
export type Writing = { path: string; rewrite: Rewrite; nameOf: NameOf; browser: string | undefined }

/** A file's lines with comments made blank, and the same in one piece with where each line starts. */
export type CodeText = { code: readonly string[]; text: string; starts: readonly number[] }

export function joinLines(code: readonly string[]): CodeText {
  return { code, text: code.join('\n'), starts: lineStarts(code) }
}

/** The hits of one rule in a file. */
export function applyRule(rule: Rule, { code, text, starts }: CodeText, writing: Writing): Hit[] {
  if (rule.files !== undefined && !rule.files.test(writing.path)) return []
  return [...text.matchAll(rule.pattern)].flatMap((found) => {
    const [portStart, portEnd] = found.indices?.groups?.['port'] ?? found.indices?.[1] ?? [0, 0]
    const port = Number(text.slice(portStart, portEnd))
    const index = lineAt(starts, portStart)
    const match = { text, index: found.index, port, portStart, portEnd, groups: [...found] }
    if (
      !isPort(port) ||
      isOverridable(rule.isDefault ? withoutDefault(code, index) : code, index) ||
      rule.isMeant?.(match) === false
    )
      return []
    const start = portStart - (starts[index] ?? 0)
    const place = { line: code[index] ?? '', start, end: start + portEnd - portStart, port }
    const what = { rule: rule.rule, severity: severityOf(rule.role), line: index + 1, port }
    return [{ ...what, ...advise(writing, rule, place) }]
  })
}

function withoutDefault(code: readonly string[], line: number): string[] {
  return code.map((text, index) => (index === line || index === line - 1 ? text.replace(/\bdefault\b/g, '') : text))
}

type Place = { line: string; start: number; end: number; port: number }

function advise(
  usual: Writing,
  { role, own, isBeaten, rewrite = usual.rewrite }: Rule,
  { line, start, end, port }: Place,
): Pick<Hit, 'fix' | 'variable' | 'setting' | 'beatenBy'> {
  const { variable, value } = usual.nameOf(port)
  if (own !== undefined) {
    const setting = `${own.variable}=${own.value(value ?? '$AGENT_DYNAMIC_PORT')}`
    if (isBeaten) return { fix: '', variable: own.variable, setting, beatenBy: own.variable }
    return { fix: rewrite(line, start, end, port, variable), variable: own.variable, setting }
  }
  const prefix = role === 'reached' ? usual.browser : undefined
  const [name, read] = prefix === undefined ? [variable, variable] : [lastWord(prefix) + variable, prefix + variable]
  const fix = rewrite(line, start, end, port, read).trim()
  return { fix, variable: name, setting: value === undefined ? undefined : `${name}=${value}` }
}

function lastWord(text: string): string {
  return /\w*$/.exec(text)?.[0] ?? ''
}

export function severityOf(role: Rule['role']): Hit['severity'] {
  return role === 'listens' ? 'error' : 'warning'
}

/** `localhost:3000` and the like, also inside URLs, but not where a database URL is at fault, which has its own finding. */
export const addressRule: Rule & { isMeant: (match: Match) => boolean } = {
  rule: 'address',
  role: 'reached',
  pattern: /(?:\blocalhost|\b127\.0\.0\.1|\b0\.0\.0\.0|\[::1?\]):(?<port>\d{2,5})\b/dgi,
  isMeant: ({ text, index }) => !isInDatabaseUrl(text, index),
}

/**
 * True where the environment comes first and the literal is what it falls back to: on the same line, or on the one
 * before when that goes on into it. `default` in a name says the same.
 */
export function isOverridable(code: readonly string[], line: number): boolean {
  // CI changes whether a server is used again, not its port.
  const [own = '', before = ''] = [code[line], code[line - 1]].map((text) => text?.replace(/process\.env\.CI\b/g, ''))
  const goesOn = /(?:\|\||\?\?|[(=\\?]|\bor)\s*$/.test(before) || /^\s*(?:\|\||\?\?|\?|or\b|\.unwrap)/.test(own)
  return readsEnvironment.test(own) || (goesOn && readsEnvironment.test(before))
}

const readsEnvironment =
  /process\.env|import\.meta\.env|(?:Deno|Bun)\.env|\benv[.[(]|\benv\.\w+\(|\benv::var|\benviron\b|\bgetenv\b|\b(?:get|fetch)_env\b|GetEnvironmentVariable|\bENV[.[]|\bconfig\(|\$\{\w+:?[-=]|\$\{[A-Z]\w*:|\$\(or |(?<!export )\bdefault(?!\/)/i

/** Environment variable for a port, by what usually listens there; undefined for a port of the project's own. */
export function wellKnownVariable(port: number): string | undefined {
  return wellKnown.get(port)
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

export function isPort(port: number): boolean {
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

/** Index of the line that holds the position. */
export function lineAt(starts: readonly number[], position: number): number {
  return starts.findLastIndex((start) => start <= position)
}

/** The port of an address on this machine inside `text`. */
export function loopbackPort(text: string): number | undefined {
  const port = Number(new RegExp(addressRule.pattern.source, 'i').exec(text)?.groups?.['port'])
  return isPort(port) ? port : undefined
}
