/** An env file of the main checkout's as a worktree is to have it: what is the worktree's own is changed, all else stays to the byte. */
import { isEnvFile } from '../env-text/env-file-name.ts'
import { isLoopback } from '../env-text/loopback.ts'
import { isBareSafe, quoteEnvValue } from '../env-text/quoting.ts'
import { parseReferences, substitute, writePieces } from '../env-text/references.ts'
import { parseEnvStatements, type EnvAssignment, type EnvStatement } from '../env-text/syntax.ts'
import { findDatabaseUrl, judgePlace, placeOf, retarget } from './own-postgres.ts'
import { isPortKey, replacePaths, replacePorts, type OwnValues } from './own-values.ts'
import { planParts, type PartsPlan } from './postgres-parts.ts'

export type Rewritten = {
  text: string
  /** Keys whose values changed, with the new ones; those whose paths alone did are `isPath`. */
  changes: readonly { key: string; value: string; isPath: boolean }[]
  /** Keys of databases on main's server that are not the worktree's, and that nothing of the worktree's can replace. */
  kept: readonly string[]
}

/** `path`, with `/`, says what sort of file it is; one that is neither an env file nor a list of servers stays as it is. */
export function rewriteFile(path: string, text: string, own: OwnValues): Rewritten {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (isServerList(path)) return rewriteJson(text, own)
  return isEnvFile(path) ? rewriteEnvFile(text, own, /test/i.test(name)) : { text, changes: [], kept: [] }
}

/** Claude Code's `.mcp.json`. */
export function isServerList(path: string): boolean {
  return /(?:^|\/)\.mcp\.json$/.test(path)
}

function rewriteEnvFile(text: string, own: OwnValues, isTest: boolean): Rewritten {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : ''
  const statements = parseEnvStatements(text.slice(mark.length))
  const values = valuesOf(statements)
  const parts: PartsPlan =
    own.postgres === undefined
      ? { values: new Map(), added: new Map(), kept: [] }
      : planParts(values, own.postgres, isTest)
  const later = new Map([...values, ...parts.values])
  const changes: Rewritten['changes'][number][] = []
  const kept = [...parts.kept]
  const lines = statements.map((statement) => {
    const { assignment, raw } = statement
    if (assignment === undefined) return raw
    const { key, body } = assignment
    const found = parts.values.get(key) ?? replaceDatabase(assignment, later, own, isTest)
    if (found === 'kept') kept.push(key)
    const isOwn = found !== undefined && found !== 'kept'
    const ported = isOwn ? found : replacePorts(body, own.ports, isPortKey(key) && isOfThisMachine(key, values))
    const value = isOwn ? found : replacePaths(ported, own)
    if (value === body) return raw
    changes.push({ key, value, isPath: ported === body })
    const changed = withBody(statement, assignment, value)
    const added = parts.added.get(key)
    return added === undefined ? changed : `${changed.replace(/\n?$/, '\n')}${added}\n`
  })
  return { text: mark + lines.join(''), changes, kept }
}

/** Each text of it, as a server's arguments and variables are. */
function rewriteJson(text: string, own: OwnValues): Rewritten {
  let isChanged = false
  const rewritten = text.replace(/"((?:[^"\\]|\\.)*)"/g, (whole, inner: string) => {
    const assignment: EnvAssignment = { key: '', isExported: false, quote: "'", body: inner, comment: '' }
    const found = replaceDatabase(assignment, new Map(), own, false)
    const isOwn = found !== undefined && found !== 'kept'
    const value = isOwn ? found : replacePaths(replacePorts(inner, own.ports, false), own)
    if (value === inner || value.includes('"')) return whole
    isChanged = true
    return `"${value}"`
  })
  return { text: rewritten, changes: isChanged ? [{ key: 'addresses', value: '', isPath: true }] : [], kept: [] }
}

/** The URL that takes the place of a database's; references in it are filled in, and stay where it leads to the right one by them. */
function replaceDatabase(
  { key, body, quote }: EnvAssignment,
  values: ReadonlyMap<string, string>,
  { postgres }: OwnValues,
  isTest: boolean,
): string | undefined {
  if (postgres === undefined || !/:\/\//.test(body)) return undefined
  const url = findDatabaseUrl(expand(body, quote, values))
  if (url === undefined) return undefined
  const verdict = judgePlace(placeOf(url), postgres, isTest || /(?:^|_)(?:TEST|SHADOW)(?:_|$)/i.test(key))
  return typeof verdict === 'object' ? retarget(url, verdict, postgres.isOnMainServer) : verdict
}

/** `REDIS_PORT` is a port of this machine unless `REDIS_HOST` names another. */
function isOfThisMachine(key: string, values: ReadonlyMap<string, string>): boolean {
  const hosts = ['HOST', 'SERVER', 'HOSTNAME', 'ADDRESS'].map((word) => values.get(key.replace(/PORT$/i, word)))
  const host = hosts.find((value) => value !== undefined && value !== '' && !/^\d+$/.test(value))
  return host === undefined || isLoopback(host)
}

/** The values of an env file, with references to earlier ones filled in. */
export function readValues(text: string): Map<string, string> {
  return valuesOf(parseEnvStatements(text))
}

function valuesOf(statements: readonly EnvStatement[]): Map<string, string> {
  const values = new Map<string, string>()
  for (const { assignment } of statements) {
    if (assignment !== undefined) values.set(assignment.key, expand(assignment.body, assignment.quote, values))
  }
  return values
}

function expand(body: string, quote: EnvAssignment['quote'], values: ReadonlyMap<string, string>): string {
  if (quote === "'") return body
  return writePieces(
    substitute(parseReferences(body, { hasEscapes: true }), Object.fromEntries(values)),
    (text) => text,
  )
}

/** In the same quotes, unless the new value needs others. */
function withBody({ raw }: EnvStatement, { quote, body }: EnvAssignment, value: string): string {
  const start = raw.indexOf(quote + body, raw.indexOf('=') + 1)
  const end = start + quote.length * 2 + body.length
  const fits = quote === '' ? isBareSafe(value) || !isBareSafe(body) : !(value.includes(quote) || /\\/.test(value))
  const text = fits ? quote + value + quote : quoteEnvValue(value).text
  return raw.slice(0, start) + text + raw.slice(end)
}
