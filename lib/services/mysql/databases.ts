/** A worktree's database on a server of MySQL or MariaDB. Its name says whose it is: they know no comments on databases. */
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ownGitFolder } from '../../git/linked-git-dir.ts'
import { slugOf } from '../../git/worktree-name.ts'
import type { Lease } from '../../ledger/lease.ts'
import { ledgerId } from '../../ledger/ledger-id.ts'
import type { Resource } from '../../ledger/resource.ts'
import { noDeadline, type Deadline } from '../../report/deadline.ts'
import type { ServiceRequest } from '../request.ts'
import { prefixFor, servicesOf, serviceShape, type ServiceResource } from '../resources.ts'
import { parseServiceUrl, serverOf, withPath, type ServiceUrl } from '../service-url.ts'
import { dumpInto, runClient } from './program.ts'

/** True when it was made: it is new, and has no migrations yet. Throws `IsolateError`. */
export async function provideOwn(request: ServiceRequest): Promise<boolean> {
  const { url, deadline, open, name } = request
  const { lease } = open
  const isSame = (one: Resource): boolean =>
    serviceShape.is(one) && one.engine === 'mysql' && one.name === name && isOn(one, serverOf(url))
  const known = servicesOf(lease).find(isSame)
  const own = known?.own ?? databaseName(lease)
  const resource: ServiceResource = {
    kind: 'service',
    name,
    engine: 'mysql',
    url: withPath(url, own),
    own,
    prefix: prefixFor(lease, 'mysql'),
  }
  const isWhole = known?.isMade === true && (await listDatabases(url, deadline)).includes(own)
  if (isWhole && known.url === resource.url) return false
  open.add(isWhole ? { ...resource, isMade: true } : resource, isSame)
  if (isWhole) return false
  await make(own, request)
  open.add({ ...resource, isMade: true }, isSame)
  return true
}

/** Drops the lease's own database, and no other. Safe to repeat. Throws `UnreachableError` while the server is out of reach. */
export async function dropOwn(
  lease: Lease,
  { url = '', own = '', name }: ServiceResource,
  deadline: Deadline = noDeadline,
): Promise<void> {
  if (parseName(own)?.lease !== lease.id) return
  await drop(parseServiceUrl('mysql', url, name), own, deadline)
}

/** Databases with this ledger's mark of leases that are not among the known; dropped unless `isDryRun`. */
export async function collectDatabases(
  url: ServiceUrl,
  known: () => ReadonlySet<string>,
  isDryRun: boolean,
): Promise<string[]> {
  const marked = (await listDatabases(url, noDeadline)).map((own) => ({ own, ...parseName(own) }))
  const ids = known()
  const orphans = marked.filter(({ ledger, lease = '' }) => ledger === ledgerMark() && !ids.has(lease))
  if (!isDryRun) for (const { own } of orphans) await drop(url, own, noDeadline)
  return orphans.map(({ own }) => own)
}

/** `agent_<ledger>_<lease>_<worktree>`: 64 characters at most. */
function databaseName({ id, name }: Pick<Lease, 'id' | 'name'>): string {
  return `agent_${ledgerMark()}_${id}_${slugOf(name).replaceAll('-', '_').slice(0, 30)}`
}

function parseName(own: string): { ledger: string; lease: string } | undefined {
  const [, ledger, lease] = /^agent_([0-9a-f]{8})_([0-9a-f]{16})_[a-z0-9_]+$/.exec(own) ?? []
  return ledger === undefined || lease === undefined ? undefined : { ledger, lease }
}

function ledgerMark(): string {
  return ledgerId().slice(0, 8)
}

async function listDatabases(url: ServiceUrl, deadline: Deadline): Promise<string[]> {
  return (await runClient(url, deadline, { input: "SHOW DATABASES LIKE 'agent\\_%'" })).split('\n')
}

/** Ours alone: the name has no character that would have to be quoted. */
async function drop(url: ServiceUrl, own: string, deadline: Deadline): Promise<void> {
  await runClient(url, deadline, { input: `DROP DATABASE IF EXISTS \`${own}\`` })
}

/** With what a killed process has left of it gone, and with main's character set and collation. */
async function make(own: string, { url, config, deadline, open, reporter }: ServiceRequest): Promise<void> {
  await drop(url, own, deadline)
  const main = url.path.replaceAll('\\', '\\\\').replaceAll("'", "''")
  const columns = "CONCAT('CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', DEFAULT_COLLATION_NAME)"
  const where = `FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '${main}'`
  const form = await runClient(url, deadline, { input: `SELECT ${columns} ${where}` })
  await runClient(url, deadline, { input: `CREATE DATABASE \`${own}\` ${form}` })
  if (!config.isSeeded) return
  await copy(url, own, open.lease, deadline)
  reporter.info(`mysql: a copy of ${url.path} on ${serverOf(url)}`)
}

/** By way of a file, so that a dump that fails half-way is never read in. It lies where git does not see it, readable by its owner alone. */
async function copy(url: ServiceUrl, own: string, { worktree }: Lease, deadline: Deadline): Promise<void> {
  const folder = ownGitFolder(worktree)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${own}.sql`)
  rmSync(path, { force: true })
  const file = openSync(path, 'wx+', 0o600)
  try {
    await dumpInto(path, url.path, url, deadline)
    await runClient(url, deadline, { inputFile: file }, [`--database=${own}`])
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}

function isOn({ url = '', name }: ServiceResource, server: string): boolean {
  return serverOf(parseServiceUrl('mysql', url, name)) === server
}
