/** Results as text. Pure. */
import { renderTable, type Column } from '../cli/table.ts'
import type { Colors } from '../cli/colors.ts'
import type { Result, Row } from './harness.ts'

const width = 100

export function renderResult({ title, against, rounds, rows }: Result, colors: Colors): string {
  const columns: Column[] = [
    { title: '', cut: 'end' },
    { title: 'MEDIAN', paint: colors.bold },
    { title: 'FASTEST – SLOWEST', paint: colors.dim },
    { title: 'RATIO', paint: colors.cyan },
    { title: 'NOTE', cut: 'end' },
  ]
  const table = renderTable(
    columns,
    rows.map((row) => ({ cells: cellsOf(row, rounds) })),
    width,
  )
  const turns = rounds === 1 ? 'one round' : `${rounds} rounds in turns`
  return `${colors.bold(title)}\n${colors.dim(`${turns}; ratios against: ${against}`)}\n${table}`
}

function cellsOf({ name, median, fastest, slowest, ratio, note }: Row, rounds: number): string[] {
  const range = rounds === 1 ? '' : `${formatTime(fastest)} – ${formatTime(slowest)}`
  return [name, formatTime(median).padStart(7), range, `${ratio.toFixed(ratio < 0.1 ? 3 : 2)} ×`, note]
}

/** `0.8 ms`, `43 ms`, `1.20 s`. */
function formatTime(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`
}
