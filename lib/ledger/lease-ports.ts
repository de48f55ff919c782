/** Which names a lease's ports have, as its worktree's config and template change. */
import type { Lease } from './lease.ts'
import { assignPorts, blockSize, isPortFree } from './ports.ts'

/** Ports for `names`, beside those that the lease has. Names that nobody asks for any more are given up when room is needed, but for ports that are `kept`. */
export async function assignLeasePorts(
  lease: Pick<Lease, 'block' | 'ports'>,
  names: readonly string[],
  kept: readonly number[],
): Promise<Record<string, number>> {
  return assignPorts(lease.block, names, lease.ports, await findRetired(lease, names, kept))
}

/** In the order in which they may be given up: first those on which nobody listens. */
async function findRetired(
  { ports }: Pick<Lease, 'ports'>,
  names: readonly string[],
  kept: readonly number[],
): Promise<string[]> {
  const missing = names.filter((name) => ports[name] === undefined).length
  if (missing <= blockSize - Object.keys(ports).length) return []
  const retired = Object.entries(ports).filter(
    ([name, port]) => name !== 'app' && !names.includes(name) && !kept.includes(port),
  )
  const probed = await Promise.all(retired.map(async ([name, port]) => ({ name, isIdle: await isPortFree(port) })))
  return probed.toSorted((a, b) => Number(b.isIdle) - Number(a.isIdle)).map(({ name }) => name)
}
