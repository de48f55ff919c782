/**
 * A worktree's databases on a server, wherever that is: each a clone of a template, written down before it is made, marked
 * when it is whole. What a killed process left without a mark is made anew.
 */
import { basename } from 'node:path'
import { ledgerId } from '../ledger-id.ts'
import type { Lease, PostgresResource, Resource } from '../lease.ts'
import type { OpenLease } from '../open-lease.ts'
import { slugOf } from '../worktree-name.ts'
import { PostgresError, type PostgresTarget } from './connection.ts'
import { parseDatabaseUrl, targetOf } from './database-url.ts'
import { cloneDatabase, dropForced, findDatabase, markDatabase } from './databases.ts'
import type { Template } from './private-template.ts'
import { takeAdvisoryLock, withServer, type Server } from './server.ts'

export type DatabasesRequest = {
  open: OpenLease
  on: PostgresResource['on']
  /** Connected to while databases are made; its database is the maintenance one. */
  target: PostgresTarget
  /** The databases to have, by what they are for. */
  names: Readonly<Partial<Record<'development' | 'test', string>>>
  renderUrl: (name: string) => string
  chooseTemplate: (server: Server) => Promise<Template>
  /** Those that are to be thrown away and made anew. */
  reset: readonly ('development' | 'test')[]
}

/** Throws `IsolateError`, and `UnreachableError` when the server is; what was made until then is in the lease. */
export async function requireDatabases(request: DatabasesRequest): Promise<void> {
  const { target, open } = request
  await withServer(target, async (server) => {
    await takeAdvisoryLock(server, open.lease.id)
    for (const purpose of ['development', 'test'] as const) {
      const name = request.names[purpose]
      if (name !== undefined) await requireDatabase(server, request, purpose, name)
    }
  })
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

async function requireDatabase(
  server: Server,
  request: DatabasesRequest,
  purpose: 'development' | 'test',
  name: string,
): Promise<void> {
  const { open, on, target, renderUrl, reset } = request
  const resource: Resource = { kind: 'postgres', purpose, url: renderUrl(name), on, maintenance: target.database }
  const isSame = (one: Resource): boolean =>
    one.kind === 'postgres' &&
    one.purpose === purpose &&
    one.on === on &&
    (on !== 'server' || isSamePlace(one.url, resource.url))
  const known = open.lease.resources.find((one) => isSame(one) && one.kind === 'postgres' && one.url === resource.url)
  if (known === undefined) open.add(resource, isSame)
  if (!reset.includes(purpose) && (await isWhole(server, name, on))) return
  const template = await cloneTemplate(server, request, name)
  const { id, name: worktree, root } = open.lease
  const mark = { kind: 'worktree', ledger: ledgerId(), lease: id, template: template.family } as const
  await markDatabase(server, name, mark, `${worktree} of ${basename(root)}`)
}

/** The same database, perhaps with another user or password. One on another server is still to be given back there. */
function isSamePlace(one: string, other: string): boolean {
  const [a, b] = [targetOf(parseDatabaseUrl(one)), targetOf(parseDatabaseUrl(other))]
  return a.host === b.host && a.port === b.port && a.database === b.database
}

/** A migration may have set a comment of its own. In a container the image's own database may have one from the start. */
async function isWhole(server: Server, name: string, on: PostgresResource['on']): Promise<boolean> {
  const found = await findDatabase(server, name)
  return found !== undefined && found.isValid && (found.mark !== undefined || (on === 'server' && found.hasComment))
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
