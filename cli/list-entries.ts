/** What there is to say about each lease of a repository, or of the machine; also what `list --json` prints. */
import { realpathSync } from 'node:fs'
import { tryGit } from '../lib/git.ts'
import type { Lease } from '../lib/lease.ts'
import { findListeners, type Listener } from '../lib/listeners.ts'
import { judgeLeases, type Verdict } from '../lib/judge-leases.ts'
import { findStatus } from '../lib/read-if-any.ts'
import { leaseJson, type DatabaseJson, type LeaseJson } from './lease-json.ts'
import { listenersOf, type PortListener } from './port-listeners.ts'

export type WorktreeState = 'ready' | 'creating' | 'removing' | 'dead' | 'unreachable'

export type ListEntry = Omit<LeaseJson, 'database'> & {
  /** Its main checkout, or the folder of a bare repository. */
  repository: string
  state: WorktreeState
  listeners: PortListener[]
  /** `bytes` of a file; null: not made yet. */
  database: (DatabaseJson & { bytes?: number | null }) | null
  /** ISO 8601 */
  createdAt: string
}

export async function loadEntries(leases: readonly Lease[]): Promise<ListEntry[]> {
  const ports = leases.flatMap((lease) => Object.values(lease.ports))
  const [judged, found] = await Promise.all([judgeLeases(leases), findListeners(ports)])
  return judged.map(({ lease, verdict }) => entryOf(lease, verdict, found))
}

/** The git folder of the repository that `cwd` is in; undefined outside of one. One git process, since `list` is to be quick. */
export async function findCommonDir(cwd: string): Promise<string | undefined> {
  const { code, stdout } = await tryGit(cwd, ['rev-parse', '--path-format=absolute', '--git-common-dir'])
  return code === 0 ? realpathSync(stdout.replace(/\n$/, '')) : undefined
}

/** The ledger's states and the reaper's verdict in one word. */
export function stateOf({ state }: Pick<Lease, 'state'>, verdict: Verdict): WorktreeState {
  if (verdict !== 'alive') return verdict
  if (state === 'preparing') return 'creating'
  return state === 'discarding' ? 'removing' : state
}

function entryOf(lease: Lease, verdict: Verdict, found: ReadonlyMap<number, Listener>): ListEntry {
  const { database, ...rest } = leaseJson(lease)
  return {
    ...rest,
    repository: lease.root,
    state: stateOf(lease, verdict),
    listeners: listenersOf(lease, found),
    database: database === null || !('path' in database) ? database : { ...database, bytes: sizeOf(database.path) },
    createdAt: lease.createdAt,
  }
}

function sizeOf(path: string): number | null {
  return findStatus(path)?.size ?? null
}
