/**
 * A terminal's output as an SVG picture of its window. Every piece of text stands at its own column, so that columns stay columns in
 * whichever monospace font the reader has. Pure.
 */
import { displayWidth, splitGraphemes } from '../init/display-width.ts'

/** What a reader is told who does not see the picture. */
export type Label = { title: string; description: string }

type Style = { color: string | undefined; isBold: boolean; isDim: boolean }

type Piece = { column: number; text: string; style: Style }

/** In px. A column is as wide as in Menlo or DejaVu Sans Mono; a narrower font leaves a little space. */
const size = { font: 14, column: 8.43, line: 19, margin: 20, bar: 36 }

const columns = 80
const fonts = 'ui-monospace, SFMono-Regular, Menlo, Consolas, &quot;DejaVu Sans Mono&quot;, monospace'
const colors = { background: '#161b22', border: '#484f58', text: '#d1d7de', dim: '#8b949e' }

const plain: Style = { color: undefined, isBold: false, isDim: false }

/** What an ANSI code changes (ECMA-48, SGR). */
const styles: Readonly<Record<string, Partial<Style>>> = {
  0: plain,
  1: { isBold: true },
  2: { isDim: true },
  22: { isBold: false, isDim: false },
  31: { color: '#ff7b72' },
  32: { color: '#56d364' },
  33: { color: '#e3b341' },
  36: { color: '#56d4dd' },
  39: { color: undefined },
}

/** Throws on a code that it has no style for. */
export function drawTerminal(output: string, { title, description }: Label): string {
  const lines = splitLines(output)
  const width = Math.ceil(columns * size.column) + 2 * size.margin
  const height = size.bar + lines.length * size.line + size.margin
  const frame = `x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"`
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map((fill, index) => circle(size.margin + 6 + index * 20, fill))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escapeXml(title)}</title>
<desc id="description">${escapeXml(description)}</desc>
<rect ${frame} fill="${colors.background}" stroke="${colors.border}"/>
${dots.join('\n')}
<g font-family="${fonts}" font-size="${size.font}" fill="${colors.text}">
<text x="${width / 2}" y="23" text-anchor="middle" fill="${colors.dim}">${escapeXml(title)}</text>
${lines.flatMap(drawLine).join('\n')}
</g>
</svg>
`
}

function circle(x: number, fill: string): string {
  return `<circle cx="${x}" cy="18" r="6" fill="${fill}"/>`
}

function drawLine(pieces: readonly Piece[], index: number): string[] {
  if (pieces.length === 0) return []
  const y = size.bar + size.font + index * size.line
  return [`<text y="${y}">${pieces.map(drawPiece).join(' ')}</text>`]
}

function drawPiece({ column, text, style }: Piece): string {
  const x = Number((size.margin + column * size.column).toFixed(2))
  const fill = style.color ?? (style.isDim ? colors.dim : undefined)
  const weight = style.isBold ? ' font-weight="bold"' : ''
  return `<tspan x="${x}"${fill === undefined ? '' : ` fill="${fill}"`}${weight}>${escapeXml(text)}</tspan>`
}

/** A style lasts until it is changed, over the end of a line as well. */
function splitLines(output: string): Piece[][] {
  let style = plain
  return output
    .trimEnd()
    .split('\n')
    .map((line) => {
      let column = 0
      return line.split(/(\p{Cc}\[\d*m)/u).flatMap((part, index) => {
        if (index % 2 === 1) {
          style = changeStyle(style, part)
          return []
        }
        const pieces = splitPieces(part, column, style)
        column += displayWidth(part)
        return pieces
      })
    })
}

function changeStyle(style: Style, sequence: string): Style {
  const change = styles[sequence.slice(2, -1) || '0']
  if (change === undefined) throw new Error(`no style for ${JSON.stringify(sequence)}`)
  return { ...style, ...change }
}

/** A piece for each word, and for each wide character, on whose width fonts disagree. */
function splitPieces(text: string, start: number, style: Style): Piece[] {
  const pieces: Piece[] = []
  let column = start
  let word: Piece | undefined
  for (const grapheme of splitGraphemes(text)) {
    const isNarrow = displayWidth(grapheme) === 1 && grapheme !== ' '
    if (word !== undefined && isNarrow) word.text += grapheme
    else if (grapheme !== ' ') pieces.push({ column, text: grapheme, style })
    word = isNarrow ? pieces.at(-1) : undefined
    column += displayWidth(grapheme)
  }
  return pieces
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.codePointAt(0)};`)
}
