/** Compose files: services, images and published ports. Each file by itself: what it includes or extends is named, not read. */
import { posix } from 'node:path'
import type { YamlFault, YamlNode } from './yaml.ts'
import type { ReadFile } from './repository-files.ts'

export type ComposeFile = {
  path: string
  services: readonly ComposeService[]
  /** Files that services come from by `include` and `extends`, as written. */
  sources: readonly { path: string; line: number }[]
  /** Why nothing of it is known. */
  fault: YamlFault | undefined
}

export type ComposeService = {
  name: string
  image: string | undefined
  /** With the line that fixes it, since two projects cannot both have it. */
  containerName: { name: string; line: number } | undefined
  ports: readonly ComposePort[]
  /** That stand in its environment as they are, defaults of variables included: a file that git carries keeps no secret. */
  passwords?: readonly string[]
}

/** `text` as written, without quotes: `5432:5432`, `127.0.0.1:${DB_PORT:-5432}:5432`, or `published: 5432`'s `5432`. */
export type ComposePort = {
  text: string
  line: number
  /** How many: more than one of a range, which `published` and `target` are the first of. */
  count: number
  /** The port on this machine where it is written as a number; undefined for a variable or a random one. */
  published: number | undefined
  /** The port in the container, in the same way. */
  target: number | undefined
  /** Where a variable decides which port of this machine: its name, what stands there in front of the port, and its default. */
  variable?: { name: string; before: string; port: number }
}

export function isComposeFile(path: string): boolean {
  return /^(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml$/.test(posix.basename(path))
}

/** One that cannot be read has a `fault`. */
export async function detectCompose(files: readonly string[], read: ReadFile): Promise<ComposeFile[]> {
  const found = files.filter(isComposeFile)
  if (found.length === 0) return []
  // Most repositories have none, and the library is as large as all else here.
  const { parseYaml } = await import('./yaml.ts')
  return found.map((path) => {
    const parsed = parseYaml(read(path) ?? '')
    if ('fault' in parsed) return { path, services: [], sources: [], fault: parsed.fault }
    return { path, ...parseCompose(parsed.documents), fault: undefined }
  })
}

/** Never fails: what is not understood is passed over. A file may have several documents, which compose puts together. */
function parseCompose(documents: readonly YamlNode[]): Pick<ComposeFile, 'services' | 'sources'> {
  const tops = documents.map((document) => document.entries())
  const services = tops.flatMap((top) => [...(top.get('services')?.entries() ?? [])])
  return {
    services: services.map(([name, service]) => parseService(name, service.entries())),
    sources: [
      ...tops.flatMap((top) => top.get('include')?.items() ?? []).flatMap(parseInclude),
      ...services.flatMap(([, service]) => pathOf(service.entries().get('extends')?.entries().get('file'))),
    ],
  }
}

function parseService(name: string, keys: ReadonlyMap<string, YamlNode>): ComposeService {
  const container = keys.get('container_name')
  return {
    name,
    image: keys.get('image')?.text,
    containerName: container?.text === undefined ? undefined : { name: container.text, line: container.line },
    ports: (keys.get('ports')?.items() ?? []).flatMap(parsePort),
    passwords: parsePasswords(keys.get('environment')),
  }
}

/** A mapping, or a list of KEY=value. */
function parsePasswords(environment: YamlNode | undefined): string[] {
  const pairs = [
    ...[...(environment?.entries() ?? [])].map(([key, { text = '' }]) => [key, text] as const),
    ...(environment?.items() ?? []).map(
      ({ text = '' }) => [text.split('=', 1)[0] ?? '', text.replace(/^[^=]*=/, '')] as const,
    ),
  ]
  return pairs
    .filter(([key]) => /PASSWORD/.test(key))
    .map(([, text]) => text.replace(/^\$\{\w+:?-([^${}]*)\}$/, '$1'))
    .filter((text) => text !== '' && !text.includes('$'))
}

/** A path, or a mapping whose `path` is one or several. */
function parseInclude(include: YamlNode): { path: string; line: number }[] {
  const path = include.entries().get('path')
  return [include, path, ...(path?.items() ?? [])].flatMap(pathOf)
}

function pathOf(node: YamlNode | undefined): { path: string; line: number }[] {
  return node?.text === undefined ? [] : [{ path: node.text, line: node.line }]
}

function parsePort(node: YamlNode): ComposePort[] {
  const { text, line } = node
  if (text !== undefined) return [{ text, line, ...parseMapping(text), ...parseVariable(text) }]
  const keys = node.entries()
  const published = keys.get('published')
  if (published?.text === undefined) return []
  const numbers = matchPorts(published.text, keys.get('target')?.text ?? '')
  return [{ text: published.text, line: published.line, ...numbers, ...parseVariable(published.text) }]
}

type PortNumbers = Pick<ComposePort, 'count' | 'published' | 'target'>

/** `HOST:CONTAINER`, `IP:HOST:CONTAINER`, each with `/tcp`; a container's port alone gets a random one here. */
function parseMapping(text: string): PortNumbers {
  // A colon in a variable's default, or in an IPv6 address, divides nothing.
  const parts = text.replace(/\/\w+$/, '').match(/(?:\$\{[^{}]*\}|\[[^\]]*\]|[^:])+|(?<=:)(?=:)/g) ?? []
  return matchPorts(parts.at(-2) ?? '', parts.at(-1) ?? '')
}

/** `${DB_PORT:-5432}:5432`, `127.0.0.1:${DB_PORT:-5432}:5432`, `${FORWARD:-127.0.0.1:8000}:8000`. */
function parseVariable(text: string): Pick<ComposePort, 'variable'> {
  const found = /^(?:[\d.]+:)?\$\{(\w+):?-([\d.]+:)?(\d+)\}(?=:|$)/.exec(text)
  if (found === null) return {}
  const [, name = '', before = '', port] = found
  return { variable: { name, before, port: Number(port) } }
}

/** A range for one container port is a choice: compose takes what is free. */
function matchPorts(host: string, container: string): PortNumbers {
  const [published, target] = [parseRange(host), parseRange(container)]
  const isChoice = published !== undefined && published.count > (target?.count ?? published.count)
  if (published === undefined || isChoice) return { count: 1, published: undefined, target: target?.first }
  return { count: published.count, published: published.first, target: target?.first }
}

/** Undefined for a variable, and for 0, which stands for any. */
function parseRange(text: string): { first: number; count: number } | undefined {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  const count = Number(last) - Number(first) + 1
  return Number(first) > 0 && count > 0 && Number(last) <= 65_535 ? { first: Number(first), count } : undefined
}

/** Whether the port of this machine is among those that are published. */
export function publishes({ published, count }: ComposePort, port: number): boolean {
  return published !== undefined && port >= published && port < published + count
}
