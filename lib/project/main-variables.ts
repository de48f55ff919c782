/** Variables that agent-isolate.json names, so that no password is in it: what the main checkout and its user set them to. */
import { join } from 'node:path'
import {
  namesIn,
  parseReferences,
  substitute,
  writePieces,
  type EnvPiece,
  type EnvVariables,
} from '../env-text/references.ts'
import { parseEnvStatements } from '../env-text/syntax.ts'
import { findOddity, readIfFile } from '../files/read-if-any.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Config } from './config.ts'

/**
 * `text` with its variables filled in. They are looked up in the main checkout's env files (the configured one, then `.env`), and
 * only then in `env`: inside a worktree DATABASE_URL is the worktree's own. Throws `IsolateError`, naming `key`, for one that is nowhere.
 */
export function fillFromMain(
  text: string,
  key: string,
  source: string | undefined,
  { environment }: { environment: Pick<Config['environment'], 'file'> },
  env: NodeJS.ProcessEnv = process.env,
): string {
  const pieces = parseReferences(text, { hasEscapes: false })
  const names = namesIn(pieces)
  if (names.length === 0) return text
  const files = source === undefined ? [] : [join(source, environment.file), join(source, '.env')]
  const values: EnvVariables[] = [...files.map(readVariables), env]
  const known = Object.fromEntries(names.map((name) => [name, values.map((each) => each[name]).find(Boolean)]))
  const missing = missingIn(pieces, known)
  if (missing.length > 0) {
    throw new IsolateError(`${key} needs ${missing.map((name) => `$${name}`).join(', ')}, which is set nowhere`, {
      hint: [
        ...files.flatMap(describeUnread),
        `Set it in ${files[0] ?? 'the environment'}, or in the environment.`,
      ].join(' '),
    })
  }
  return writePieces(
    pieces.flatMap((piece, index) =>
      substitute([piece], isUserInfo(pieces, index) ? mapValues(known, asUserInfo) : known),
    ),
    (literal) => literal,
  )
}

/** Whether it stands between `://` and `@`, where a password of its own would be taken for the rest of the URL. */
function isUserInfo(pieces: readonly EnvPiece[], index: number): boolean {
  return holds(pieces.slice(0, index), '://') && holds(pieces.slice(index), '@')
}

function holds(pieces: readonly EnvPiece[], text: string): boolean {
  return pieces.some((piece) => piece.kind !== 'reference' && piece.text.includes(text))
}

function mapValues(variables: EnvVariables, map: (value: string) => string): EnvVariables {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value && map(value)]))
}

/** Percent-encoded where it has to be, and is not yet (RFC 3986, 3.2.1). */
function asUserInfo(value: string): string {
  return /[/@:?#[\]\s]|%(?![0-9a-f]{2})/i.test(value) ? encodeURIComponent(value) : value
}

/** Those without a value and without a default. */
function missingIn(pieces: readonly EnvPiece[], known: EnvVariables): string[] {
  return pieces.flatMap((piece) => {
    if (piece.kind !== 'reference' || known[piece.name]) return []
    return piece.fallback === undefined ? [piece.name] : missingIn(piece.fallback, known)
  })
}

function describeUnread(path: string): string[] {
  const oddity = findOddity(path)
  return oddity === undefined ? [] : [`${path} was not read: it is ${oddity}.`]
}

/** References to variables of the same file are followed, as dotenv-expand does; single quotes keep them as they are. */
function readVariables(path: string): EnvVariables {
  const text = readIfFile(path)
  if (text === undefined) return {}
  const values: Record<string, string> = {}
  for (const { assignment } of parseEnvStatements(text)) {
    if (assignment === undefined) continue
    const { key, body, quote } = assignment
    const pieces = quote === "'" ? [] : parseReferences(body, { hasEscapes: false })
    values[key] = quote === "'" ? body : writePieces(substitute(pieces, values), (literal) => literal)
  }
  return values
}
