/** A PostgreSQL server in a container: for one worktree, or for all of a repository. It is there, and it answers, or nothing is. */
import { randomBytes } from 'node:crypto'
import {
  findContainerState,
  lastLogLines,
  removeContainer,
  runContainer,
  startStoppedContainer,
  type StartResult,
} from '../../../docker/container.ts'
import { currentEngine, findEngineHost, type Engine } from '../../../docker/engine.ts'
import { describingLabels, leaseLabels } from '../../../docker/labels.ts'
import { createVolume, removeVolume } from '../../../docker/volume.ts'
import { digestOf } from '../../../files/digest.ts'
import { slugOf } from '../../../git/worktree-name.ts'
import { resourceOf } from '../../../ledger/kind.ts'
import type { Lease } from '../../../ledger/lease.ts'
import type { OpenLease } from '../../../ledger/open-lease.ts'
import { isPortFree, sparePorts } from '../../../ledger/ports.ts'
import type { PostgresDockerConfig } from '../../../project/config.ts'
import { noDeadline, timeLimit, type Deadline } from '../../../report/deadline.ts'
import { IsolateError } from '../../../report/isolate-error.ts'
import type { Reporter } from '../../../report/reporter.ts'
import { PostgresError, type PostgresTarget } from '../client/connection.ts'
import { answers, refuses, waitUntilReady, type Patience } from '../client/wait-until-ready.ts'
import { type ContainerResource, containerShape, type ServerLogin } from '../resources.ts'
import { explainServerError } from '../server/server.ts'

/** The database that we are connected to while we make others in a container: never the one that is the project's own. */
export function maintenanceDatabase({ database }: Pick<ContainerResource, 'database'>): string {
  return database === 'postgres' ? 'template1' : 'postgres'
}

export function targetIn(server: ServerLogin, database: string): PostgresTarget {
  return { ...server, database, ssl: 'disable' }
}

/**
 * The lease's container, made or started where it does not run; when this returns, a client gets in. `folder` is where the
 * engine's program is run, so that one that outlives us is found. Throws `IsolateError`; the container is the lease's to
 * release then.
 */
export async function requireContainer(
  config: PostgresDockerConfig,
  open: OpenLease,
  place: Place,
): Promise<ContainerResource> {
  const known = resourceOf(open.lease, containerShape)
  if (known !== undefined && (await isAnswering(known))) return known
  const isBack = known !== undefined && (await startAgain(open.lease, known))
  const container = isBack ? known : await runOnFreePort(config, open, await claimContainer(config, open, known), place)
  await requireReady(config, container, place.deadline)
  return container
}

/**
 * True when our password opens it and another one does not: whatever lets everybody in is not what we have made, though it has
 * the port.
 */
export async function isAnswering(container: ContainerResource): Promise<boolean> {
  try {
    const target = targetIn(container.server, maintenanceDatabase(container))
    return (await answers(target)) && (await refuses({ ...target, password: randomBytes(16).toString('hex') }))
  } catch (error) {
    if (error instanceof PostgresError) return false
    throw error
  }
}

/** Removes the container and its data. Safe to repeat. Throws as `docker` where the engine is out of reach. */
export async function removeLeaseContainer(
  lease: Lease,
  { name, engine, volume }: ContainerResource,
  deadline: Deadline = noDeadline,
): Promise<void> {
  const labels = leaseLabels(lease)
  await removeContainer(engine, name, labels, timeLimit(deadline))
  if (volume !== undefined) await removeVolume(engine, volume, labels, timeLimit(deadline))
}

/** An engine that is out of reach is found out before anything is written down: nothing is left to release later then. */
async function claimContainer(
  config: PostgresDockerConfig,
  open: OpenLease,
  known: ContainerResource | undefined,
): Promise<ContainerResource> {
  const engine = known?.engine ?? currentEngine()
  const { host } = await findEngineHost(engine)
  const fresh = planContainer(config, open.lease, { engine, host })
  // One that is made again is found where its databases' URLs say.
  const { user } = fresh.server
  const planned = known === undefined ? fresh : { ...fresh, ...volumeOf(known), server: { ...known.server, user } }
  await findContainerState(engine, planned.name)
  open.add(planned, ({ kind }) => kind === 'container')
  return planned
}

/** It is the lease's to release, whatever the config says now. */
function volumeOf({ volume }: ContainerResource): Pick<ContainerResource, 'volume'> {
  return volume === undefined ? {} : { volume }
}

function planContainer(
  config: PostgresDockerConfig,
  lease: Lease,
  { engine, host }: { engine: Engine; host: string },
): ContainerResource {
  const port = lease.ports['db']
  if (port === undefined) throw new Error(`the lease ${lease.id} has no port "db"`)
  // The slug is for people, the id makes it unique on the engine.
  const name = `db-${slugOf(lease.name).slice(0, 40)}-${lease.id.slice(0, 8)}`
  return {
    kind: 'container',
    name,
    engine,
    ...(config.storage === 'volume' ? { volume: name } : {}),
    server: { host, port, user: config.user, password: randomBytes(16).toString('hex') },
    database: config.name,
    settings: hashSettings(config),
  }
}

function hashSettings({ image, name, user, storage, runArgs }: PostgresDockerConfig): string {
  return digestOf(JSON.stringify([image, name, user, storage, runArgs]), 16)
}

/** A container is what it was made as: a change of the config is for the next one. */
export function warnOfOldSettings(
  { name, settings }: ContainerResource,
  config: PostgresDockerConfig,
  reporter: Reporter,
): void {
  if (settings === hashSettings(config)) return
  reporter.warn(
    `the container ${name} was made with other settings ("database" in agent-isolate.json has changed). For the new ones: docker rm -f -v ${name}; agent-isolate setup`,
  )
}

/** False when there is none of ours, or none any more: a container keeps its port for life, and that may have been taken. */
async function startAgain(lease: Lease, { engine, name }: ContainerResource): Promise<boolean> {
  const own = leaseLabels(lease)
  const result = await startStoppedContainer(engine, name, own)
  if (result === 'port taken') await removeContainer(engine, name, own)
  return result === 'started'
}

/** Where the engine's program is run, who is told what it does, and when it must have ended. */
export type Place = { folder: string; reporter: Reporter; deadline: Deadline }

/** A port that was free when it was leased may have been taken since: then it is another of the lease's ten. */
async function runOnFreePort(
  config: PostgresDockerConfig,
  open: OpenLease,
  planned: ContainerResource,
  place: Place,
): Promise<ContainerResource> {
  const ports = [planned.server.port, ...sparePorts(open.lease)]
  for (const port of ports) {
    const resource = { ...planned, server: { ...planned.server, port } }
    if (port !== planned.server.port) {
      if (!(await isPortFree(port))) continue
      place.reporter.info(`database: port ${planned.server.port} is taken, ${port} is tried`)
      open.update({ ports: { ...open.lease.ports, db: port } })
      open.add(resource, ({ kind }) => kind === 'container')
    }
    if ((await start(config, open.lease, resource, place)) === 'started') return resource
  }
  throw new IsolateError(`all ports of the lease are taken: ${ports.join(', ')}`, {
    hint: 'See who listens there (agent-isolate whois PORT), or set another "ports.range" in agent-isolate.json.',
  })
}

async function start(
  config: PostgresDockerConfig,
  lease: Lease,
  resource: ContainerResource,
  { folder, reporter, deadline }: Place,
): Promise<StartResult> {
  const { name, engine, volume, server } = resource
  const labels = { ...leaseLabels(lease), ...describingLabels(lease) }
  if (volume !== undefined) await createVolume(engine, volume, labels, { cwd: folder })
  const { isLocal } = await findEngineHost(engine)
  return runContainer(engine, {
    name,
    image: config.image,
    labels,
    // On another machine loopback would be that machine's.
    publish: { address: isLocal ? '127.0.0.1' : undefined, hostPort: server.port, containerPort: 5432 },
    environment: {
      POSTGRES_USER: server.user,
      POSTGRES_PASSWORD: server.password,
      POSTGRES_DB: config.name,
      // A place of our own: since 18 the image declares another volume than before.
      PGDATA: `${dataFolder}/data`,
      POSTGRES_INITDB_ARGS: '--no-sync',
    },
    ...(volume === undefined ? { tmpfs: dataFolder } : { volume: { name: volume, path: dataFolder } }),
    // docker's 64 MB are too few for parallel queries.
    extraArgs: ['--shm-size=256m', ...config.runArgs],
    command: ['postgres', ...serverSettings(config)],
    cwd: folder,
    reporter,
    deadline,
  })
}

const dataFolder = '/agent-isolate'

function serverSettings({ storage, isolation }: PostgresDockerConfig): string[] {
  // What is in memory does not survive a crash anyway (postgresql.org/docs/current/non-durability.html).
  const memory = storage === 'memory' ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []
  // The pools of twenty worktrees.
  const shared = isolation === 'database' ? ['max_connections=500'] : []
  return [...memory, ...shared].flatMap((setting) => ['-c', setting])
}

async function requireReady(
  { startTimeoutMs }: PostgresDockerConfig,
  resource: ContainerResource,
  deadline: Deadline,
): Promise<void> {
  const limitMs = deadline.remainingMs(startTimeoutMs)
  const { engine, name, server } = resource
  const target = targetIn(server, maintenanceDatabase(resource))
  const requireAlive = async (): Promise<void> => {
    const state = await findContainerState(engine, name)
    if (state?.isRunning) return
    const reason = state === undefined ? 'was removed' : `ended with exit code ${state.exitCode}`
    const memory = state?.isOutOfMemory ? ', for want of memory' : ''
    throw new IsolateError(`the container ${name} ${reason}${memory} while it started${await quoteLog(engine, name)}`, {
      hint: 'See "image" and "runArgs" of "database" in agent-isolate.json; try them by hand with docker run.',
    })
  }
  if (await isLetIn(resource, target, { limitMs, requireAlive })) return
  await requireAlive()
  throw new IsolateError(
    `the container ${name} did not let a client in within ${Math.round(limitMs / 1000)} s${await quoteLog(engine, name)}`,
    { hint: 'Where it only needs longer, raise "database.startTimeoutSeconds" in agent-isolate.json.' },
  )
}

/** As `waitUntilReady`, with what no waiting fixes put for people. */
async function isLetIn({ name }: ContainerResource, target: PostgresTarget, patience: Patience): Promise<boolean> {
  try {
    return await waitUntilReady(target, patience)
  } catch (error) {
    if (!(error instanceof PostgresError) || !error.code.startsWith('28')) throw explainServerError(error, target)
    throw new IsolateError(`the container ${name} refuses the login that it was made with: ${error.message}`, {
      hint: `See "runArgs" in agent-isolate.json. If its password was changed: docker rm -f -v ${name}; agent-isolate setup`,
      cause: error,
    })
  }
}

async function quoteLog(engine: Engine, name: string): Promise<string> {
  const lines = await lastLogLines(engine, name, 12)
  return lines.length === 0 ? '' : `:\n    ${lines.join('\n    ')}`
}
