/**
 * The managed block in a `.env.local`: our part of a file whose other part is the user's. Only what stands between the two
 * marker lines is ever rewritten, apart from older assignments of the same keys, which are taken out. Content in, content out.
 */
import { parseEnvStatements, type EnvStatement } from './env-syntax.ts'

const firstLine = '# >>> agent-isolate >>>'
const lastLine = '# <<< agent-isolate <<<'

/**
 * `base` with `rendered` (whole lines) in the managed block: the block that is there is replaced where it stands, else one
 * is put at the end. Keys that `rendered` sets go from the rest of `base`, since Deno takes the first of two; its other
 * lines stay byte for byte. Only a byte order mark is dropped: it would become part of the first key for most readers.
 */
export function mergeEnvFile(base: string, rendered: string, worktree: string): string {
  const keys = new Set(parseEnvStatements(rendered).map(({ assignment }) => assignment?.key))
  const { before, after } = splitAtBlock(base)
  const head = withFinalNewline(withoutKeys(before, keys))
  return head + renderBlock(rendered, worktree) + withoutKeys(after, keys)
}

/** `content` without the managed block: what is left to its user when a worktree is given back. */
export function removeManagedBlock(content: string): string {
  const { before, after } = splitAtBlock(content)
  return [...before, ...after].map(({ raw }) => raw).join('')
}

function renderBlock(rendered: string, worktree: string): string {
  return [
    firstLine,
    `# Generated for the worktree ${worktree.replace(/[^\w./+-]/g, '_')}, and rewritten whenever it is set up: edit outside of this block.`,
    rendered.trimEnd(),
    lastLine,
    '',
  ].join('\n')
}

/** All that is outside of blocks, cut where the first one stands. A first line without a last one is no block, just a line to drop. */
function splitAtBlock(content: string): { before: EnvStatement[]; after: EnvStatement[] } {
  const statements = parseEnvStatements(content.replace(/^\uFEFF/, ''))
  const start = statements.findIndex((statement) => isLine(statement, firstLine))
  const before: EnvStatement[] = start === -1 ? statements : statements.slice(0, start)
  const after: EnvStatement[] = []
  let position = start === -1 ? statements.length : start
  while (position < statements.length) {
    const statement = statements[position]
    if (statement !== undefined && isLine(statement, firstLine)) position = endOfBlock(statements, position)
    else if (statement !== undefined && !isLine(statement, lastLine)) after.push(statement)
    position++
  }
  return { before: before.filter((statement) => !isLine(statement, lastLine)), after }
}

/** Where the block that starts at `start` has its last line; `start` itself when there is none before the next block. */
function endOfBlock(statements: readonly EnvStatement[], start: number): number {
  const end = statements.findIndex((statement, index) => index > start && isLine(statement, lastLine))
  const next = statements.findIndex((statement, index) => index > start && isLine(statement, firstLine))
  return end === -1 || (next !== -1 && next < end) ? start : end
}

function isLine({ raw }: EnvStatement, text: string): boolean {
  return raw.trim() === text
}

function withoutKeys(statements: readonly EnvStatement[], keys: ReadonlySet<string | undefined>): string {
  return statements
    .filter(({ assignment }) => assignment === undefined || !keys.has(assignment.key))
    .map(({ raw }) => raw)
    .join('')
}

function withFinalNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
