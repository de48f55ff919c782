/**
 * The managed block in a `.env.local`: our part of a file whose other part is the user's. Only what stands between the two
 * marker lines is ever rewritten, apart from older assignments of the same keys, which are taken out. Content in, content out.
 */
import { parseEnvStatements, type EnvStatement } from './syntax.ts'

const firstLine = '# >>> agent-isolate >>>'
const lastLine = '# <<< agent-isolate <<<'

/**
 * `base` with `rendered` (whole lines) in the managed block: the block that is there is replaced where it stands; else one is
 * put where the first line that it replaces stood, so that `${PORT}` in a line below means ours, or at the end. Keys that `rendered` sets go from the rest of `base`, since Deno takes the first of two; its other
 * lines stay byte for byte. Only a byte order mark is dropped: it would become part of the first key for most readers.
 */
export function mergeEnvFile(base: string, rendered: string, worktree: string): string {
  const keys = new Set(parseEnvStatements(rendered).map(({ assignment }) => assignment?.key))
  const { before, block, after } = splitAtBlock(base)
  const first = block.length > 0 ? -1 : before.findIndex((statement) => isReplaced(statement, keys))
  const split = first === -1 ? before.length : first
  const head = withFinalNewline(withoutKeys(before.slice(0, split), keys))
  return head + renderBlock(rendered, worktree) + withoutKeys([...before.slice(split), ...after], keys)
}

/**
 * `content` with the lines of `base` that the managed block replaced, each as near to its old neighbours as they still
 * are. A key that is set outside of the block now comes first: it gets no line back.
 */
export function giveBackReplaced(content: string, base: string): string {
  const { before, block, after, keys } = splitAtBlock(content)
  const lines = restoreLines([...before, ...block, ...after], { base, keys })
  return lines.map(({ raw }) => raw).join('')
}

/**
 * What is left to a user when the block goes: `content` without it, and with the lines of `base` that it replaced. Where
 * nobody has changed the rest, that is `base` to the byte.
 */
export function removeManagedBlock(content: string, base: string): string {
  const { before, after, keys } = splitAtBlock(content)
  const rest = [...before, ...after].map(({ raw }) => raw).join('')
  const untouched = splitAtBlock(base)
  const strippedBase = withFinalNewline(withoutKeys(untouched.before, keys)) + withoutKeys(untouched.after, keys)
  if (rest === strippedBase) return base
  return restoreLines([...before, ...after], { base, keys })
    .map(({ raw }) => raw)
    .join('')
}

/** Whether there is anything of ours in the file. */
export function hasManagedBlock(content: string): boolean {
  return splitAtBlock(content).block.length > 0
}

type Replaced = { base: string; keys: ReadonlySet<string | undefined> }

function restoreLines(present: readonly EnvStatement[], { base, keys }: Replaced): EnvStatement[] {
  const lines = [...present]
  const kept = new Set(present.map(({ assignment }) => assignment?.key))
  let position = 0
  for (const statement of parseEnvStatements(base.replace(/^\uFEFF/, ''))) {
    const key = statement.assignment?.key
    if (key !== undefined && keys.has(key) && !kept.has(key)) {
      lines.splice(position++, 0, statement)
      continue
    }
    const found = lines.findIndex(({ raw }, index) => index >= position && raw.trimEnd() === statement.raw.trimEnd())
    if (found !== -1) position = found + 1
  }
  return lines.map((line, index) => (index < lines.length - 1 ? { ...line, raw: withFinalNewline(line.raw) } : line))
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

type Split = {
  before: EnvStatement[]
  /** The first block as one statement; empty without one. */
  block: EnvStatement[]
  after: EnvStatement[]
  /** What blocks set. */
  keys: Set<string | undefined>
}

/** All that is outside of blocks, cut where the first one stands. A first line without a last one is no block, just a line to drop. */
function splitAtBlock(content: string): Split {
  const statements = parseEnvStatements(content.replace(/^\uFEFF/, ''))
  const split: Split = { before: [], block: [], after: [], keys: new Set() }
  for (let position = 0; position < statements.length; position++) {
    const statement = statements[position]
    if (statement === undefined || isLine(statement, lastLine)) continue
    if (!isLine(statement, firstLine)) {
      ;(split.block.length === 0 ? split.before : split.after).push(statement)
      continue
    }
    const end = endOfBlock(statements, position)
    const inside = statements.slice(position, end + 1)
    for (const { assignment } of inside) if (assignment !== undefined) split.keys.add(assignment.key)
    if (split.block.length === 0) split.block.push({ ...statement, raw: inside.map(({ raw }) => raw).join('') })
    position = end
  }
  return split
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
    .filter((statement) => !isReplaced(statement, keys))
    .map(({ raw }) => raw)
    .join('')
}

function isReplaced({ assignment }: EnvStatement, keys: ReadonlySet<string | undefined>): boolean {
  return assignment !== undefined && keys.has(assignment.key)
}

function withFinalNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
