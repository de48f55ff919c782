/** A plan as a person reads it: a unified diff of every file, the copied program in one line. Pure. */
import { dirname, relative } from 'node:path'
import picocolors from 'picocolors'
import { diffLines, type DiffLine } from './diff.ts'
import { breakAtWidth, cutToWidth, displayWidth, splitGraphemes } from './display-width.ts'
import type { FileChange, InitPlan } from './file-change.ts'
import { hideSecrets } from '../lib/report/hide-secrets.ts'
import { visible } from '../lib/report/visible-text.ts'

export type RenderOptions = {
  color: boolean
  /** Columns. 80 by default. */
  width?: number | undefined
  /** Paths below it are shown relative to it. */
  root?: string
}

/** Lines without a final newline; '' for an empty plan. Notes are not in it. */
export function renderPlan({ changes }: Pick<InitPlan, 'changes'>, { color, width = 80, root }: RenderOptions): string {
  const colors = picocolors.createColors(color)
  const paint = { ' ': colors.dim, '-': colors.red, '+': colors.green, '@': colors.cyan }
  const shorten = (path: string): string => shortPath(path, root)
  const files = changes
    .filter(({ isBundled }) => isBundled !== true)
    .flatMap((change) => [
      colors.bold(headline(change, shorten)),
      ...renderDiff(diffLines(change.before ?? '', change.after ?? ''), width).map((line) => paintLine(line, paint)),
    ])
  return [...files, ...summarise(changes, shorten).map((line) => colors.bold(line))].join('\n')
}

type Mark = DiffLine['kind'] | '@'

function paintLine(line: string, paint: Record<Mark, (text: string) => string>): string {
  const mark = line[0]
  return mark === '-' || mark === '+' || mark === '@' ? paint[mark](line) : paint[' '](line)
}

function headline({ path, before, after }: FileChange, shorten: (path: string) => string): string {
  if (after === undefined) return `deleted ${shorten(path)}`
  return `${before === undefined ? 'created' : 'changed'} ${shorten(path)}`
}

/** Lines of context around a change, as diff(1) has it. */
const context = 3

function renderDiff(lines: readonly DiffLine[], width: number): string[] {
  const isNear = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ kind }) => kind !== ' '),
  )
  const rendered: string[] = []
  let [oldLine, newLine] = [1, 1]
  for (const [index, line] of lines.entries()) {
    if (isNear[index] && !isNear[index - 1]) rendered.push(`@@ -${oldLine} +${newLine} @@`)
    if (isNear[index]) {
      rendered.push(...fit(line, counterpart(lines, index), width - 1).map((part) => line.kind + part))
    }
    if (line.kind !== '+') oldLine += 1
    if (line.kind !== '-') newLine += 1
  }
  return rendered
}

/** The line on the other side of a one-line change. */
function counterpart(lines: readonly DiffLine[], index: number): string {
  const other = lines[index]?.kind === '-' ? lines[index + 1] : lines[index - 1]
  return other !== undefined && other.kind !== ' ' && other.kind !== lines[index]?.kind ? other.text : ''
}

/** Rows of a line that is too long for one; what does not even fit into these is cut. */
const mostRows = 8

/** A long line goes on in further rows; of one that changes, it is the part that differs. Nothing in a file can move the cursor or hide. */
function fit({ text, kind }: DiffLine, other: string, width: number): string[] {
  const line = visibleLine(text)
  if (displayWidth(line) <= width) return [line]
  if (kind === ' ') return [cutToWidth(line, width, 'end')]
  const same = commonStart(splitGraphemes(line), splitGraphemes(visibleLine(other)))
  // Half a row of what is the same says where the line goes on.
  const lead = cutToWidth(same, Math.floor(width / 2), 'start')
  const shown = displayWidth(same) < width ? line : lead + line.slice(same.length)
  const rows = breakAtWidth(shown, width)
  return rows.length <= mostRows ? rows : [...rows.slice(0, mostRows), '…']
}

function commonStart(line: readonly string[], other: readonly string[]): string {
  const end = line.findIndex((grapheme, index) => grapheme !== other[index])
  return (end === -1 ? line : line.slice(0, end)).join('')
}

function visibleLine(text: string): string {
  const shown = hideSecrets(text.replace(/\r?\n$/, ''), { keeps: 'references' })
  return visible(shown.replaceAll('\t', '  '))
}

function summarise(changes: readonly FileChange[], shorten: (path: string) => string): string[] {
  const bundled = changes.filter(({ isBundled }) => isBundled === true)
  const groups = [
    { verb: 'created', files: bundled.filter(({ before }) => before === undefined) },
    { verb: 'changed', files: bundled.filter(({ before, after }) => before !== undefined && after !== undefined) },
    { verb: 'deleted', files: bundled.filter(({ after }) => after === undefined) },
  ]
  return groups
    .filter(({ files }) => files.length > 0)
    .map(({ verb, files }) => {
      const count = files.length === 1 ? '1 file' : `${files.length} files`
      return `${verb} ${shorten(commonFolder(files))}/ (${count}, ${kilobytes(files)} kB)`
    })
}

function kilobytes(files: readonly FileChange[]): number {
  const bytes = files.reduce((sum, { before, after }) => sum + Buffer.byteLength(after ?? before ?? ''), 0)
  return Math.ceil(bytes / 1000)
}

function commonFolder(files: readonly FileChange[]): string {
  let folder = dirname(files[0]?.path ?? '')
  while (!files.every(({ path }) => path.startsWith(`${folder}/`))) folder = dirname(folder)
  return folder
}

function shortPath(path: string, root: string | undefined): string {
  const inner = root === undefined ? path : relative(root, path)
  return inner.startsWith('..') ? path : inner
}
