/** Reads YAML, and JSON with it, as it is written: each value with its line, anchors, aliases and `<<` followed. Pure. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Alias,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml'

/** A value, looked into when asked: what an alias stands for is not copied. */
export type YamlNode = {
  /** From 1, where it is written; of an alias, that of what it stands for. */
  line: number
  /** Without quotes, and never turned into a number. Undefined for null, a list and a mapping. */
  text: string | undefined
  /** [] for what is no list. */
  items: () => YamlNode[]
  /** Empty for what is no mapping. Keys that are not text are left out. */
  entries: () => Map<string, YamlNode>
}

export type YamlFault = { message: string; line: number }

/** Written by hand, files are smaller. */
const mostCharacters = 1_000_000
/** Each can stand for all that is before it. */
const mostAliases = 1_000

/** The documents of a text, or why it has none. Never throws. */
export function parseYaml(text: string): { documents: YamlNode[] } | { fault: YamlFault } {
  if (text.length > mostCharacters) return faultAt(1, `it has more than ${mostCharacters} characters`)
  const lines = new LineCounter()
  // Of an empty text this is an empty list, too.
  const documents: Document.Parsed[] = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })]
  const [error] = documents.flatMap(({ errors }) => errors)
  if (error !== undefined) return faultAt(lines.linePos(error.pos[0]).line, error.message)
  const found = documents.map((document) => ({ root: document.contents, aliases: resolveAliases(document) }))
  if (found.some(({ aliases }) => aliases.size > mostAliases))
    return faultAt(1, `it has more than ${mostAliases} aliases`)
  return {
    documents: found.map(({ root, aliases }) => nodeOf(root, { lines, aliases, entries: new Map() })),
  }
}

function faultAt(line: number, message: string): { fault: YamlFault } {
  return { fault: { message, line } }
}

/** Each with the last node before it that has its anchor. */
function resolveAliases(document: Document.Parsed): Map<Alias, Node | null> {
  const anchors = new Map<string, Node>()
  const aliases = new Map<Alias, Node | null>()
  visit(document, {
    Alias: (_, alias) => void aliases.set(alias, anchors.get(alias.source) ?? null),
    Value: (_, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node)
    },
  })
  return aliases
}

type Reading = {
  lines: LineCounter
  aliases: ReadonlyMap<Alias, Node | null>
  /** Of the mappings that were looked into. */
  entries: Map<YAMLMap, Map<string, Node | null>>
}

function nodeOf(written: unknown, reading: Reading): YamlNode {
  const node = resolve(written, reading)
  return {
    line: reading.lines.linePos(node?.range?.[0] ?? 0).line,
    text: isScalar(node) && node.value !== null ? node.source : undefined,
    items: () => (isSeq(node) ? node.items.map((item) => nodeOf(item, reading)) : []),
    entries: () => {
      const entries = isMap(node) ? [...entriesOf(node, reading)] : []
      return new Map(entries.map(([key, value]) => [key, nodeOf(value, reading)]))
    },
  }
}

function resolve(node: unknown, { aliases }: Reading): Node | null {
  if (isAlias(node)) return aliases.get(node) ?? null
  return isMap(node) || isSeq(node) || isScalar(node) ? node : null
}

/** Its own before those that it merges, and of those the first. */
function entriesOf(map: YAMLMap, reading: Reading): Map<string, Node | null> {
  const known = reading.entries.get(map)
  if (known !== undefined) return known
  const entries = new Map<string, Node | null>()
  // Before its sources are looked into: it may be one of them.
  reading.entries.set(map, entries)
  const sources: (Node | null)[] = []
  for (const { key, value } of map.items) {
    if (!isScalar(key) || key.source === undefined) continue
    if (key.source === '<<' && key.type === 'PLAIN') sources.push(resolve(value, reading))
    else entries.set(key.source, resolve(value, reading))
  }
  const maps = sources.flatMap((source) =>
    isSeq(source) ? source.items.map((item) => resolve(item, reading)) : source,
  )
  for (const source of new Set(maps)) {
    if (!isMap(source)) continue
    for (const [key, value] of entriesOf(source, reading)) if (!entries.has(key)) entries.set(key, value)
  }
  return entries
}
