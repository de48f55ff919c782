/** What a worktree holds, as the ledger writes it down: its ports and every resource made for it. */
import type { Engine } from '../docker/engine.ts'
import { parseJson } from '../files/parse-json.ts'
import { parseProcessIdentity, type ProcessIdentity } from '../processes/process-identity.ts'

/**
 * Something made for a worktree, written down before it is made and given back in reverse order.
 * `inner` paths are relative to the worktree.
 */
export type Resource =
  | { kind: 'worktree' }
  /**
   * A branch that we made at `start`. `rebased`: the tip that our rebase left, whose commits are but copies. `givenUp`: the
   * tip at which the user said that its commits may be lost.
   */
  | { kind: 'branch'; name: string; start: string; rebased?: string; givenUp?: string }
  /** Our lines in the repository's info/exclude, shared by all its worktrees. */
  | { kind: 'exclude' }
  /** A database file; SQLite's side files go with it. One that `existed` (git has checked it out) stays. */
  | { kind: 'sqlite'; inner: string; existed: boolean; isTest?: true }
  | ContainerResource
  /** A claim on the repository's container, which goes with the last claim. */
  | { kind: 'shared-container' }
  /** A database on a server. */
  | PostgresResource
  /** What `docker compose up` may have started under the worktree's project name. `hasPorts`: it was given leased ones. */
  | { kind: 'compose'; project: string; engine: Engine; hasPorts?: true }
  | { kind: 'dependencies'; inner: string }
  /** Copies of the main checkout's rules in another tool's worktree; those that nobody has changed go again. */
  | { kind: 'context' }
  /** The environment file; `existed` when it was there before us: then only our block goes. */
  | { kind: 'environment'; inner: string; existed: boolean }

/** A container of the lease's own with all that it holds, its named `volume` included. Its port is one of the lease's. */
export type ContainerResource = {
  kind: 'container'
  name: string
  engine: Engine
  volume?: string
  server: ServerLogin
  /** The database that the image was told to make. */
  database: string
  /** Hash of the settings that it was made with: they hold for its life. */
  settings: string
}

export type PostgresResource = {
  kind: 'postgres'
  /** `template`: what is being made for others to be cloned from, and handed over once it is whole. */
  purpose: (typeof purposes)[number]
  /** With user, password and the database's name. */
  url: string
  /** Whose server it is. Databases in a container of the lease's own go with it. */
  on: (typeof serverKinds)[number]
  /** The database of that server to be connected to while this one is made or dropped. */
  maintenance: string
  /** Set once it is whole: from then on what is in it is somebody's work, whatever becomes of its comment. */
  isMade?: true
}

const purposes = ['development', 'test', 'template'] as const
const serverKinds = ['own container', 'shared container', 'server'] as const

/** How to log in to a server, from this machine. `user` is one that may make databases. */
export type ServerLogin = { host: string; port: number; user: string; password: string }

export type LeaseState = (typeof leaseStates)[number]

const leaseStates = ['creating', 'preparing', 'interrupted', 'ready', 'removing', 'discarding'] as const

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
  /** Set on the lease of what all worktrees of a repository share. Its `worktree` is a path at which nothing ever is. */
  isShared?: true
  /** Its worktree was moved, and its environment still speaks of the old place. */
  isMoved?: true
  branch: string | undefined
  /**
   * `creating` until git has checked out the files: until then nobody can have worked in it. `preparing` until all is in
   * place; `interrupted` when that was killed and somebody has worked in it since. `removing` from the start of the teardown, `discarding` when the user has said that work may be lost.
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

/**
 * True for a lease of which all is given back but what is on a container engine or a server that was out of reach. Its
 * worktree is gone; at its path there may be another one, with a lease of its own. Never one that is shared: that is
 * "removing" for the moment in which claims are looked for, too, and whoever comes next goes on with it.
 */
export function isPostponed({ state, resources, isShared }: Pick<Lease, 'state' | 'resources' | 'isShared'>): boolean {
  return !isShared && state === 'removing' && resources.length > 0 && resources.every(isElsewhere)
}

/** The same without the word that it was moved: for whoever brings its environment up to date. */
export function asSettled({ isMoved: _isMoved, ...lease }: Lease): Lease {
  return lease
}

/** Somebody is at its creation, or was. */
export function isBeingMade({ state }: Pick<Lease, 'state'>): boolean {
  return state === 'creating' || state === 'preparing'
}

/** Whether a worktree of the repository has a claim on what all of them share. */
export function hasClaim({ commonDir }: Pick<Lease, 'commonDir'>, leases: readonly Lease[]): boolean {
  return leases.some((one) => one.commonDir === commonDir && findResource(one, 'shared-container') !== undefined)
}

/** On a container engine or a server, not in the worktree or the repository. */
export function isElsewhere({ kind }: Resource): boolean {
  return kind === 'container' || kind === 'shared-container' || kind === 'postgres' || kind === 'compose'
}

/** The newest of the lease's resources of that kind; there is one at most, but of databases. */
export function findResource<K extends Resource['kind']>(
  lease: Pick<Lease, 'resources'>,
  kind: K,
  accepts: (resource: Resource & { kind: K }) => boolean = () => true,
): (Resource & { kind: K }) | undefined {
  return lease.resources.findLast(
    (resource): resource is Resource & { kind: K } => isOfKind(resource, kind) && accepts(resource),
  )
}

function isOfKind<K extends Resource['kind']>(resource: Resource, kind: K): resource is Resource & { kind: K } {
  return resource.kind === kind
}

/** Undefined when the text is not a whole, sensible lease. */
export function parseLease(text: string): Lease | undefined {
  const value = parseJson(text)
  if (!isRecord(value) || value['version'] !== 1) return undefined
  const { id, block, ports, worktree, commonDir, root, name, isShared, isMoved, branch, createdAt, resources } = value
  const state = leaseStates.find((known) => known === value['state'])
  const maker = parseProcessIdentity(value['maker'])
  if (!isText(id) || !/^[0-9a-f]{16}$/.test(id) || typeof block !== 'number' || !isPorts(ports, block)) return undefined
  if (!isText(worktree) || !isText(commonDir) || !isText(root) || !isText(name) || !isText(createdAt)) return undefined
  if (!(branch === undefined || isText(branch)) || maker === undefined) return undefined
  if (state === undefined) return undefined
  if (!Array.isArray(resources) || !resources.every(isResource)) return undefined
  const lease = { id, block, ports, worktree, commonDir, root, name, branch, state, maker, resources, createdAt }
  return { ...lease, ...(isShared === true ? { isShared } : {}), ...(isMoved === true ? { isMoved } : {}) }
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
    case 'shared-container':
      return true
    case 'branch':
      return (
        isText(value['name']) &&
        isText(value['start']) &&
        [value['rebased'], value['givenUp']].every((tip) => tip === undefined || isText(tip))
      )
    case 'dependencies':
      return isText(value['inner'])
    case 'sqlite':
    case 'environment':
      return isText(value['inner']) && typeof value['existed'] === 'boolean'
    case 'container':
      return (
        [value['name'], value['database'], value['settings']].every(isText) &&
        isEngine(value['engine']) &&
        isServerLogin(value['server'])
      )
    case 'compose':
      return isText(value['project']) && isEngine(value['engine'])
    case 'postgres':
      return (
        isText(value['url']) &&
        isText(value['maintenance']) &&
        purposes.some((purpose) => purpose === value['purpose']) &&
        serverKinds.some((kind) => kind === value['on'])
      )
    default:
      return false
  }
}

function isEngine(value: unknown): value is Engine {
  return isRecord(value) && [value['host'], value['context']].every((text) => text === undefined || isText(text))
}

function isServerLogin(value: unknown): value is ServerLogin {
  return (
    isRecord(value) &&
    [value['host'], value['user'], value['password']].every(isText) &&
    typeof value['port'] === 'number'
  )
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
