/** Addresses that people read and no program connects to: text of a page, placeholders, what a test compares with. Pure. */
import type { Match } from './port-hit.ts'

const label =
  /(?:placeholder|label|title|description|hint|help\w*|example\w*|tooltip|message|alt|aria-[\w-]+)["']?\s*[=:]\s*\{?\s*["'`][^"'`]*$/i

const isComparison = /\bexpect\(|\.to(?:Be|Equal|StrictEqual|Match|Contain|Have)\w*\(|\bassert\w*[.(]/

/** Whether what follows is the text of a placeholder, a label, a description. */
export function isLabel(before: string): boolean {
  return label.test(before)
}

export function isText({ text, index }: Pick<Match, 'text' | 'index'>): boolean {
  const start = text.lastIndexOf('\n', index) + 1
  const end = text.indexOf('\n', index)
  const before = text.slice(start, index)
  const line = text.slice(start, end === -1 ? undefined : end)
  return isLabel(before) || isComparison.test(line) || !isInString(line, index - start, text.slice(0, start))
}

/** In quotes of its line, or inside a template literal that began above it. */
function isInString(line: string, at: number, above: string): boolean {
  for (const { index, 0: literal } of line.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*(?:`|$)/g)) {
    if (index < at && at < index + literal.length) return true
  }
  return (above.match(/(?<!\\)`/g) ?? []).length % 2 === 1
}
