/**
 * Edits that keep tools of the main checkout out of the worktrees' folder, in files that are safe to edit: JSON without comments
 * and files of ignore rules, that are there. What is code or another format is left to the line that doctor names. Text in, text out.
 */
import type { ToolAdvice } from '../detect/dev-tools.ts'
import { isObject, parseJson } from '../lib/files/json.ts'
import { isInnerPath } from '../lib/files/inner-path.ts'
import { removeIgnoreBlock, setIgnoreBlock } from './gitignore.ts'
import {
  addElement,
  addProperty,
  blankInside,
  fillBlank,
  readValue,
  removeMember,
  requireJsonObject,
  type JsonDocument,
} from './json-edit.ts'

/** What takes an edit back. Of a JSON file: the list, what was put into it, and how many keys of its path are older than we. */
export type ToolEdit =
  | { kind: 'block' }
  | {
      kind: 'list'
      path: readonly string[]
      entries: readonly string[]
      /** The length of `path` where the list was there. */
      kept: number
      /** What stood between the brackets that our part came into, where that was nothing else. */
      blank: string | null
    }

type List = { path: readonly string[]; entry: string; first: readonly string[] }

/** `manifest`: the text of package.json. Undefined where the file is not safe to edit, or what it should say is not certain. */
export function editForTool(
  { tool, file }: Pick<ToolAdvice, 'tool' | 'file'>,
  text: string,
  folder: string,
  manifest: string,
): { text: string; edit: ToolEdit } | undefined {
  if (tool === 'Prettier') {
    const after = setIgnoreBlock(text, [`${folder}/`])
    return after === undefined || after === text ? undefined : { text: after, edit: { kind: 'block' } }
  }
  const value = file.endsWith('.json') || file.endsWith('.jsonc') ? parseJson(text) : undefined
  const list = isObject(value) ? listFor(tool, file, value, folder, manifest) : undefined
  return list === undefined ? undefined : addToList(requireJsonObject(text, file), list)
}

/** Undoes what is left of an edit; the text itself where nothing is. */
export function undoToolEdit(text: string, edit: ToolEdit): string {
  if (edit.kind === 'block') return removeIgnoreBlock(text)
  const { path, entries, kept, blank } = edit
  if (!isObject(parseJson(text))) return text
  const document = requireJsonObject(text, '')
  const found = readValue(document, path)
  if (!Array.isArray(found)) return text
  const own = path.slice(0, kept + 1)
  const isWholeOurs = kept < path.length && isSame(readValue(document, own), nest(path.slice(kept + 1), entries))
  if (isWholeOurs) return restoreBlank(removeMember(document, own), own.slice(0, -1), blank).text
  // Somebody has added to it: only the folder's entry goes.
  const index = found.lastIndexOf(entries.at(-1))
  if (index === -1) return text
  return restoreBlank(removeMember(document, [...path, index]), path, kept === path.length ? blank : null).text
}

/** True for what `editForTool` has made, in a file of the repository; for manifests, which may come from anywhere. */
export function isToolEdits(value: unknown): value is Record<string, ToolEdit> {
  return isObject(value) && Object.entries(value).every(([file, edit]) => isInnerPath(file) && isToolEdit(edit))
}

function isToolEdit(value: unknown): value is ToolEdit {
  if (!isObject(value)) return false
  const { kind, path, entries, kept, blank } = value
  if (kind === 'block') return true
  const isBlank = blank === null || (typeof blank === 'string' && /^\s*$/.test(blank))
  return kind === 'list' && isTextList(path) && isTextList(entries) && Number.isInteger(kept) && isBlank
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
}

function listFor(
  tool: string,
  file: string,
  value: Record<string, unknown>,
  folder: string,
  manifest: string,
): List | undefined {
  switch (tool) {
    case 'Jest':
      return listForJest(file, value, `<rootDir>/${folder}/`)
    case 'Biome':
      return listForBiome(value, `!${folder}`, manifest)
    case 'TypeScript':
      // A list of our own would also replace the default, which leaves out what is built.
      return Array.isArray(value['exclude']) ? { path: ['exclude'], entry: folder, first: [folder] } : undefined
    default:
      return undefined
  }
}

/** Each of several projects has patterns of its own. */
function listForJest(file: string, value: Record<string, unknown>, entry: string): List | undefined {
  const config = file === 'package.json' ? value['jest'] : value
  if (!isObject(config) || 'projects' in config) return undefined
  const path = [...(file === 'package.json' ? ['jest'] : []), 'modulePathIgnorePatterns']
  return { path, entry, first: [entry] }
}

/** Version 1 has another key, and a list here takes the place of one that is inherited. */
function listForBiome(value: Record<string, unknown>, entry: string, manifest: string): List | undefined {
  const files = isObject(value['files']) ? value['files'] : {}
  const isInherited = 'extends' in value && !('includes' in files)
  const is2 =
    'includes' in files ||
    /schemas\/2\./.test(String(value['$schema'])) ||
    /"@biomejs\/biome"\s*:\s*"[\^~>=\s]*2\b/.test(manifest)
  return is2 && !isInherited ? { path: ['files', 'includes'], entry, first: ['**', entry] } : undefined
}

function addToList(document: JsonDocument, { path, entry, first }: List): { text: string; edit: ToolEdit } | undefined {
  const found = path.findIndex((_, index) => readValue(document, path.slice(0, index + 1)) === undefined)
  const kept = found === -1 ? path.length : found
  const place = path.slice(0, kept)
  const blank = blankInside(document, place) ?? null
  if (kept === path.length) {
    if (!Array.isArray(readValue(document, path))) return undefined
    const { text } = addElement(document, path, entry)
    return { text, edit: { kind: 'list', path, entries: [entry], kept, blank } }
  }
  if (!isObject(readValue(document, place))) return undefined
  const { text } = addProperty(document, place, path[kept] ?? '', nest(path.slice(kept + 1), first))
  return { text, edit: { kind: 'list', path, entries: first, kept, blank } }
}

/** What the editor answers has no prototype. */
function isSame(value: unknown, other: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(other)
}

function nest(keys: readonly string[], value: unknown): unknown {
  return keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
}

function restoreBlank(document: JsonDocument, place: readonly string[], blank: string | null): JsonDocument {
  return blank === null || blankInside(document, place) === undefined ? document : fillBlank(document, place, blank)
}
