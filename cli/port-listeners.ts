/** Who listens on a worktree's ports, and whether that is the worktree's own doing. */
import { composeKind } from '../lib/compose/kind.ts'
import { isWithin } from '../lib/files/inner-path.ts'
import { resourceOf } from '../lib/ledger/kind.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { keptPorts } from '../lib/lifecycle/kinds.ts'
import type { Listener } from '../lib/processes/listeners.ts'
import { visible } from '../lib/report/visible-text.ts'

export type PortListener = Listener & {
  /** The port's name in the lease. */
  name: string
  /** Runs in a folder outside the worktree; undefined when the folder is unknown (another user's process, mostly). */
  isStranger: boolean | undefined
}

/** The lease's listeners among those found, in the order of its ports. */
export function listenersOf(
  lease: Pick<Lease, 'ports' | 'worktree' | 'resources'>,
  found: ReadonlyMap<number, Listener>,
): PortListener[] {
  const { ports, worktree } = lease
  return Object.entries(ports).flatMap(([name, port]) => {
    const listener = found.get(port)
    if (listener === undefined) return []
    if (isPublished(listener, lease)) return [{ ...listener, name, isStranger: false }]
    const isStranger = listener.cwd === undefined ? undefined : !isWithin(worktree, listener.cwd)
    return [{ ...listener, name, isStranger }]
  })
}

/** True for the engine's own process, which listens on the ports of a lease's containers. */
export function isPublished({ port, command }: Listener, lease: Pick<Lease, 'resources'>): boolean {
  const isEngine =
    command === undefined || /docker|podman|conmon|rootlessport|slirp4netns|pasta/.test(command.split(' ')[0] ?? '')
  if (!isEngine) return false
  return keptPorts(lease).includes(port) || resourceOf(lease, composeKind) !== undefined
}

/** `pid 4711: node server.js`; of one that is not in the worktree, its folder too. */
export function describeListener({ pid, command, cwd, isStranger }: PortListener): string {
  if (pid === undefined) return 'a process that this user may not see'
  const where = isStranger && cwd !== undefined ? ` in ${visible(cwd)}` : ''
  return `pid ${pid}${where}${command === undefined ? '' : `: ${visible(command)}`}`
}
