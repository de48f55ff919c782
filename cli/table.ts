/** Lays out a table for the terminal. Pure: cells in, lines out. */
import { cutToWidth, displayWidth } from '../init/display-width.ts'

export type Column = {
  title: string
  /** What may be cut, with `…`, when the table is too wide: the end of the text, or the start of a path. Never where left out. */
  cut?: 'end' | 'start'
  /** Colours a whole cell, padding excluded. */
  paint?: (text: string) => string
}

/** A line of text for each cell, or several, one below the other. */
export type Row = {
  cells: readonly (string | readonly string[])[]
  /** Whole lines below the row. */
  notes?: readonly string[]
}

const gap = '  '
/** A cut column keeps this much, so that two cells can still be told apart. */
const leastWidth = 8

/** `width` in columns of the terminal; a table whose uncut columns need more gets it. */
export function renderTable(columns: readonly Column[], rows: readonly Row[], width: number): string {
  const widths = fitWidths(columns, rows, width)
  const title = columns.map(({ title: text }) => text)
  const header = renderLine(
    columns.map(({ cut }) => (cut === undefined ? {} : { cut })),
    title,
    widths,
  )
  return [header, ...rows.flatMap((row) => renderRow(columns, row, widths))].join('\n')
}

function fitWidths(columns: readonly Column[], rows: readonly Row[], width: number): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(displayWidth(title), ...rows.flatMap(({ cells }) => linesOf(cells[index]).map(displayWidth))),
  )
  const gaps = gap.length * (columns.length - 1)
  for (;;) {
    const surplus = widths.reduce((sum, each) => sum + each, gaps) - width
    const widest = Math.max(...widths.filter((_, index) => columns[index]?.cut !== undefined))
    if (surplus <= 0 || widest <= leastWidth) return widths
    const index = widths.findIndex((each, at) => each === widest && columns[at]?.cut !== undefined)
    widths[index] = widest - 1
  }
}

function renderRow(columns: readonly Column[], { cells, notes = [] }: Row, widths: readonly number[]): string[] {
  const height = Math.max(...cells.map((cell) => linesOf(cell).length))
  const lines = Array.from({ length: height }, (_, at) =>
    renderLine(
      columns,
      cells.map((cell) => linesOf(cell)[at] ?? ''),
      widths,
    ),
  )
  return [...lines, ...notes]
}

function renderLine(
  columns: readonly Omit<Column, 'title'>[],
  texts: readonly string[],
  widths: readonly number[],
): string {
  const last = texts.findLastIndex((text) => text !== '')
  return texts
    .slice(0, last + 1)
    .map((text, index) => {
      const { cut, paint = (same: string) => same } = columns[index] ?? {}
      const fitted = cut === undefined ? text : cutToWidth(text, widths[index] ?? 0, cut)
      const padding = index === last ? '' : ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(fitted)))
      return paint(fitted) + padding
    })
    .join(gap)
}

function linesOf(cell: string | readonly string[] | undefined): readonly string[] {
  return typeof cell === 'string' ? [cell] : (cell ?? [])
}
