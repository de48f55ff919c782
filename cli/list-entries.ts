/** What there is to say about each lease of a repository, or of the machine; also what `list --json` prints. */
import { realpathSync } from 'node:fs'
import { findStatus } from '../lib/files/read-if-any.ts'
import { gitFailure, tryGitIn } from '../lib/git/git.ts'
import { type Lease, isBeingMade } from '../lib/ledger/lease.ts'
import { judgeLeases, type JudgedLease, type Verdict } from '../lib/lifecycle/judge-leases.ts'
import { adviceOn, type Advice } from '../lib/lifecycle/lease-advice.ts'
import { findListeners, type Listener } from '../lib/processes/listeners.ts'
import { leaseJson, type DatabaseJson, type LeaseJson } from './lease-json.ts'
import { listenersOf, type PortListener } from './port-listeners.ts'

/** `interrupted`: its set-up was. `missing`: its folder is gone, and may come back. `moved`: git has to be told where it is. */
export type WorktreeState =
  'ready' | 'creating' | 'removing' | 'interrupted' | 'dead' | 'missing' | 'moved' | 'unreachable'

export type ListEntry = Omit<LeaseJson, 'database'> & {
  /** Its main checkout, or the folder of a bare repository. */
  repository: string
  state: WorktreeState
  /** What is the matter, and what to do; null where nothing is. */
  advice: Advice | null
  listeners: PortListener[]
  /** `bytes` of a file; null: not made yet. */
  database: (DatabaseJson & { bytes?: number | null }) | null
  /** ISO 8601 */
  createdAt: string
}

export async function loadEntries(leases: readonly Lease[]): Promise<ListEntry[]> {
  const ports = leases.flatMap((lease) => Object.values(lease.ports))
  const [judged, found] = await Promise.all([judgeLeases(leases), findListeners(ports)])
  return judged.map((one) => entryOf(one, found))
}

/** The git folder of the repository that `cwd` is in; undefined outside of one. One git process, since `list` is to be quick. */
export async function findCommonDir(cwd: string): Promise<string | undefined> {
  const args = ['rev-parse', '--path-format=absolute', '--git-common-dir']
  const outcome = await tryGitIn(cwd, args, { searchesAbove: true })
  if (outcome.code === 0) return realpathSync(outcome.stdout.replace(/\n$/, ''))
  if (outcome.stderr.includes('not a git repository')) return undefined
  throw gitFailure({ gitDir: cwd }, args, outcome)
}

/** The verdict in one word. */
export function stateOf(lease: Pick<Lease, 'state'>, verdict: Verdict): WorktreeState {
  if (verdict === 'wait') return isBeingMade(lease) ? 'creating' : 'removing'
  return words[verdict]
}

const words = {
  use: 'ready',
  finish: 'interrupted',
  release: 'dead',
  keep: 'missing',
  repair: 'moved',
  'out of reach': 'unreachable',
} as const

function entryOf({ lease, verdict }: JudgedLease, found: ReadonlyMap<number, Listener>): ListEntry {
  const { database, ...rest } = leaseJson(lease)
  return {
    ...rest,
    repository: lease.root,
    state: stateOf(lease, verdict),
    advice: adviceOn(lease, verdict) ?? null,
    listeners: listenersOf(lease, found),
    database: database === null || !('path' in database) ? database : { ...database, bytes: sizeOf(database.path) },
    createdAt: lease.createdAt,
  }
}

function sizeOf(path: string): number | null {
  return findStatus(path)?.size ?? null
}
