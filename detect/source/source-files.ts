/** The files of a repository that may hold a port or a database URL: tracked, written by hand, of sensible size. */
import { join, posix } from 'node:path'
import { readRegularFile } from '../../lib/files/read-if-any.ts'
import { isEnvFile } from '../database.ts'
import type { RepositoryFiles } from '../repository-files.ts'
import { blankComments, type CommentStyle } from './blank-comments.ts'
import { countCoverage, type Coverage, type Outcome } from './coverage.ts'
import type { FileKind, SourceKind } from './file-kind.ts'
import { findKind } from './file-kinds.ts'

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
  return /(?:^|\/)(?:tests?|__tests__|specs?|e2e|cypress)\/|[._-](?:test|spec|cy)\.\w+$|(?:^|\/)(?:test_\w+|conftest)\.py$|_test\.(?:go|exs)$|Tests?\.(?:java|kt|cs|php)$/.test(
    path,
  )
}

/** Examples of data and of use, which no server of the project's reads. */
export function isFixture(path: string): boolean {
  return /(?:^|\/)(?:__)?(?:fixtures?|mocks?|testdata|test-data|stubs|examples?|samples?|snapshots)(?:__)?\/|\.(?:stories|fixture|mock)\.\w+$/.test(
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
    String.raw`port["']?\s*(?::\s*\w+\s*)?[:=(,]*\s*["']?\d{2}|\blisten\b|runserver|kill-port|wait-on|start-test|http\.server|Server\(|run_simple`,
    String.raw`(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|tcp):\d|\s-[pblS][ =]?["']?[\w.]*:?\d|["'\`(\s,:]:?\d{4,5}["'\`),;\s}]`,
    String.raw`(?:postgres|mysql|maria|mongo|sqlserver|sqlite|cockroach)[\w+]*:|file:|DATABASE_URL|db\.backends|database:|EXPOSE`,
  ].join('|'),
  'i',
)

/** Reads each file once; the sources are those that are worth a look. */
export function loadSourceFiles(
  root: string,
  { tracked, untracked }: RepositoryFiles,
): { sources: SourceFile[]; coverage: Coverage } {
  const paths = [...tracked, ...untracked.filter(isEnvFile)].filter((path) => !isPassedOver(path))
  const looked = paths.map((path) => look(root, path))
  return { sources: looked.flatMap(({ source }) => source ?? []), coverage: countCoverage(looked) }
}

function look(root: string, path: string): Outcome & { source?: SourceFile } {
  const kind = findKind(path)
  if (kind === undefined) return { path, outcome: 'left', title: undefined }
  const { title } = kind
  const text = readSource(join(root, path))
  if (text === undefined || isGenerated(text)) return { path, outcome: 'skipped', title }
  if (!isWorthALook.test(text)) return { path, outcome: 'read', title }
  const lines = text.split(/\r?\n/)
  if (kind.kind !== 'package' && lines.some((line) => line.length > longestLine)) {
    return { path, outcome: 'skipped', title }
  }
  const code = blankComments(text, styleOf(path, kind)).split(/\r?\n/)
  return { path, outcome: 'read', title, source: { path, kind: kind.kind, lines, code } }
}

/** Documentation, lockfiles, dependencies, build output, CI of its own machine, containers for editors. */
function isPassedOver(path: string): boolean {
  const name = posix.basename(path)
  return isPassedFolder.test(path) || /\.(?:min|bundle|generated|gen|pb)\.\w+$|\.d\.[cm]?ts$|_pb2\.py$/.test(name)
}

const isPassedFolder =
  /(?:^|\/)(?:node_modules|vendor|third_party|dist|build|out|target|deps|_build|coverage|docs?|__snapshots__|\.next|\.nuxt|\.venv|venv|site-packages|\.yarn|\.github|\.gitlab|\.circleci|\.devcontainer|\.claude|\.agent-isolate)\//

/** Undefined when it is gone, no file, or too large. */
function readSource(path: string): string | undefined {
  const content = readRegularFile(path, largestBytes)
  return content === undefined || content.includes(0) ? undefined : content.toString('utf8')
}

function isGenerated(text: string): boolean {
  return /@generated|DO NOT EDIT|auto-?generated/i.test(text.slice(0, 400))
}

function styleOf(path: string, kind: FileKind): CommentStyle {
  if (path.endsWith('.jsonc')) return 'slashes'
  return path.endsWith('.json') ? 'none' : kind.comments
}
