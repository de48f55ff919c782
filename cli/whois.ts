/** agent-isolate whois */
import { statSync } from 'node:fs'
import { isWithin } from '../lib/files/inner-path.ts'
import { requireRepository } from '../lib/git/repository.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { loadLedger } from '../lib/ledger/ledger.ts'
import { blockSize } from '../lib/ledger/ports.ts'
import { findListeners, type Listener } from '../lib/processes/listeners.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { visible } from '../lib/report/visible-text.ts'
import type { Command } from './command.ts'
import { describeListener, isPublished } from './port-listeners.ts'
import { UsageError } from './usage-error.ts'

const help = `agent-isolate whois PORT [--json] [-C DIR]

Shows the process that listens on a TCP port of this machine, the worktree it runs in,
and the worktree that leases the port. They are at odds when the port is leased and its
listener runs elsewhere (or in a folder that this user may not see), and when a server
runs in a worktree with ports of its own but listens on none of them, which mostly
means that a port is written into its code: agent-isolate doctor finds it.

  --json               { port, agrees, listener: { pid, command, folder, worktree,
                       name } | null, lease: { name, path, repository, portName }
                       | null }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate whois 3000

Exit codes: 0 they agree, or nobody listens, or nobody's worktree is concerned; 1 they
are at odds, or it failed (with --json {"error": {"message", "hint"}} on stdout); 2
wrong usage.`

/** Who has to do with a port. */
type PortFacts = {
  listener: Listener | undefined
  /** The checkout that the listener's folder lies in; undefined when it lies in none, or is not known. */
  worktree: string | undefined
  /** The lease of that worktree. */
  runsIn: Lease | undefined
  leasedBy: Lease | undefined
  /** The listener is the container engine, on behalf of a container of the lease's. */
  isContainer: boolean
}

export const command: Command = {
  syntax: { operands: ['PORT'], flags: ['json'] },
  help,
  async run({ operands: [word = ''] }) {
    const port = parsePort(word)
    const facts = await findFacts(port)
    const agrees = isAgreed(facts)
    return { text: describeFacts(port, facts), json: factsJson(port, facts), exitCode: agrees ? 0 : 1 }
  },
}

/** A listener in an unknown folder cannot be shown to be the lessee's, and so is not. Pure. */
export function isAgreed({ listener, runsIn, leasedBy }: Facts): boolean {
  if (listener === undefined) return true
  return runsIn?.id === leasedBy?.id
}

type Facts = Pick<PortFacts, 'listener'> & Record<'runsIn' | 'leasedBy', Pick<Lease, 'id'> | undefined>

async function findFacts(port: number): Promise<PortFacts> {
  const { leases } = loadLedger()
  const listener = (await findListeners([port])).get(port)
  const leasedBy = leases.find(({ block }) => port >= block && port < block + blockSize)
  if (listener !== undefined && leasedBy !== undefined && isPublished(listener, leasedBy)) {
    return { listener, worktree: undefined, runsIn: leasedBy, leasedBy, isContainer: true }
  }
  const folder = listener?.cwd
  const around = folder === undefined ? [] : leases.filter(({ worktree }) => isWithin(worktree, folder))
  // The innermost, should one lie in another.
  const runsIn = around.toSorted((a, b) => b.worktree.length - a.worktree.length)[0]
  const worktree = runsIn?.worktree ?? (folder === undefined ? undefined : await findCheckout(folder))
  return { listener, worktree, runsIn, leasedBy, isContainer: false }
}

/** Undefined outside a repository, and for a folder that has gone meanwhile. */
async function findCheckout(folder: string): Promise<string | undefined> {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return undefined
  try {
    return (await requireRepository(folder)).checkout
  } catch (error) {
    if (error instanceof IsolateError) return undefined
    throw error
  }
}

function describeFacts(port: number, facts: PortFacts): string {
  const { listener, worktree, runsIn, leasedBy } = facts
  const lines = [
    listener === undefined
      ? `nobody listens on port ${port}`
      : `port ${port}: ${describeListener({ ...listener, name: '', isStranger: true })}`,
    ...(listener === undefined
      ? []
      : [`runs in    ${facts.isContainer ? 'a container of that lease' : describePlace(worktree, runsIn)}`]),
    `leased by  ${leasedBy === undefined ? 'nobody' : describeLease(port, leasedBy)}`,
  ]
  return isAgreed(facts) ? lines.join('\n') : [...lines, describeOdds(facts)].join('\n')
}

function describePlace(worktree: string | undefined, runsIn: Lease | undefined): string {
  if (runsIn !== undefined) return `${runsIn.name} (${visible(runsIn.worktree)})`
  return worktree === undefined ? 'no worktree that is known' : visible(worktree)
}

function describeLease(port: number, lease: Lease): string {
  const name = portName(port, lease)
  const whose = lease.isShared
    ? `all worktrees of ${visible(lease.root)}`
    : `${lease.name} (${visible(lease.worktree)})`
  return `${whose}, ${name === undefined ? 'as a spare port' : `as "${name}"`}`
}

function describeOdds({ runsIn, leasedBy }: PortFacts): string {
  if (leasedBy !== undefined) return 'at odds: end that process, or use another port of the lease'
  const { block = 0 } = runsIn ?? {}
  return `at odds: that worktree's ports are ${block}–${block + blockSize - 1}; agent-isolate doctor finds a port in the code`
}

function portName(port: number, { ports }: Lease): string | undefined {
  return Object.entries(ports).find(([, each]) => each === port)?.[0]
}

function factsJson(port: number, facts: PortFacts): unknown {
  const { listener, worktree, runsIn, leasedBy } = facts
  const { pid = null, command: words = null, cwd: folder = null } = listener ?? {}
  const process = { pid, command: words, folder, worktree: worktree ?? null, name: runsIn?.name ?? null }
  const { name, worktree: path, root: repository } = leasedBy ?? {}
  const lease = leasedBy === undefined ? null : { name, path, repository, portName: portName(port, leasedBy) ?? null }
  return { port, agrees: isAgreed(facts), listener: listener === undefined ? null : process, lease }
}

function parsePort(word: string): number {
  const port = Number(word)
  if (/^\d{1,5}$/.test(word) && port >= 1 && port <= 65_535) return port
  throw new UsageError(`not a port: ${visible(word)}`, { hint: 'A port is a number from 1 to 65535.' })
}
