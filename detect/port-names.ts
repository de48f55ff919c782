/**
 * One name for each port that a repository's files say, whoever asks: the name of the compose service that publishes it, of
 * the app's folder, or of the variable that holds it. Pure.
 */
import { posix } from 'node:path'
import { blockSize } from '../lib/ledger/ports.ts'
import { composePortNames, type ComposePorts } from '../lib/project/compose-ports.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import type { ComposeFile, ComposePort, ComposeService } from './compose.ts'
import type { EnvValue } from './env-values.ts'
import type { Server } from './servers.ts'

export type PortNames = {
  /** As agent-isolate.json has it: those ports that services publish on this machine. */
  compose: ComposePorts
  /** Beside `app` and those of services, in order. */
  names: readonly string[]
  /** By the port that the files say. */
  ofPort: ReadonlyMap<number, string>
  /** By the folder of a server of the repository's own. */
  ofFolder: ReadonlyMap<string, string>
}

export type PortFacts = {
  compose: readonly ComposeFile[]
  envValues: readonly EnvValue[]
  servers: readonly Server[]
  /** Variables with the port of a database or another server beside the repository's own: only a compose service is one of a worktree's. */
  others?: ReadonlySet<string>
}

/** No more than find room in a worktree's block: servers first, then services, then what else env files name. */
export function namePorts({ compose: files, envValues, servers, others = new Set() }: PortFacts): PortNames {
  const services = publishedPorts(files)
  const published = new Map(services.flatMap(({ ports }) => ports.map(({ host, name }) => [host, name] as const)))
  const ofFolder = nameServers(servers, published)
  const own = [...ofFolder.values()].filter((name) => name !== 'app')
  const chosen = chooseServices(services, blockSize - 1 - own.filter((name) => !hasName(services, name)).length)
  const ofPort = new Map(chosen.flatMap(({ ports }) => ports.map(({ host, name }) => [host, name] as const)))
  for (const { folder, ports } of servers) {
    const name = ofFolder.get(folder)
    for (const port of ports) if (name !== undefined && !ofPort.has(port)) ofPort.set(port, name)
  }
  const ofRepository = envValues.filter(({ key }) => !others.has(key))
  nameOthers(ofRepository, servers, ofPort, own.length + count(chosen))
  const serviceNames = new Set(chosen.flatMap(({ ports }) => ports.map(({ name }) => name)))
  const names = [...new Set(['app', ...own, ...ofPort.values()])].filter((name) => name !== 'app')
  return {
    compose: composeOf(chosen),
    names: names.filter((name) => !serviceNames.has(name)).slice(0, blockSize - 1 - serviceNames.size),
    ofPort,
    ofFolder,
  }
}

type Published = { service: string; ports: readonly { host: number; target: number; name: string }[] }

/** Of services that override files of ours can change: two files may say the same service. */
function publishedPorts(files: readonly ComposeFile[]): Published[] {
  const services = new Map<string, Map<number, number>>()
  for (const service of files.filter(isTopFile).flatMap((file) => file.services)) {
    const known = services.get(service.name) ?? new Map<number, number>()
    for (const [host, target] of service.ports.flatMap(pairsOf)) known.set(target, known.get(target) ?? host)
    if (known.size > 0) services.set(service.name, known)
  }
  return [...services].flatMap(([service, pairs]) => {
    const names = namesOf({ [service]: [...pairs.keys()] })
    const ports = [...pairs].map(([target, host], index) => ({ host, target, name: names[index] ?? '' }))
    return names.length === 0 ? [] : [{ service, ports }]
  })
}

/** What compose takes by itself (lib/compose/files.ts). */
function isTopFile({ path }: ComposeFile): boolean {
  return /^(?:docker-)?compose(?:\.override)?\.ya?ml$/.test(path)
}

function pairsOf({ published, target, count: range, variable }: ComposePort): [number, number][] {
  const host = published ?? variable?.port
  if (host === undefined || range >= blockSize) return []
  return Array.from({ length: range }, (_, index) => [host + index, (target ?? host) + index])
}

function namesOf(ports: ComposePorts): string[] {
  try {
    return composePortNames(ports).map(({ name }) => name)
  } catch (error) {
    if (error instanceof IsolateError) return []
    throw error
  }
}

function composeOf(services: readonly Published[]): ComposePorts {
  return Object.fromEntries(
    services.map(({ service, ports }) => {
      const targets = ports.map(({ target }) => target)
      return [service, targets.length === 1 ? (targets[0] ?? []) : targets]
    }),
  )
}

/** A service with all its ports or not at all, none of whose names another has. */
function chooseServices(services: readonly Published[], room: number): Published[] {
  const chosen: Published[] = []
  for (const service of services) {
    const isTaken = service.ports.some(({ name }) => hasName(chosen, name))
    if (!isTaken && count(chosen) + service.ports.length <= room) chosen.push(service)
  }
  return chosen
}

function count(services: readonly Published[]): number {
  return services.reduce((sum, { ports }) => sum + ports.length, 0)
}

function hasName(services: readonly Published[], name: string): boolean {
  return services.some(({ ports }) => ports.some((port) => port.name === name))
}

/** The first has `app`; one that a service publishes, too, has that one's name, so that either can be started. */
function nameServers(servers: readonly Server[], published: ReadonlyMap<number, string>): Map<string, string> {
  const named = new Map<string, string>()
  for (const { folder, ports } of servers) {
    const ofService = ports.map((port) => published.get(port)).find((name) => name !== undefined)
    const isFirst = ![...named.values()].includes('app')
    const own = ofService ?? (isFirst ? 'app' : portName(posix.basename(folder)))
    if (own === undefined) continue
    const isTaken = [...named.values()].includes(own)
    const longer = isTaken ? portName(folder) : own
    if (longer !== undefined) named.set(folder, longer)
  }
  return named
}

/** Lower case, as "ports.names" has them. */
function portName(text: string): string | undefined {
  const name = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')
  return /^[a-z][a-z0-9_]{0,30}$/.test(name) ? name : undefined
}

/** Ports that only env files say: of addresses of the web, and numbers of what is no well-known service of the machine. */
function nameOthers(
  envValues: readonly EnvValue[],
  servers: readonly Server[],
  ofPort: Map<number, string>,
  used: number,
): void {
  const known = new Set(ofPort.values())
  for (const { key, ports, scheme } of envValues) {
    for (const port of ports) {
      if (ofPort.has(port) || wellKnown.has(port) || !isOfWeb(scheme)) continue
      const name = nameOfKey(key, servers)
      if (name === undefined || (!known.has(name) && name !== 'app' && known.size + used >= blockSize - 1)) continue
      known.add(name)
      ofPort.set(port, name)
    }
  }
}

function isOfWeb(scheme: string | undefined): boolean {
  return scheme === undefined || /^(?:https?|wss?)$/.test(scheme)
}

/** PostgreSQL, MySQL, SQL Server, MongoDB, Redis, RabbitMQ, Kafka, Elasticsearch, memcached, SMTP. */
const wellKnown = new Set([5432, 5433, 3306, 3307, 1433, 27017, 6379, 5672, 15672, 9092, 9200, 11211, 1025, 587, 25])

/** `API_PORT`, `NEXT_PUBLIC_API_URL` → api. What only says that it is an address is the repository's one app, where it has one. */
function nameOfKey(key: string, servers: readonly Server[]): string | undefined {
  const bare = key
    .toLowerCase()
    .replace(/^(?:next_public|vite|react_app|expo_public|nuxt_public|nuxt|public)_/, '')
    .replace(/(?:^|_)(?:base_)?(?:port|url|uri|host|origin|endpoint|address|addr|domain)s?$/, '')
  if (/^(?:|app|base|site|public|nextauth|auth|better_auth|self|root|web_app|trusted)$/.test(bare)) {
    return servers.length <= 1 ? 'app' : undefined
  }
  return portName(bare)
}

/** Whether a variable of a compose file decides it. */
export function variablesOf(services: readonly ComposeService[]): NonNullable<ComposePort['variable']>[] {
  return services.flatMap(({ ports }) => ports.flatMap(({ variable }) => variable ?? []))
}
