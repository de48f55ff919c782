/**
 * Edits what `docker-compose config` (1.x) prints: block style, two spaces to a level, a list's items at the indentation
 * of its key (PyYAML's safe_dump, compose/config/serialize.py). Lines that have another shape are refused, never guessed at.
 */
import { IsolateError } from '../report/isolate-error.ts'
import { ownHeader, type ComposeModel, type ComposePlan, type ComposeService } from './plan.ts'
import { fixedHostPort } from './json-config.ts'

/** A key with all its lines, the first being its own; `value` is what stands behind the key on that one. */
type Entry = { key: string; value: string; lines: readonly string[] }

/** Throws `IsolateError` for text that is not in the form that docker-compose prints. */
export function parseCanonicalConfig(text: string): ComposeModel {
  const top = readTop(text)
  return {
    services: new Map(childrenOf(top, 'services').map((service) => [service.key, readService(service)])),
    volumes: namesOf(childrenOf(top, 'volumes')),
    networks: namesOf(childrenOf(top, 'networks')),
  }
}

const topKeys = ['configs', 'networks', 'secrets', 'services', 'version', 'volumes']

function readTop(text: string): Entry[] {
  const top = readEntries(text.trimEnd().split('\n'), 0)
  const unknown = top.find(({ key }) => !topKeys.includes(key))
  if (unknown !== undefined) throw notUnderstood(unknown.lines[0] ?? '')
  if (!top.some(({ key }) => key === 'services')) throw notUnderstood('there is no "services"')
  return top
}

function readService(service: Entry): ComposeService {
  const keys = bodyOf(service, 4)
  const ports = keys.find(({ key }) => key === 'ports')
  return {
    containerName: scalarOf(keys, 'container_name'),
    networkMode: scalarOf(keys, 'network_mode'),
    fixedPorts: ports === undefined ? [] : ports.lines.slice(1).flatMap(fixedPort),
  }
}

function fixedPort(line: string): string[] {
  const published = /^ +(?:- )?published: ['"]?([1-9][\d-]*)['"]?$/.exec(line)?.[1]
  if (published !== undefined) return [published]
  const short = /^ +- ['"]?([^\s'"]+)['"]?$/.exec(line)?.[1]
  return short === undefined ? [] : fixedHostPort(short)
}

function namesOf(entries: readonly Entry[]): Map<string, string> {
  return new Map(
    entries.flatMap((entry): [string, string][] => {
      const keys = bodyOf(entry, 4)
      const name = scalarOf(keys, 'name')
      const isExternal = keys.some(({ key, value }) => key === 'external' && value !== 'false')
      return name === undefined || isExternal ? [] : [[entry.key, name]]
    }),
  )
}

/** The whole project again, with the plan carried out. Throws as `parseCanonicalConfig`. */
export function editCanonicalConfig(text: string, plan: ComposePlan): string {
  const top = readTop(text)
  const edit: Record<string, (entry: Entry) => string[]> = {
    services: (service) => editService(service, plan),
    volumes: (volume) => withoutKeys(volume, plan.volumes.includes(volume.key) ? ['name'] : []),
    networks: (network) => withoutKeys(network, plan.networks.includes(network.key) ? ['name'] : []),
  }
  const lines = top.flatMap((section) => {
    const editEntry = edit[section.key]
    if (editEntry === undefined || section.value !== '') return section.lines
    return [section.lines[0] ?? '', ...bodyOf(section, 2).flatMap(editEntry)]
  })
  return `${ownHeader}${lines.join('\n')}\n`
}

function editService(service: Entry, { ports, containers }: ComposePlan): string[] {
  const own = ports.get(service.key)
  const dropped = [...(containers.includes(service.key) ? ['container_name'] : []), ...(own ? ['ports'] : [])]
  const kept = withoutKeys(service, dropped)
  return own === undefined ? kept : [...kept, '    ports:', ...own.map((port) => `    - ${JSON.stringify(port)}`)]
}

function withoutKeys(entry: Entry, keys: readonly string[]): string[] {
  const body = bodyOf(entry, 4)
  const dropped = body.filter(({ key }) => keys.includes(key))
  // What goes must not be what another place refers to.
  const anchored = dropped.flatMap(({ lines }) => lines).find((line) => /(?:^|\s)&\w+/.test(line))
  if (anchored !== undefined) throw notUnderstood(anchored)
  const kept = body.filter((one) => !dropped.includes(one)).flatMap(({ lines }) => lines)
  return [entry.lines[0] ?? '', ...kept]
}

function childrenOf(top: readonly Entry[], key: string): Entry[] {
  const section = top.find((entry) => entry.key === key)
  return section === undefined ? [] : bodyOf(section, 2)
}

/** What is below a key, where that is a mapping at `indent`; `{}` and `null` are empty ones. */
function bodyOf({ value, lines }: Entry, indent: number): Entry[] {
  if (value === '') return readEntries(lines.slice(1), indent)
  if ((value === '{}' || value === 'null') && lines.length === 1) return []
  throw notUnderstood(lines[0] ?? '')
}

function scalarOf(entries: readonly Entry[], key: string): string | undefined {
  const entry = entries.find((one) => one.key === key)
  if (entry === undefined || entry.value === 'null') return undefined
  if (/^[^&*!|>[{\s]/.test(entry.value)) return entry.value
  throw notUnderstood(entry.lines[0] ?? '')
}

/** A key: plain, or in quotes without escapes. */
const keyLine = /^(?:'([^']+)'|"([^"\\]+)"|([\w./][^\s:#'"]*)):(?: (.*))?$/

function readEntries(lines: readonly string[], indent: number): Entry[] {
  const margin = ' '.repeat(indent)
  const starts: { key: string; value: string; at: number }[] = []
  for (const [at, line] of lines.entries()) {
    const rest = line.slice(indent)
    const isBelow = line === '' || (line.startsWith(margin) && /^(?: |-(?: |$))/.test(rest))
    if (isBelow && starts.length > 0) continue
    const found = line.startsWith(margin) ? keyLine.exec(rest) : null
    const key = found?.[1] ?? found?.[2] ?? found?.[3]
    if (key === undefined) throw notUnderstood(line)
    starts.push({ key, value: found?.[4] ?? '', at })
  }
  return starts.map(({ key, value, at }, index) => ({ key, value, lines: lines.slice(at, starts[index + 1]?.at) }))
}

function notUnderstood(line: string): IsolateError {
  return new IsolateError(`the output of docker-compose config is not understood: ${line.trim()}`, {
    hint: 'Install Docker Compose 2.24.4 or later, with which nothing needs to be rewritten.',
  })
}
