/**
 * Small edits of a JSON text that leave every other byte as it is: text in, text out. What is added takes the look of its
 * neighbours. `modify` of jsonc-parser is not used, as its formatting also rewrites what stands on the same line.
 */
import { getNodeValue, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser'
import { IsolateError } from '../lib/report/isolate-error.ts'

/** Keys and indexes from the root. */
export type JsonPath = readonly (string | number)[]

/** A text with what it says. Every edit answers a new one. */
export type JsonDocument = { text: string; root: Node | undefined }

/** `text` without a byte order mark. Throws `IsolateError`, naming `file`, for what is not strict JSON with an object at its root. */
export function requireJsonObject(text: string, file: string): JsonDocument {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true })
  const [error] = errors
  if (error !== undefined) throw notJson(text, file, error)
  if (root?.type !== 'object') {
    throw new IsolateError(`${file} holds no object but ${nameOf(root)}`, { hint: 'Correct it and try again.' })
  }
  return { text, root }
}

/** The value at `path`; undefined where there is none. */
export function readValue(document: JsonDocument, path: JsonPath): unknown {
  const node = findNode(document, path)
  const value: unknown = node === undefined ? undefined : getNodeValue(node)
  return value
}

/** What stands between the brackets of an object or array without members; undefined for any other. */
export function blankInside(document: JsonDocument, path: JsonPath): string | undefined {
  const node = findNode(document, path)
  if (node?.children?.length !== 0) return undefined
  return document.text.slice(node.offset + 1, node.offset + node.length - 1)
}

/** Adds a property at the end of the object at `path`. */
export function addProperty(document: JsonDocument, path: JsonPath, key: string, value: unknown): JsonDocument {
  return addMember(document.text, requireNode(document, path), key, value)
}

/** Adds an element at the end of the array at `path`. */
export function addElement(document: JsonDocument, path: JsonPath, value: unknown): JsonDocument {
  return addMember(document.text, requireNode(document, path), undefined, value)
}

export function replaceValue(document: JsonDocument, path: JsonPath, value: unknown): JsonDocument {
  const { text } = document
  const node = requireNode(document, path)
  const isMultiline = text.slice(node.offset, endOf(node)).includes('\n')
  return splice(
    text,
    node,
    isMultiline
      ? renderLines(text, value, lineIndent(text, node.offset), lastLine(text.slice(0, node.offset)))
      : renderInline(text, value),
  )
}

/** Takes out a property or an element: with `addProperty` and `addElement`, the text is again as it was. */
export function removeMember(document: JsonDocument, path: JsonPath): JsonDocument {
  const node = requireNode(document, path)
  const member = node.parent?.type === 'property' ? node.parent : node
  const siblings = member.parent?.children ?? []
  const index = siblings.indexOf(member)
  const [previous, next] = [siblings[index - 1], siblings[index + 1]]
  if (previous !== undefined) return cut(document.text, endOf(previous), endOf(member))
  if (next !== undefined) return cut(document.text, member.offset, next.offset)
  return fillBlank(document, path.slice(0, -1), '')
}

/** Puts `blank` between the brackets of the object or array at `path`, for all that is there. */
export function fillBlank(document: JsonDocument, path: JsonPath, blank: string): JsonDocument {
  const { offset, length } = requireNode(document, path)
  return splice(document.text, { offset: offset + 1, length: length - 2 }, blank)
}

/** As JSON.parse has it: of keys that are there twice the last one counts. */
function findNode({ root }: JsonDocument, path: JsonPath): Node | undefined {
  let node = root
  for (const step of path) {
    if (typeof step === 'number') node = node?.type === 'array' ? node.children?.[step] : undefined
    else node = node?.children?.findLast((property) => property.children?.[0]?.value === step)?.children?.[1]
  }
  return node
}

function requireNode(document: JsonDocument, path: JsonPath): Node {
  const node = findNode(document, path)
  if (node === undefined) throw new Error(`no ${path.join('.')} in the JSON text`)
  return node
}

function addMember(text: string, container: Node, key: string | undefined, value: unknown): JsonDocument {
  const last = container.children?.at(-1)
  const label = key === undefined ? '' : `${JSON.stringify(key)}:${space(text)}`
  if (last === undefined) return addFirst(text, container, label, value)
  const previous = container.children?.at(-2)
  const between = text.slice(previous === undefined ? container.offset + 1 : endOf(previous), last.offset)
  const gap = between.slice(between.indexOf(',') + 1)
  const member = gap.includes('\n')
    ? gap + label + renderLines(text, value, lastLine(gap), lastLine(gap) + label)
    : (previous === undefined ? space(text) : gap) + label + renderInline(text, value)
  return splice(text, { offset: endOf(last), length: 0 }, `,${member}`)
}

function addFirst(text: string, container: Node, label: string, value: unknown): JsonDocument {
  const inside = { offset: container.offset + 1, length: container.length - 2 }
  if (isOneLine(text)) return splice(text, inside, label + renderInline(text, value))
  const outer = lineIndent(text, container.offset)
  const inner = outer + indentUnit(text)
  return splice(
    text,
    inside,
    lineEnd(text) + inner + label + renderLines(text, value, inner, inner + label) + lineEnd(text) + outer,
  )
}

/** True for a document with content that is all on one line. */
function isOneLine(text: string): boolean {
  return !text.trim().includes('\n') && !/^\{\s*\}$/.test(text.trim())
}

/** What this document has behind a colon, or behind a comma in a line. */
function space(text: string): string {
  return !isOneLine(text) || /":\s/.test(text) ? ' ' : ''
}

/** `before`: what stands before the value in its line. */
function renderLines(text: string, value: unknown, indent: string, before: string): string {
  const lines = JSON.stringify(value, undefined, indentUnit(text)).replaceAll('\n', lineEnd(text) + indent)
  return lines.replace(plainList, (list, start: string, entries: string, offset: number) => {
    const line = `${start}[${entries.trim().replace(/\s*\n\s*/g, ' ')}]`
    const whole = (offset === 0 ? before + line : line).replaceAll('\t', '  ')
    // A comma may follow.
    return whole.length < lineWidth ? line : list
  })
}

/** A list of texts and numbers alone, with what stands before it in its line. */
const plainList = /^(.*)\[\r?\n((?:\s*(?:"(?:[^"\\\n]|\\.)*"|[\w.+-]+),?\r?\n)+)\s*\]/gm

/** As prettier and Biome have it: a list that fits into a line is one. */
const lineWidth = 80

/** A raw newline in what JSON.stringify answers is always layout, never content. */
function renderInline(text: string, value: unknown): string {
  return space(text) === '' ? JSON.stringify(value) : JSON.stringify(value, undefined, 1).replace(/\n\s*/g, ' ')
}

function indentUnit(text: string): string {
  return /^\s*\{[^\S\n]*\n(?:\s*\n)?([ \t]+)/.exec(text)?.[1] ?? '  '
}

function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1)
}

/** The white space that the line of `offset` begins with. */
function lineIndent(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))?.[0] ?? ''
}

function splice(
  text: string,
  { offset, length }: { offset: number; length: number },
  replacement: string,
): JsonDocument {
  const edited = text.slice(0, offset) + replacement + text.slice(offset + length)
  return { text: edited, root: parseTree(edited) }
}

function cut(text: string, start: number, stop: number): JsonDocument {
  return splice(text, { offset: start, length: stop - start }, '')
}

function endOf({ offset, length }: Node): number {
  return offset + length
}

function notJson(text: string, file: string, { error, offset }: ParseError): IsolateError {
  const line = text.slice(0, offset).split('\n').length
  if (printParseErrorCode(error) === 'InvalidCommentToken') {
    return new IsolateError(
      `${file} has a comment in line ${line}: JSON has none, and such a file is skipped as a whole`,
      {
        hint: 'Take the comments out, so that the file counts, and try again.',
      },
    )
  }
  return new IsolateError(`${file} is not JSON: line ${line}`, { hint: 'Correct it and try again.' })
}

function nameOf(node: Node | undefined): string {
  if (node === undefined) return 'nothing'
  return node.type === 'array' ? 'an array' : `a ${node.type}`
}
