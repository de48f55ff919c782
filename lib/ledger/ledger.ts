/**
 * The leases of this machine, a file each, named after the lease's block of ports (`leases/20410.json`).
 *
 * A block is claimed by linking a finished, fsynced file to its name: the file system itself keeps two owners off one
 * block, and no lock is held by two hundred that come at once. A file that exists is changed (renamed over) or removed
 * only under the lock of its worktree. Readers take no lock: a file is always whole.
 */
import { linkSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../files/digest.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { errorCode, errorText, IsolateError } from '../report/isolate-error.ts'
import { requireStateFolder, stateFolderHint } from '../state/state-folder.ts'
import { writeTemporaryFile } from '../state/temporary-file.ts'
import { isPostponed, parseLease, renderLease, type Lease } from './lease.ts'
import { blockSize } from './ports.ts'
import { isReplaced } from './repository-id.ts'

/** What makes a worktree that worktree: basenames and branches repeat. */
export type WorktreeIdentity = Pick<Lease, 'worktree' | 'commonDir'>

export type Ledger = {
  leases: Lease[]
  /** Files that are no lease. Their ports stay taken: nobody can tell whether a worktree still uses them. */
  damaged: { path: string; block: number }[]
}

export function loadLedger(): Ledger {
  const folder = requireStateFolder('leases')
  const ledger: Ledger = { leases: [], damaged: [] }
  for (const block of claimedBlocks()) {
    const path = join(folder, `${block}.json`)
    const text = readIfAny(path)
    if (text === undefined) continue
    const lease = parseLease(text)
    if (lease?.block === block) ledger.leases.push(lease)
    else ledger.damaged.push({ path, block })
  }
  return ledger
}

/** First ports of all blocks that have an owner, known or not. */
export function claimedBlocks(): number[] {
  return readdirSync(requireStateFolder('leases'))
    .filter((name) => /^\d+\.json$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .toSorted((a, b) => a - b)
}

/** One that is gone but for what could not be reached is none, nor is that of a repository which was there before. */
export function findLease({ worktree, commonDir }: WorktreeIdentity): Lease | undefined {
  const isIt = (lease: Lease): boolean => lease.worktree === worktree && lease.commonDir === commonDir
  return loadLedger().leases.find((lease) => isIt(lease) && !isPostponed(lease) && !isReplaced(lease))
}

/** The lease as it is now; undefined when it has been released. */
export function reloadLease({ id }: Pick<Lease, 'id'>): Lease | undefined {
  return loadLedger().leases.find((lease) => lease.id === id)
}

/** Short text for one worktree: names its lock, and is what the hash of its preferred ports is made of. */
export function identityKey({ worktree, commonDir }: WorktreeIdentity): string {
  return digestOf(`${commonDir}\0${worktree}`, 24)
}

/** False when the block has an owner. */
export function claimBlock(lease: Lease): boolean {
  const finished = writeTemporaryFile(renderLease(lease), { durable: true })
  const path = leasePath(lease.block)
  try {
    linkSync(finished, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw unwritable(path, error)
  } finally {
    rmSync(finished, { force: true })
  }
}

/** Replaces the lease's file. Only under the lock of its worktree. Throws `IsolateError` when the block has another owner by now. */
export function saveLease(lease: Lease): void {
  const owner = parseLease(readIfAny(leasePath(lease.block)) ?? '')
  if (owner !== undefined && owner.id !== lease.id) {
    throw new IsolateError(`${lease.worktree} has just been removed by another process`)
  }
  const finished = writeTemporaryFile(renderLease(lease), { durable: true })
  const path = leasePath(lease.block)
  try {
    renameSync(finished, path)
  } catch (error) {
    rmSync(finished, { force: true })
    throw unwritable(path, error)
  }
}

/** Releases the block. Only under the lock of its worktree; does nothing when the file is no longer this lease's. */
export function deleteLease(lease: Lease): void {
  const path = leasePath(lease.block)
  const text = readIfAny(path)
  if (text !== undefined && parseLease(text)?.id === lease.id) rmSync(path, { force: true })
}

/** The error for a range in which every block is claimed or busy; it names who holds them. */
export function rangeIsFull(range: readonly [number, number]): IsolateError {
  const { leases, damaged } = loadLedger()
  const inRange = (block: number): boolean => block + blockSize > range[0] && block <= range[1]
  const holders = [
    ...leases.filter(({ block }) => inRange(block)).map(({ block, worktree }) => `${block} ${worktree}`),
    ...damaged.filter(({ block }) => inRange(block)).map(({ block, path }) => `${block} a damaged lease, ${path}`),
  ]
  const shown = holders.slice(0, 12).join('\n    ')
  const more = holders.length > 12 ? `\n    and ${holders.length - 12} more` : ''
  const rest = holders.length === 0 ? 'Other programs listen on them.' : `Held by:\n    ${shown}${more}`
  return new IsolateError(`no free block of ten ports between ${range[0]} and ${range[1]}`, {
    hint: `${rest}\n  Remove worktrees that are done (agent-isolate list, agent-isolate gc), or widen "ports.range" in agent-isolate.json.`,
  })
}

function leasePath(block: number): string {
  return join(requireStateFolder('leases'), `${block}.json`)
}

function unwritable(path: string, error: unknown): IsolateError {
  return new IsolateError(`${path} cannot be written: ${errorText(error)}`, {
    hint: stateFolderHint(error),
    cause: error,
  })
}
