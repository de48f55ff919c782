/** Which names a lease's ports have, as its worktree's config and template change. */
import type { Lease } from './lease.ts'
import { assignPorts, blockSize, isPortFree } from './ports.ts'

/** Ports for `names`, beside those that the lease has. Names that nobody asks for any more are given up when room is needed. */
export async function assignLeasePorts(
  lease: Pick<Lease, 'block' | 'ports' | 'resources'>,
  names: readonly string[],
): Promise<Record<string, number>> {
  return assignPorts(lease.block, names, lease.ports, await findRetired(lease, names))
}

/** In the order in which they may be given up: first those on which nobody listens. A container keeps its port for life. */
async function findRetired(
  { ports, resources }: Pick<Lease, 'ports' | 'resources'>,
  names: readonly string[],
): Promise<string[]> {
  const missing = names.filter((name) => ports[name] === undefined).length
  if (missing <= blockSize - Object.keys(ports).length) return []
  const held = resources.flatMap((one) => (one.kind === 'container' ? [one.server.port] : []))
  const retired = Object.entries(ports).filter(
    ([name, port]) => name !== 'app' && !names.includes(name) && !held.includes(port),
  )
  const probed = await Promise.all(retired.map(async ([name, port]) => ({ name, isIdle: await isPortFree(port) })))
  return probed.toSorted((a, b) => Number(b.isIdle) - Number(a.isIdle)).map(({ name }) => name)
}
