/** The differences of two texts by lines, as the shortest edit script. */
import { diffArrays } from 'diff'

/** `-` stands in the old text only, `+` in the new one only. Lines keep their ends. */
export type DiffLine = { kind: ' ' | '-' | '+'; text: string }

/** More differing lines than these are shown as one block: the search takes the square of it. */
const maxEditLength = 1000

export function diffLines(before: string, after: string): DiffLine[] {
  const [old, fresh] = [splitLines(before), splitLines(after)]
  const parts = diffArrays(old, fresh, { maxEditLength })
  if (parts === undefined) return [...toLines('-', old), ...toLines('+', fresh)]
  return parts.flatMap(({ added, removed, value }) => toLines(added ? '+' : removed ? '-' : ' ', value))
}

function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function toLines(kind: DiffLine['kind'], lines: readonly string[]): DiffLine[] {
  return lines.map((text) => ({ kind, text }))
}
