/** Entries of `list` as text. Pure. */
import { relative } from 'node:path'
import { cutToWidth } from '../init/display-width.ts'
import { visible } from '../lib/report/visible-text.ts'
import type { Colors } from './colors.ts'
import type { ListEntry } from './list-entries.ts'
import { describeListener, type PortListener } from './port-listeners.ts'
import { renderTable, type Column, type Row } from './table.ts'

export type TableOptions = {
  /** Columns a line may have. */
  width: number
  colors: Colors
  /** ms since 1970. */
  now: number
  /** Puts each repository's path above its worktrees. */
  withRepositories: boolean
}

/** One table for each repository. */
export function renderEntries(entries: readonly ListEntry[], options: TableOptions): string {
  return [...groupByRepository(entries)]
    .map(([repository, group]) => {
      const table = renderGroup(group, options)
      return options.withRepositories ? `${options.colors.bold(visible(repository))}\n${table}` : table
    })
    .join('\n\n')
}

/** `12 s`, `3 m`, `2 h`, `5 d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}

/** `812 B`, `12 kB`, `1.2 MB`, `3.4 GB`; powers of 1000. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 999_500) return `${Math.round(bytes / 1e3)} kB`
  return bytes < 999_950_000 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

function renderGroup(entries: readonly ListEntry[], { width, colors, now }: TableOptions): string {
  const columns: Column[] = [
    { title: 'NAME', cut: 'end', paint: colors.bold },
    { title: 'BRANCH', cut: 'end' },
    { title: 'PORTS' },
    { title: 'DATABASE', cut: 'start' },
    { title: 'AGE', paint: colors.dim },
    { title: 'STATE', paint: (text) => paintState(text, colors) },
  ]
  const rows = entries.map((entry): Row => {
    const { name, branch, ports, state, listeners, advice } = entry
    return {
      cells: [
        name,
        visible(branch ?? '(no branch)'),
        Object.entries(ports).map(([portName, port]) => `${portName} ${port}`),
        [...describeDatabases(entry), ...describeServices(entry)],
        formatAge(now - Date.parse(entry.createdAt)),
        state,
      ],
      notes: [...listeners.map((listener) => noteOn(listener, width, colors)), ...noteOnState(advice)],
    }
  })
  return renderTable(columns, rows, width)
}

/** A part of a server each: `redis 3`, or what its names begin with. */
function describeServices({ services }: ListEntry): string[] {
  return services.map(({ name, database, prefix }) => visible(`${name} ${database ?? prefix}`))
}

/** One on a line. */
function describeDatabases(entry: ListEntry): string[] {
  const { database, path } = entry
  const further = database !== null && 'path' in database ? (database.further ?? []) : []
  return [describeDatabase(entry), ...further.map((file) => visible(relative(path, file.path)))]
}

function describeDatabase({ database, path }: ListEntry): string {
  if (database === null) return 'none'
  if (!('path' in database)) return visible(`${database.name} ${database.host}:${database.port}`)
  const inner = visible(relative(path, database.path))
  return typeof database.bytes === 'number' ? `${inner} ${formatBytes(database.bytes)}` : inner
}

function noteOn(listener: PortListener, width: number, colors: Colors): string {
  const stranger = listener.isStranger ? 'a stranger, ' : ''
  const fitted = cutToWidth(`  ${listener.port}: ${stranger}${describeListener(listener)}`, width, 'end')
  return listener.isStranger ? colors.yellow(fitted) : colors.green(fitted)
}

/** On two lines: what to do is a command with a path, and never cut. */
function noteOnState(advice: ListEntry['advice']): string[] {
  return advice === null ? [] : [`  ${visible(advice.what)}`, `  ${visible(advice.hint)}`]
}

function paintState(state: string, colors: Colors): string {
  if (state === 'ready') return colors.green(state)
  return state === 'creating' || state === 'removing' ? colors.yellow(state) : colors.red(state)
}

function groupByRepository(entries: readonly ListEntry[]): Map<string, ListEntry[]> {
  const groups = new Map<string, ListEntry[]>()
  for (const entry of entries) groups.set(entry.repository, [...(groups.get(entry.repository) ?? []), entry])
  return groups
}
