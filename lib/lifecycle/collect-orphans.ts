/**
 * Containers, volumes and databases that carry the mark of this machine's ledger, and that no lease knows of: a ledger file
 * was lost, or a program outlived its killed parent. What bears no mark, or another ledger's, is never touched.
 */
import { composeKind } from '../compose/kind.ts'
import { PostgresError, type PostgresTarget } from '../database/postgres/client/connection.ts'
import { describeTarget, parseDatabaseUrl, targetOf } from '../database/postgres/client/database-url.ts'
import { containerShape, postgresShape } from '../database/postgres/resources.ts'
import { dropDatabase, listMarkedDatabases } from '../database/postgres/server/databases.ts'
import { dropUnusedTemplates } from '../database/postgres/server/private-template.ts'
import { requireServerUrl } from '../database/postgres/server/server-url.ts'
import { withServer } from '../database/postgres/server/server.ts'
import { removeContainer } from '../docker/container.ts'
import { currentEngine, withoutPassword, type Engine } from '../docker/engine.ts'
import { listLabelled } from '../docker/labelled.ts'
import { ledgerLabels } from '../docker/labels.ts'
import { removeVolume } from '../docker/volume.ts'
import { findRepository } from '../git/repository.ts'
import { resourcesOf } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import { hasLedgerId, ledgerId } from '../ledger/ledger-id.ts'
import { loadLedger } from '../ledger/ledger.ts'
import { loadProject } from '../project/project.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import { UnreachableError } from '../report/unreachable-error.ts'
import { collectOnSharedServer, sharedServers, type SharedServer } from './collect-service-orphans.ts'

export type Orphan = {
  kind: 'container' | 'volume' | 'database'
  name: string
  /** The engine or the server, for people. */
  place: string
  outcome: 'planned' | 'done' | 'failed'
  failure?: unknown
}

export type OrphanOptions = { cwd: string; isDryRun: boolean; reporter: Reporter }

/** Looks at the current engine and the server that the repository of `cwd` names, and at all that `leases` have used. */
export async function collectOrphans(leases: readonly Lease[], options: OrphanOptions): Promise<Orphan[]> {
  const { cwd, isDryRun, reporter } = options
  const orphans: Orphan[] = []
  // Nothing has ever been made elsewhere: no engine and no server needs to be asked.
  if (!hasLedgerId()) return orphans
  for (const engine of enginesOf(leases)) {
    orphans.push(...(await orNone(reporter, () => collectOnEngine(engine, isDryRun))))
  }
  for (const target of [...serversOf(leases), ...(await configuredServer(cwd))].filter(isFirstOfItsKind)) {
    orphans.push(...(await orNone(reporter, () => collectOnServer(target, isDryRun))))
  }
  for (const server of await sharedServers(leases, cwd)) {
    orphans.push(...(await orNone(reporter, () => collectShared(server, isDryRun))))
  }
  return orphans
}

async function collectShared(server: SharedServer, isDryRun: boolean): Promise<Orphan[]> {
  const names = await collectOnSharedServer(server, isDryRun)
  const { engine, place } = server
  return names.map((name) => ({
    kind: 'database',
    name: `${engine} ${name}`,
    place,
    outcome: isDryRun ? 'planned' : 'done',
  }))
}

/** Where nothing answers, nothing can be found; what leases have there has been reported with them. */
async function orNone(reporter: Reporter, collect: () => Promise<Orphan[]>): Promise<Orphan[]> {
  try {
    return await collect()
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    if (!(error instanceof UnreachableError)) reporter.warn(error.message)
    return []
  }
}

function enginesOf(leases: readonly Lease[]): Engine[] {
  const used = leases.flatMap((lease) =>
    [...resourcesOf(lease, containerShape), ...resourcesOf(lease, composeKind)].map(({ engine }) => engine),
  )
  return [currentEngine(), ...used].filter(isFirstOfItsKind)
}

function serversOf(leases: readonly Lease[]): PostgresTarget[] {
  return leases
    .flatMap((lease) => resourcesOf(lease, postgresShape))
    .filter(({ on }) => on === 'server')
    .map(({ url, maintenance }) => ({ ...targetOf(parseDatabaseUrl(url)), database: maintenance }))
}

function isFirstOfItsKind<T>(value: T, index: number, all: readonly T[]): boolean {
  const text = JSON.stringify(value)
  return all.findIndex((other) => JSON.stringify(other) === text) === index
}

/** The one that a trusted repository names; none where its config cannot be read, or its URL not be made out, just now. */
async function configuredServer(cwd: string): Promise<PostgresTarget[]> {
  try {
    if ((await findRepository(cwd)) === undefined) return []
    const { repository, config, isTrusted } = await loadProject(cwd)
    const { database } = config
    if (database.provider !== 'postgres-server' || !isTrusted) return []
    return [{ ...targetOf(requireServerUrl(repository.source, config, database)), database: database.maintenance }]
  } catch (error) {
    if (error instanceof IsolateError) return []
    throw error
  }
}

/** An engine that is there lists within a second. */
const listingMs = 10_000

async function collectOnEngine(engine: Engine, isDryRun: boolean): Promise<Orphan[]> {
  const orphans: Orphan[] = []
  const place = engine.host === undefined ? (engine.context ?? 'docker') : withoutPassword(engine.host)
  // Containers first: a volume in use stays.
  for (const kind of ['container', 'volume'] as const) {
    const found = await listLabelled(engine, kind, ledgerLabels(), { timeoutMs: listingMs })
    for (const { name, labels } of withoutLease(found, ({ labels: its }) => its['agent-isolate.lease'])) {
      const own = { ...ledgerLabels(), 'agent-isolate.lease': labels['agent-isolate.lease'] ?? '' }
      const remove = kind === 'container' ? removeContainer : removeVolume
      orphans.push(await collectOne({ kind, name, place }, isDryRun, () => remove(engine, name, own)))
    }
  }
  return orphans
}

async function collectOnServer(target: PostgresTarget, isDryRun: boolean): Promise<Orphan[]> {
  return withServer(target, async (server) => {
    const orphans: Orphan[] = []
    const place = describeTarget(target)
    const marked = await listMarkedDatabases(server)
    const own = marked.flatMap(({ name, mark }) =>
      mark?.kind === 'worktree' && mark.ledger === ledgerId() ? [{ name, lease: mark.lease }] : [],
    )
    for (const { name, lease } of withoutLease(own, (one) => one.lease)) {
      orphans.push(
        await collectOne({ kind: 'database', name, place }, isDryRun, () => dropDatabase(server, name, lease)),
      )
    }
    if (!isDryRun) await dropUnusedTemplates(server)
    return orphans
  })
}

/** The ledger is read after the list was made: a lease is always there before what it stands for. */
function withoutLease<T>(found: readonly T[], leaseOf: (one: T) => string | undefined): T[] {
  const known = new Set(loadLedger().leases.map(({ id }) => id))
  return found.filter((one) => !known.has(leaseOf(one) ?? ''))
}

async function collectOne(
  orphan: Pick<Orphan, 'kind' | 'name' | 'place'>,
  isDryRun: boolean,
  remove: () => Promise<unknown>,
): Promise<Orphan> {
  if (isDryRun) return { ...orphan, outcome: 'planned' }
  try {
    await remove()
    return { ...orphan, outcome: 'done' }
  } catch (failure) {
    if (!(failure instanceof IsolateError || failure instanceof PostgresError)) throw failure
    return { ...orphan, outcome: 'failed', failure }
  }
}
