/** What a worktree holds, as the ledger writes it down: its ports and every resource made for it. */
import { join } from 'node:path'
import { parseJson } from './parse-json.ts'
import { parseProcessIdentity, type ProcessIdentity } from './process-identity.ts'

/**
 * Something made for a worktree, written down before it is made and given back in reverse order.
 * `inner` paths are relative to the worktree.
 */
export type Resource =
  | { kind: 'worktree' }
  /** A branch that we made at `start`. `rebased`: the tip that our rebase left, whose commits are but copies. */
  | { kind: 'branch'; name: string; start: string; rebased?: string }
  /** Our lines in the repository's info/exclude, shared by all its worktrees. */
  | { kind: 'exclude' }
  /** A database file; SQLite's side files go with it. One that `existed` (git has checked it out) stays. */
  | { kind: 'sqlite'; inner: string; existed: boolean }
  | { kind: 'dependencies'; inner: string }
  /** Copies of the main checkout's rules in another tool's worktree; those that nobody has changed go again. */
  | { kind: 'context' }
  /** The environment file; `existed` when it was there before us: then only our block goes. */
  | { kind: 'environment'; inner: string; existed: boolean }

export type LeaseState = (typeof leaseStates)[number]

const leaseStates = ['creating', 'preparing', 'ready', 'removing', 'discarding'] as const

export type Lease = {
  /** 16 hex digits; on everything that carries our mark. */
  id: string
  /** First of its ten ports; also the name of the lease's file. */
  block: number
  ports: Readonly<Record<string, number>>
  /** Real path. With `commonDir` it identifies the worktree. */
  worktree: string
  commonDir: string
  /** Folder from which the repository's commands and git run when the worktree is gone. */
  root: string
  name: string
  branch: string | undefined
  /**
   * `creating` until git has checked out the files: until then nobody can have worked in it. `preparing` until all is in
   * place. `removing` from the start of the teardown, `discarding` when the user has said that work may be lost.
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

/** The lease's resource of that kind; a worktree has one environment file and one database at most. */
export function findResource<K extends 'environment' | 'sqlite'>(
  lease: Lease,
  kind: K,
): (Resource & { kind: K }) | undefined {
  return lease.resources.find((resource): resource is Resource & { kind: K } => resource.kind === kind)
}

export type Database = {
  /** `file:` and the absolute path, as Prisma, libSQL, Drizzle and most drivers read it. */
  url: string
  path: string
}

/** Undefined when the lease holds none. */
export function databaseOf(lease: Lease): Database | undefined {
  const resource = findResource(lease, 'sqlite')
  if (resource === undefined) return undefined
  const path = join(lease.worktree, resource.inner)
  return { url: `file:${path}`, path }
}

/** Undefined when the text is not a whole, sensible lease. */
export function parseLease(text: string): Lease | undefined {
  const value = parseJson(text)
  if (!isRecord(value) || value['version'] !== 1) return undefined
  const { id, block, ports, worktree, commonDir, root, name, branch, createdAt, resources } = value
  const state = leaseStates.find((known) => known === value['state'])
  const maker = parseProcessIdentity(value['maker'])
  if (!isText(id) || !/^[0-9a-f]{16}$/.test(id) || typeof block !== 'number' || !isPorts(ports, block)) return undefined
  if (!isText(worktree) || !isText(commonDir) || !isText(root) || !isText(name) || !isText(createdAt)) return undefined
  if (!(branch === undefined || isText(branch)) || maker === undefined) return undefined
  if (state === undefined) return undefined
  if (!Array.isArray(resources) || !resources.every(isResource)) return undefined
  return { id, block, ports, worktree, commonDir, root, name, branch, state, maker, resources, createdAt }
}

export function renderLease(lease: Lease): string {
  return `${JSON.stringify({ version: 1, ...lease }, undefined, 2)}\n`
}

function isResource(value: unknown): value is Resource {
  if (!isRecord(value)) return false
  switch (value['kind']) {
    case 'worktree':
    case 'exclude':
    case 'context':
      return true
    case 'branch':
      return (
        isText(value['name']) && isText(value['start']) && (value['rebased'] === undefined || isText(value['rebased']))
      )
    case 'dependencies':
      return isText(value['inner'])
    case 'sqlite':
    case 'environment':
      return isText(value['inner']) && typeof value['existed'] === 'boolean'
    default:
      return false
  }
}

function isPorts(value: unknown, block: number): value is Record<string, number> {
  return (
    isRecord(value) &&
    Object.values(value).every((port) => typeof port === 'number' && port >= block && port < block + 10)
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
