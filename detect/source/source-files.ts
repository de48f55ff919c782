/** The files of a repository that may hold a port or a database URL: tracked, written by hand, of sensible size. */
import { join, posix } from 'node:path'
import { isComposeFile } from '../detect/compose.ts'
import { isEnvFile } from '../detect/database.ts'
import type { RepositoryFiles } from '../detect/repository-files.ts'
import { readRegularFile } from '../lib/files/read-if-any.ts'
import { blankComments, type CommentStyle } from './blank-comments.ts'

export type SourceKind = 'script' | 'python' | 'ruby' | 'package' | 'command' | 'compose' | 'env' | 'config'

export type SourceFile = {
  path: string
  kind: SourceKind
  /** Lines as written. */
  lines: readonly string[]
  /** The same with comments made blank, column for column. */
  code: readonly string[]
}

/** A test may well have such text for an example: what is found there is a warning. */
export function isTestFile(path: string): boolean {
  return /(?:^|\/)(?:tests?|__tests__|spec|e2e|cypress)\/|[._-](?:test|spec|cy)\.\w+$|(?:^|\/)(?:test_\w+|conftest)\.py$/.test(
    path,
  )
}

/** Written by hand, files are smaller. */
const largestBytes = 400_000
/** Of a longer line no person was the author. */
const longestLine = 2_000

/** What a port or a database looks like at the least; nearly all files fall through here and cost no more. */
const isWorthALook = new RegExp(
  [
    String.raw`port["']?\s*(?::\s*\w+\s*)?[:=(,]*\s*["']?\d{2}|\blisten\(|runserver|kill-port|Server\(|run_simple`,
    String.raw`(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|tcp):\d|\s-[pbl][ =]?["']?[\w.]*:?\d`,
    String.raw`(?:postgres|mysql|maria|mongo|sqlserver|sqlite|cockroach)[\w+]*:|file:|DATABASE_URL|db\.backends`,
  ].join('|'),
  'i',
)

export function loadSourceFiles(root: string, { tracked, untracked }: RepositoryFiles): SourceFile[] {
  const paths = [...tracked, ...untracked.filter(isEnvFile)]
  return paths.flatMap((path) => {
    const kind = kindOf(path)
    const text = kind === undefined ? undefined : readSource(join(root, path))
    if (kind === undefined || text === undefined || !isWorthALook.test(text) || isGenerated(text)) return []
    const lines = text.split(/\r?\n/)
    if (lines.some((line) => line.length > longestLine)) return []
    return [{ path, kind, lines, code: blankComments(text, styleOf(path, kind)).split(/\r?\n/) }]
  })
}

/** Undefined for what is not looked at: documentation, lockfiles, dependencies, build output, samples, CI of its own machine. */
export function kindOf(path: string): SourceKind | undefined {
  if (isPassedOver.test(path)) return undefined
  const name = posix.basename(path)
  if (/\.(?:min|bundle|generated|gen|pb)\.\w+$|\.d\.[cm]?ts$|_pb2\.py$/.test(name)) return undefined
  if (isComposeFile(path)) return 'compose'
  if (isEnvFile(path)) return 'env'
  if (name === 'package.json') return 'package'
  if (/\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/.test(name)) return 'script'
  if (name.endsWith('.py')) return 'python'
  if (/\.(?:rb|ru|rake)$|^Rakefile$/.test(name)) return 'ruby'
  if (/^(?:Procfile(?:\.\w+)?|(?:GNU)?[Mm]akefile|\.?justfile|Taskfile\.ya?ml)$|\.(?:sh|bash|zsh|mk)$/.test(name))
    return 'command'
  if (/^(?:wrangler\.(?:toml|jsonc?)|alembic\.ini|angular\.json)$/.test(name)) return 'config'
  return /(?:^|\/)bin\/[\w-]+$/.test(path) ? 'command' : undefined
}

const isPassedOver =
  /(?:^|\/)(?:node_modules|vendor|third_party|dist|build|out|coverage|docs?|__snapshots__|\.next|\.nuxt|\.venv|venv|site-packages|\.yarn|\.github|\.circleci|\.claude|\.agent-isolate)\//

/** Undefined when it is gone, no file, or too large. */
function readSource(path: string): string | undefined {
  const content = readRegularFile(path, largestBytes)
  return content === undefined || content.includes(0) ? undefined : content.toString('utf8')
}

function isGenerated(text: string): boolean {
  return /@generated|DO NOT EDIT|auto-?generated/i.test(text.slice(0, 400))
}

function styleOf(path: string, kind: SourceKind): CommentStyle {
  if (kind === 'script') return 'slashes'
  if (kind === 'python') return 'python'
  if (kind === 'package' || path.endsWith('.json')) return 'none'
  return path.endsWith('.jsonc') ? 'slashes' : 'hash'
}
