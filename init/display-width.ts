/**
 * How wide text is on a terminal, and as much of it as fits: CJK and emoji take two columns, combining marks and colours none.
 * Text is never cut within a grapheme, what a reader takes for one character. Pure.
 */
import stringWidth from 'fast-string-width'

/** In columns of a terminal. */
export function displayWidth(text: string): number {
  return stringWidth(text)
}

/** The text, or as much of it as fits `width` columns, with `…` in place of the rest. */
export function cutToWidth(text: string, width: number, cut: 'end' | 'start'): string {
  if (displayWidth(text) <= width) return text
  const graphemes = splitGraphemes(text)
  if (cut === 'end') return `${takeWidth(graphemes, width - 1).join('')}…`
  return `…${takeWidth(graphemes.toReversed(), width - 1)
    .toReversed()
    .join('')}`
}

/** The text in rows of at most `width` columns; a grapheme that is wider than that has a row of its own. */
export function breakAtWidth(text: string, width: number): string[] {
  const rows: string[] = []
  let used = Infinity
  for (const grapheme of splitGraphemes(text)) {
    const isFull = used + displayWidth(grapheme) > width
    used = (isFull ? 0 : used) + displayWidth(grapheme)
    if (isFull) rows.push(grapheme)
    else rows[rows.length - 1] += grapheme
  }
  return rows
}

/** What a reader takes for characters (Unicode's extended grapheme clusters). */
export function splitGraphemes(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
}

/** As many of the first graphemes as fit. */
function takeWidth(graphemes: readonly string[], width: number): string[] {
  let used = 0
  const end = graphemes.findIndex((grapheme) => {
    used += displayWidth(grapheme)
    return used > width
  })
  return end === -1 ? [...graphemes] : graphemes.slice(0, end)
}
