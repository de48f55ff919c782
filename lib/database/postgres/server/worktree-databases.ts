/**
 * A worktree's databases on a server, wherever that is: each a clone of a template, written down before it is made, marked
 * when it is whole. What a killed process left without a mark is made anew.
 */
import { basename } from 'node:path'
import { slugOf } from '../../../git/worktree-name.ts'
import { resourcesOf } from '../../../ledger/kind.ts'
import type { Lease } from '../../../ledger/lease.ts'
import { ledgerId } from '../../../ledger/ledger-id.ts'
import type { OpenLease } from '../../../ledger/open-lease.ts'
import type { Resource } from '../../../ledger/resource.ts'
import type { Deadline } from '../../../report/deadline.ts'
import type { DatabasePurpose } from '../../purpose.ts'
import { PostgresError, type PostgresTarget } from '../client/connection.ts'
import { parseDatabaseUrl, targetOf } from '../client/database-url.ts'
import { baseName } from '../container/container-template.ts'
import { postgresShape, type PostgresResource } from '../resources.ts'
import { cloneDatabase, dropForced, findDatabase, markDatabase } from './databases.ts'
import type { Template } from './private-template.ts'
import { takeAdvisoryLock, withServer, type Server } from './server.ts'

export type DatabasesRequest = {
  open: OpenLease
  on: PostgresResource['on']
  /** Connected to while databases are made; its database is the maintenance one. */
  target: PostgresTarget
  /** The databases to have, by what they are for. */
  names: Readonly<Partial<Record<DatabasePurpose, string>>>
  renderUrl: (name: string) => string
  chooseTemplate: (server: Server) => Promise<Template>
  /** Those that are to be thrown away and made anew. */
  reset: readonly DatabasePurpose[]
  deadline: Deadline
}

/**
 * Returns which of them were made. Throws `IsolateError`, and `UnreachableError` when the server is out of reach; what was made
 * until then is in the lease.
 */
export async function requireDatabases(request: DatabasesRequest): Promise<DatabasePurpose[]> {
  const { target, open, deadline } = request
  const make = async (server: Server): Promise<DatabasePurpose[]> => {
    await takeAdvisoryLock(server, open.lease.id)
    const made: DatabasePurpose[] = []
    for (const purpose of ['development', 'test'] as const) {
      const name = request.names[purpose]
      if (name !== undefined && (await requireDatabase(server, request, purpose, name))) made.push(purpose)
    }
    return made
  }
  return withServer(target, make, deadline)
}

/** A name that nobody else has, on any machine: people see whose it is, the lease's id makes it unique. At most 63 bytes. */
export function uniqueDatabaseName({ id, name, root }: Pick<Lease, 'id' | 'name' | 'root'>, isTest: boolean): string {
  const repository = wordOf(basename(root)).slice(0, 16)
  const worktree = wordOf(name).slice(0, 22)
  return ['agent', repository, worktree, id.slice(0, 10), ...(isTest ? ['test'] : [])].join('_')
}

function wordOf(text: string): string {
  return slugOf(text).replaceAll('-', '_')
}

/** False when it is there, whole, and not to be reset. */
async function requireDatabase(
  server: Server,
  request: DatabasesRequest,
  purpose: DatabasePurpose,
  name: string,
): Promise<boolean> {
  const { open, on, target, renderUrl, reset } = request
  const resource: PostgresResource = {
    kind: 'postgres',
    purpose,
    url: renderUrl(name),
    on,
    maintenance: target.database,
  }
  const isSame = (one: Resource): boolean =>
    postgresShape.is(one) &&
    one.purpose === purpose &&
    one.on === on &&
    (on !== 'server' || isSamePlace(one.url, resource.url))
  const known = resourcesOf(open.lease, postgresShape).findLast(isSame)
  const current: PostgresResource = known?.isMade ? { ...resource, isMade: true } : resource
  if (known?.url !== resource.url) open.add(current, isSame)
  if (!reset.includes(purpose) && (await isWhole(server, name, current))) return false
  const template = await cloneTemplate(server, request, name)
  const { id, name: worktree, root } = open.lease
  const mark = { kind: 'worktree', ledger: ledgerId(), lease: id, template: template.family } as const
  await markDatabase(server, name, mark, `${worktree} of ${basename(root)}`)
  open.add({ ...resource, isMade: true }, isSame)
  return true
}

/** The same database, perhaps with another user or password. One on another server is still to be released there. */
function isSamePlace(one: string, other: string): boolean {
  const [a, b] = [targetOf(parseDatabaseUrl(one)), targetOf(parseDatabaseUrl(other))]
  return a.host === b.host && a.port === b.port && a.database === b.database
}

/**
 * What was made once is, although a migration may have set another comment, or somebody may have dropped and created it. A
 * container that begins anew has a database of that name of the image's own, and no base yet.
 */
async function isWhole(server: Server, name: string, { on, isMade }: PostgresResource): Promise<boolean> {
  const found = await findDatabase(server, name)
  if (found === undefined || !found.isValid) return false
  if (found.mark !== undefined) return true
  return isMade === true && (on === 'server' || (await findDatabase(server, baseName)) !== undefined)
}

/** A template may be refreshed between our choice and our copy, and anybody may drop one. */
async function cloneTemplate(server: Server, { chooseTemplate }: DatabasesRequest, name: string): Promise<Template> {
  for (let attempt = 1; ; attempt += 1) {
    // First, since a container's own database gives its name up for it.
    const template = await chooseTemplate(server)
    await dropForced(server, name)
    try {
      await cloneDatabase(server, template.name, name)
      return template
    } catch (error) {
      if (!(error instanceof PostgresError) || error.code !== '3D000' || attempt === 3) throw error
    }
  }
}
