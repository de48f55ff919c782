/** What a worktree holds, as the ledger writes it down: its ports and every resource made for it. */
import { isObject, isText, parseJson } from '../files/json.ts'
import { parseProcessIdentity, type ProcessIdentity } from '../processes/process-identity.ts'
import type { Resource } from './resource.ts'

export type LeaseState = (typeof leaseStates)[number]

const leaseStates = ['creating', 'preparing', 'interrupted', 'ready', 'removing', 'discarding', 'postponed'] as const

export type Lease = {
  /** 16 hex digits; on everything that carries our mark. */
  id: string
  /** First of its ten ports; also the name of the lease's file. */
  block: number
  ports: Readonly<Record<string, number>>
  /** Real path. With `commonDir` it identifies the worktree. */
  worktree: string
  commonDir: string
  /** Of the repository that was at `commonDir` then: see `isRepositoryThere`. Older versions wrote none. */
  repositoryId?: string
  /** Folder from which the repository's commands and git run when the worktree is gone. */
  root: string
  name: string
  /** Set on the lease of what all worktrees of a repository share. Its `worktree` is a path at which nothing ever is. */
  isShared?: true
  /** Its worktree was moved, and its environment still speaks of the old place. */
  isMoved?: true
  branch: string | undefined
  /**
   * `creating` until git has checked out the files: until then nobody can have worked in it. `preparing` until all is in
   * place; `interrupted` when that was killed and somebody has worked in it since. `removing` from the start of the
   * teardown, `discarding` when the user has said that work may be lost; `postponed` when all is released but what is on a
   * container engine or a server that was out of reach.
   */
  state: LeaseState
  /** The process that creates or removes it. */
  maker: ProcessIdentity
  resources: readonly Resource[]
  /** ISO 8601. */
  createdAt: string
}

/** False for a worktree that another tool made: it is not ours to remove. */
export function isOurWorktree(lease: Lease): boolean {
  return lease.resources.some((resource) => resource.kind === 'worktree')
}

/** Its worktree is gone, if not all that it had; at its path there may be another one, with a lease of its own. */
export function isPostponed({ state }: Pick<Lease, 'state'>): boolean {
  return state === 'postponed'
}

/** The same without the word that it was moved: for whoever brings its environment up to date. */
export function asSettled({ isMoved: _isMoved, ...lease }: Lease): Lease {
  return lease
}

/** Somebody is at its creation, or was. */
export function isBeingMade({ state }: Pick<Lease, 'state'>): boolean {
  return state === 'creating' || state === 'preparing'
}

/** Undefined when the text is not a whole, sensible lease. */
export function parseLease(text: string): Lease | undefined {
  const value = parseJson(text)
  if (!isObject(value) || value['version'] !== 1) return undefined
  const { id, block, ports, worktree, commonDir, root, name, isShared, isMoved, branch, createdAt, resources } = value
  const { repositoryId } = value
  const state = leaseStates.find((known) => known === value['state'])
  const maker = parseProcessIdentity(value['maker'])
  if (!isText(id) || !/^[0-9a-f]{16}$/.test(id) || typeof block !== 'number' || !isPorts(ports, block)) return undefined
  if (!isText(worktree) || !isText(commonDir) || !isText(root) || !isText(name) || !isText(createdAt)) return undefined
  if (!(branch === undefined || isText(branch)) || maker === undefined) return undefined
  if (state === undefined) return undefined
  if (!Array.isArray(resources) || !resources.every(isResource)) return undefined
  const lease = { id, block, ports, worktree, commonDir, root, name, branch, state, maker, resources, createdAt }
  return {
    ...lease,
    ...(isShared === true ? { isShared } : {}),
    ...(isMoved === true ? { isMoved } : {}),
    ...(isText(repositoryId) ? { repositoryId } : {}),
  }
}

export function renderLease(lease: Lease): string {
  return `${JSON.stringify({ version: 1, ...lease }, undefined, 2)}\n`
}

/** Its kind knows the rest (lifecycle/kinds.ts). */
function isResource(value: unknown): value is Resource {
  return isObject(value) && isText(value['kind'])
}

function isPorts(value: unknown, block: number): value is Record<string, number> {
  return (
    isObject(value) &&
    Object.values(value).every((port) => typeof port === 'number' && port >= block && port < block + 10)
  )
}
