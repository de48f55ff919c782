/** `$NAME`, `${NAME}` and `${NAME:-default}` inside a value: found, replaced where known, left alone where not. */
import { matchAt } from './syntax.ts'

/** A piece of a value: text as its author wrote it, a known variable's value, or a reference that stays one. */
export type EnvPiece =
  | { kind: 'text'; text: string }
  | { kind: 'inserted'; text: string }
  | { kind: 'reference'; name: string; isBraced: boolean; fallback: readonly EnvPiece[] | undefined }

/** Known names and their values; one without a value (undefined or '') gives way to its default. */
export type EnvVariables = Readonly<Record<string, string | undefined>>

/**
 * The references of a value; all else (`$5`, `$(…)`, `${NAME+x}`, an unclosed brace, and `\$` where `hasEscapes`) is text.
 * Defaults may hold references themselves.
 */
export function parseReferences(value: string, { hasEscapes }: { hasEscapes: boolean }): EnvPiece[] {
  const pieces: EnvPiece[] = []
  let text = ''
  let position = 0
  while (position < value.length) {
    const isEscaped = hasEscapes && value.startsWith('\\$', position)
    const found = isEscaped ? undefined : readReference(value, position, hasEscapes)
    if (found === undefined) {
      const length = isEscaped ? 2 : 1
      text += value.slice(position, position + length)
      position += length
      continue
    }
    if (text !== '') pieces.push({ kind: 'text', text })
    text = ''
    pieces.push(found.reference)
    position = found.end
  }
  if (text !== '') pieces.push({ kind: 'text', text })
  return pieces
}

/** Puts the known variables' values in; a known one without a value becomes its default, or nothing. */
export function substitute(pieces: readonly EnvPiece[], variables: EnvVariables): EnvPiece[] {
  return pieces.flatMap((piece): EnvPiece[] => {
    if (piece.kind !== 'reference') return [piece]
    const fallback = piece.fallback && substitute(piece.fallback, variables)
    if (!Object.hasOwn(variables, piece.name)) return [{ ...piece, fallback }]
    const value = variables[piece.name]
    return value ? [{ kind: 'inserted', text: value }] : (fallback ?? [])
  })
}

/** Every name that the pieces refer to, those inside defaults included, in order. */
export function namesIn(pieces: readonly EnvPiece[]): string[] {
  return pieces.flatMap((piece) => (piece.kind === 'reference' ? [piece.name, ...namesIn(piece.fallback ?? [])] : []))
}

/** The pieces as text again, literal ones through `encode`. */
export function writePieces(pieces: readonly EnvPiece[], encode: (text: string) => string): string {
  return pieces
    .map((piece) => {
      if (piece.kind !== 'reference') return encode(piece.text)
      if (piece.fallback !== undefined) return `\${${piece.name}:-${writePieces(piece.fallback, encode)}}`
      return piece.isBraced ? `\${${piece.name}}` : `$${piece.name}`
    })
    .join('')
}

type Found = { reference: EnvPiece; end: number }

function readReference(value: string, start: number, hasEscapes: boolean): Found | undefined {
  const head = matchAt(/\$(\{?)([A-Za-z_]\w*)/y, value, start)
  const name = head?.[2]
  if (head === undefined || name === undefined) return undefined
  const end = start + head[0].length
  const isBraced = head[1] === '{'
  const reference = { kind: 'reference', name, isBraced, fallback: undefined } as const
  if (!isBraced) return { reference, end }
  if (value[end] === '}') return { reference, end: end + 1 }
  const close = value.startsWith(':-', end) ? findClosingBrace(value, end + 2) : -1
  if (close === -1) return undefined
  const fallback = parseReferences(value.slice(end + 2, close), { hasEscapes })
  return { reference: { ...reference, fallback }, end: close + 1 }
}

function findClosingBrace(value: string, from: number): number {
  let depth = 1
  for (let position = from; position < value.length; position++) {
    if (value.startsWith('${', position)) depth++
    else if (value[position] === '}') depth--
    if (depth === 0) return position
  }
  return -1
}
