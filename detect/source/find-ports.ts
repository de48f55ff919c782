/** Every port that a file fixes, and what to write instead. Pure. */
import { joinLines, applyRule, wellKnownVariable, type Hit, type NameOf } from './port-hit.ts'
import { findUnset } from './fallback.ts'
import { findKind } from './file-kinds.ts'
import { isServerConfig, isTestConfig } from './kinds/script.ts'
import { isFixture, isTestFile, type SourceFile } from './source-files.ts'

export type PortSettings = {
  nameOf: NameOf
  /** The variables that have a value of each worktree's own, or that an env file sets. */
  set: ReadonlySet<string>
  /** How the file's variables are read where it runs in a browser; undefined where it does not. */
  browser: string | undefined
}

export const noSettings: PortSettings = {
  nameOf: (port) => ({ variable: wellKnownVariable(port) ?? 'PORT', value: undefined }),
  set: new Set(),
  browser: undefined,
}

/** One hit for each port of a line, in their order. */
export function findFixedPorts(
  { path, code }: Pick<SourceFile, 'path' | 'code'>,
  { nameOf, set, browser }: PortSettings = noSettings,
): Hit[] {
  const kind = findKind(path)
  if (kind === undefined || kind.kind === 'inside' || isFixture(path)) return []
  const whole = joinLines(kind.narrow?.(code) ?? code)
  const writing = { path, rewrite: kind.rewrite, nameOf, browser }
  const fixed = kind.rules.flatMap((rule) => applyRule(rule, whole, writing))
  const unset = kind.rules.length === 0 ? [] : findUnset(whole, set, nameOf).map((hit) => asTarget(path, hit))
  const isTest = isTestFile(path) && !isServerConfig(path)
  return dropRepeats([...fixed, ...unset])
    .filter(({ beatenBy }) => beatenBy === undefined || !set.has(beatenBy))
    .filter((hit) => !isTest || hit.rule !== 'address' || isUse.test(code[hit.line - 1] ?? ''))
    .map((hit) => (isTest ? { ...hit, severity: 'warning' } : hit))
}

/** An address that a test goes to, or keeps to go to; most others are examples of text. */
const isUse =
  /\b(?:goto|visit|fetch|get|post|put|patch|delete|request\w*|axios|connect|urlopen|io|WebSocket)\(|\b(?!localhost\b)\w*(?:url|base|host|origin|server|api)\w*["']?\s*[:=]/i

/** What tests look at by default is where they look, as long as nothing sets the variable. */
function asTarget(path: string, hit: Hit): Hit {
  return isTestConfig(path) ? { ...hit, rule: 'test-target', severity: 'error' } : hit
}

/** Ports inside containers, which are no clash. */
export function findInsidePorts({ path, code }: Pick<SourceFile, 'path' | 'code'>): number[] {
  const kind = findKind(path)
  if (kind?.kind !== 'inside') return []
  const writing = { path, rewrite: kind.rewrite, nameOf: noSettings.nameOf, browser: undefined }
  return kind.rules.flatMap((rule) => applyRule(rule, joinLines(code), writing)).map(({ port }) => port)
}

/** Two rules may meet the same port of the same line: the first, which says more, stands. */
function dropRepeats(hits: readonly Hit[]): Hit[] {
  const seen = new Map<string, Hit>()
  for (const hit of hits) {
    const key = `${hit.line}:${hit.port}`
    if (!seen.has(key)) seen.set(key, hit)
  }
  return [...seen.values()].toSorted((a, b) => a.line - b.line)
}
