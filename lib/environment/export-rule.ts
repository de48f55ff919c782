/**
 * Which variables of an untrusted repository's template shells get. Programs without number take commands, paths of
 * configs, or the address of what they download and run, from variables, so it is an allow rule, for key and value.
 */
import type { Database } from '../database/of-lease.ts'
import type { EnvEntry } from '../env-text/template.ts'

/**
 * Allowed is a key that ends as ports, addresses, databases and passwords do and is of no known tool, set to a value that
 * holds one of the worktree's own and is nothing but: a word (a port, `app_$AGENT_SLUG`), a URL on this machine, or the
 * worktree's own database; and the likes of APP_ENV, set to a word. A value with a reference left in it is not allowed.
 */
export function isSafeToExport({ key, pieces }: EnvEntry, databases: readonly Database[]): boolean {
  if (pieces.some(({ kind }) => kind === 'reference')) return false
  const value = pieces.map((piece) => (piece.kind === 'reference' ? '' : piece.text)).join('')
  if (modes.test(key)) return word.test(value)
  if (!ownKeys.test(key) || toolKeys.test(key) || !pieces.some(({ kind }) => kind === 'inserted')) return false
  return word.test(value) || localUrl.test(value) || databases.some((database) => isOwnDatabase(value, database))
}

const modes = /^(?:APP|FLASK|DJANGO)_ENV$/

const ownKeys =
  /^(?:(?:[A-Z][A-Z0-9_]*_)?(?:PORT|URL|URI|DSN|DATABASE|DATABASE_NAME|DB|DB_NAME|DB_PATH|PASSWORD)|PG(?:PORT|DATABASE|PASSWORD)|COMPOSE_PROJECT_NAME)$/

/** Keys of that form with which tools are sent elsewhere, with credentials or for code. */
const toolKeys =
  /^(?:GIT|GITHUB|GH|GITLAB|SSH|NPM|YARN|PNPM|BUN|DENO|NODE|NVM|COREPACK|ELECTRON|PLAYWRIGHT|PUPPETEER|PIP|UV|POETRY|CONDA|PYTHON|DOCKER|BUILDKIT|KUBE|HELM|CARGO|RUSTUP|GEM|BUNDLE|GO|JAVA|MAVEN|GRADLE|HOMEBREW|LD|DYLD|BASH|ZSH|CLAUDE|ANTHROPIC|OPENAI|AWS|AZURE|GOOGLE|VAULT|SENTRY)_|REGISTRY|INDEX_URL|MIRROR|DOWNLOAD|PROXY/

const word = /^[\w-]+$/

/** Strict about the part up to the host: programs disagree on how to read an odd one. */
const localUrl =
  /^[a-z][a-z0-9+.-]*:\/\/(?:[\w.~%-]*(?::[\w.~%-]*)?@)?(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::\d+)?(?:[/?#][^\s\\]*)?$/

/** The database's URL, or a file's path: as it is, or in a URL: `file:/…`, `sqlite:////…?mode=rwc`. */
function isOwnDatabase(value: string, database: Database): boolean {
  if (database.kind === 'postgres') return value === database.url
  return [database.path, ...database.further].some((path) => isOwnFile(value, path))
}

function isOwnFile(value: string, path: string): boolean {
  const at = value.indexOf(path)
  if (at === -1) return false
  const after = value.slice(at + path.length)
  return /^(?:[a-z][a-z0-9+]*:(?:\/\/\/?)?)?$/.test(value.slice(0, at)) && /^(?:\?[\w=&.-]*)?$/.test(after)
}
