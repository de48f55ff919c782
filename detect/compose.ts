/** Compose files: services, images and published ports, read line by line. Anchors and merged files are not followed. */
import { posix } from 'node:path'
import type { ReadFile } from './detect.ts'

export type ComposeFile = { path: string; services: readonly ComposeService[] }

export type ComposeService = {
  name: string
  line: number
  image: string | undefined
  /** With the line that fixes it, since two projects cannot both have it. */
  containerName: { name: string; line: number } | undefined
  ports: readonly ComposePort[]
}

/** `text` as written, without quotes: `5432:5432`, `127.0.0.1:${DB_PORT:-5432}:5432`, or `published: 5432`'s `5432`. */
export type ComposePort = {
  text: string
  line: number
  /** The port on this machine where it is a plain number; undefined for a variable, a range or a random one. */
  published: number | undefined
  /** The port in the container, in the same way. */
  target: number | undefined
}

export function isComposeFile(path: string): boolean {
  return /^(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml$/.test(posix.basename(path))
}

export function detectCompose(files: readonly string[], read: ReadFile): ComposeFile[] {
  return files.filter(isComposeFile).map((path) => ({ path, services: parseCompose(read(path) ?? '') }))
}

type Line = { number: number; indent: number; text: string }
/** `item`: the port in long form that is being read. */
type OpenService = ComposeService & { ports: ComposePort[]; item: { target?: number; port?: ComposePort } }

/** Never fails: what is not understood is passed over. */
export function parseCompose(text: string): ComposeService[] {
  const services: OpenService[] = []
  const open = { isInServices: false, serviceIndent: -1, keyIndent: -1, key: '' }
  for (const { number, indent, text: line } of linesOf(text)) {
    if (indent === 0) {
      Object.assign(open, { isInServices: line.startsWith('services:'), serviceIndent: -1 })
      continue
    }
    if (!open.isInServices) continue
    if (open.serviceIndent === -1) open.serviceIndent = indent
    if (indent === open.serviceIndent) {
      const name = /^["']?([^"':]+)["']?\s*:/.exec(line)?.[1]
      if (name !== undefined) {
        services.push({ name, line: number, image: undefined, containerName: undefined, ports: [], item: {} })
      }
      Object.assign(open, { keyIndent: -1, key: '' })
      continue
    }
    const service = services.at(-1)
    if (service === undefined) continue
    if (open.keyIndent === -1) open.keyIndent = indent
    const isKey = indent === open.keyIndent && !line.startsWith('-')
    if (isKey) open.key = /^["']?([\w-]+)["']?\s*:/.exec(line)?.[1] ?? ''
    readServiceLine(service, open.key, line, number, isKey)
  }
  return services.map(({ name, line, image, containerName, ports }) => ({ name, line, image, containerName, ports }))
}

function readServiceLine(service: OpenService, key: string, line: string, number: number, isKey: boolean): void {
  const value = unquote(line.replace(/^[^:]*:\s*/, ''))
  if (isKey && key === 'image') service.image = value
  if (isKey && key === 'container_name') service.containerName = { name: value, line: number }
  if (key !== 'ports') return
  readTarget(service, line)
  const long = /^(?:-\s*)?published:\s*(.+)$/.exec(line)?.[1]
  const short = isKey ? inlineItems(line) : [/^-\s*(?!\s|\w+:(?:\s|$))(.+)$/.exec(line)?.[1] ?? '']
  for (const text of long === undefined ? short : [long]) {
    const port = unquote(text)
    if (port === '') continue
    const published = publishedPort(port, long !== undefined)
    const target = long === undefined ? targetPort(port) : service.item.target
    const read = { text: port, line: number, published, target }
    if (long !== undefined) service.item.port = read
    service.ports.push(read)
  }
}

/** `target: 5432` before or after its `published`. */
function readTarget({ item, ports }: OpenService, line: string): void {
  if (line.startsWith('-')) {
    delete item.target
    delete item.port
  }
  const target = /^(?:-\s*)?target:\s*["']?(\d+)/.exec(line)?.[1]
  if (target === undefined) return
  item.target = Number(target)
  const at = item.port === undefined ? -1 : ports.indexOf(item.port)
  if (item.port !== undefined && at !== -1) ports[at] = { ...item.port, target: item.target }
}

function targetPort(text: string): number | undefined {
  const found = /(?:^|:)(\d+)(?:\/\w+)?$/.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** `ports: ["80:80", "81:81"]` */
function inlineItems(line: string): string[] {
  const list = /\[(.*)\]/.exec(line)?.[1]
  return list === undefined ? [] : list.split(',').map((item) => item.trim())
}

/** `HOST:CONTAINER`, `IP:HOST:CONTAINER`, each with `/tcp`; a container's port alone gets a random one here. */
export function publishedPort(text: string, isLong = false): number | undefined {
  const found = isLong
    ? /^(\d+)$/.exec(text)
    : /^(?:(?:\d+(?:\.\d+){3}|\[[^\]]*\]|localhost):)?(\d+):\d+(?:\/\w+)?$/.exec(text)
  return found === null ? undefined : Number(found[1])
}

function linesOf(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.replace(/(^|\s)#.*$/, '').trimEnd()
    const indent = line.length - line.trimStart().length
    return line.trim() === '' ? [] : [{ number: index + 1, indent, text: line.trim() }]
  })
}

function unquote(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/, '$2')
}
