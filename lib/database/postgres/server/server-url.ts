/** The URL of the configured server. A committed file holds no password: `$NAME` in it stands for a variable. */
import { join } from 'node:path'
import {
  namesIn,
  parseReferences,
  substitute,
  writePieces,
  type EnvPiece,
  type EnvVariables,
} from '../../../env-text/references.ts'
import { parseEnvStatements } from '../../../env-text/syntax.ts'
import { findOddity, readIfFile } from '../../../files/read-if-any.ts'
import type { Config, PostgresServerConfig } from '../../../project/config.ts'
import { IsolateError } from '../../../report/isolate-error.ts'
import { parseDatabaseUrl, type PostgresUrl } from '../client/database-url.ts'

/**
 * Variables are looked up in the main checkout's env files (the configured one, then `.env`), and only then in `env`: inside a
 * worktree DATABASE_URL is the worktree's own. Throws `IsolateError` for a variable that is nowhere, and for what is no URL.
 */
export function requireServerUrl(
  source: string | undefined,
  { environment }: { environment: Pick<Config['environment'], 'file'> },
  { url }: Pick<PostgresServerConfig, 'url'>,
  env: NodeJS.ProcessEnv = process.env,
): PostgresUrl {
  const pieces = parseReferences(url, { hasEscapes: false })
  const names = namesIn(pieces)
  if (names.length === 0) return parseDatabaseUrl(url)
  const files = source === undefined ? [] : [join(source, environment.file), join(source, '.env')]
  const values: EnvVariables[] = [...files.map(readVariables), env]
  const known = Object.fromEntries(names.map((name) => [name, values.map((each) => each[name]).find(Boolean)]))
  const missing = missingIn(pieces, known)
  if (missing.length > 0) {
    throw new IsolateError(
      `"database.url" needs ${missing.map((name) => `$${name}`).join(', ')}, which is set nowhere`,
      {
        hint: [
          ...files.flatMap(describeUnread),
          `Set it in ${files[0] ?? 'the environment'}, or in the environment.`,
        ].join(' '),
      },
    )
  }
  return parseDatabaseUrl(writePieces(substitute(pieces, known), (text) => text))
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
