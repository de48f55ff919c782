/**
 * Ports in aligned blocks of ten, so that a tool that steps to the next port does not land in a sibling's. Which blocks
 * to try is decided here; that nobody else gets the same block is the ledger's business.
 *
 * A port proved free can be taken by a stranger a moment later. Nothing but holding it open would prevent that; `exec`
 * therefore looks again.
 */
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { errorCode, IsolateError } from '../report/isolate-error.ts'

/** Ports to a block; a block starts at a multiple of it, whatever the range. */
export const blockSize = 10

/**
 * First ports of the whole blocks within `range` (both ends included), starting at a hash of `identity`: the same
 * worktree tends to get the same block again.
 */
export function blockCandidates(identity: string, [first, last]: readonly [number, number]): number[] {
  const start = Math.ceil(first / blockSize)
  const count = Math.floor((last + 1) / blockSize) - start
  const preferred = createHash('sha256').update(identity).digest().readUInt32BE() % count
  return Array.from({ length: count }, (_, step) => (start + ((preferred + step) % count)) * blockSize)
}

/**
 * Gives each name a port of the block. Names that have one keep it; `app` is the first. Those in `retired` give theirs up,
 * in that order, when there is no other. Throws `IsolateError` beyond ten names.
 */
export function assignPorts(
  block: number,
  names: readonly string[],
  existing: Readonly<Record<string, number>> = {},
  retired: readonly string[] = [],
): Record<string, number> {
  let ports: Readonly<Record<string, number>> = existing
  const left = [...retired]
  for (const name of ['app', ...names]) {
    if (ports[name] !== undefined) continue
    if (sparePorts({ block, ports }).length === 0) ports = without(ports, left.shift())
    const [free] = sparePorts({ block, ports })
    if (free === undefined) throw tooManyNames(names, existing)
    ports = { ...ports, [name]: free }
  }
  return { ...ports }
}

function without(ports: Readonly<Record<string, number>>, left: string | undefined): Record<string, number> {
  return Object.fromEntries(Object.entries(ports).filter(([name]) => name !== left))
}

/** Ports of the lease's block that have no name yet. */
export function sparePorts({ block, ports }: { block: number; ports: Readonly<Record<string, number>> }): number[] {
  const used = new Set(Object.values(ports))
  return Array.from({ length: blockSize }, (_, offset) => block + offset).filter((port) => !used.has(port))
}

/** True when every port of the block can be bound, on every address a server may choose. */
export async function isBlockFree(block: number): Promise<boolean> {
  const ports = Array.from({ length: blockSize }, (_, offset) => block + offset)
  return (await Promise.all(ports.map(isPortFree))).every(Boolean)
}

/** On Linux `::` alone meets every listener; macOS lets a specific address bind beside a wildcard, so all four are tried. */
export async function isPortFree(port: number): Promise<boolean> {
  for (const host of ['::', '0.0.0.0', '127.0.0.1', '::1']) {
    if (!(await canBind(port, host))) return false
  }
  return true
}

function canBind(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => {
      const code = errorCode(error)
      if (code === 'EADDRINUSE' || code === 'EACCES') return resolve(false)
      // This machine has no such address (IPv6 switched off): nobody can listen there.
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT' || code === 'EINVAL') return resolve(true)
      reject(error)
    })
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function tooManyNames(names: readonly string[], existing: Readonly<Record<string, number>>): IsolateError {
  const held = Object.keys(existing).filter((name) => name !== 'app' && !names.includes(name))
  const used = names.length < blockSize ? `; still in use: ${held.join(', ')}` : ''
  return new IsolateError(
    `a worktree has ${blockSize} ports, and "app" plus these are more: ${names.join(', ')}${used}`,
    {
      hint: 'Name fewer ports in agent-isolate.json ("ports.names") and in the template ($AGENT_PORT_…).',
    },
  )
}
