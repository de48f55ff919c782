/** What the databases in a container are cloned from: the image's own database, sealed, and a copy of it with the seed in it. */
import { type Seed } from '../../../project/seed.ts'
import type { Deadline } from '../../../report/deadline.ts'
import type { Reporter } from '../../../report/reporter.ts'
import { quoteIdentifier } from '../client/sql-quoting.ts'
import type { ContainerResource } from '../resources.ts'
import {
  cloneDatabase,
  dropForced,
  findDatabase,
  listMarkedDatabases,
  markDatabase,
  sealDatabase,
} from '../server/databases.ts'
import type { Template } from '../server/private-template.ts'
import { takeAdvisoryLock, type Server } from '../server/server.ts'
import { runSeedFile } from './run-seed.ts'

/** The image's database as its own scripts left it. */
export const baseName = 'agent_base'

export type ContainerTemplateRequest = {
  container: ContainerResource
  seed: Seed
  /** Runs the seed's command with that database as DATABASE_URL. Throws `IsolateError`. */
  runCommand: (command: string, database: string) => Promise<void>
  folder: string
  reporter: Reporter
  deadline: Deadline
}

/** Makes what is not there yet. A template counts once it is marked: one that was left half-made is made anew. */
export async function requireContainerTemplate(server: Server, request: ContainerTemplateRequest): Promise<Template> {
  const { seed, reporter } = request
  await takeAdvisoryLock(server, 'templates of this container')
  await requireBase(server, request.container.database)
  if (seed.hash === '') return { name: baseName, family: '' }
  const family = seed.hash.slice(0, 12)
  const name = `agent_seed_${family}`
  if ((await findDatabase(server, name))?.mark !== undefined) return { name, family: '' }
  await dropForced(server, name)
  await cloneDatabase(server, baseName, name)
  await fill(name, request)
  await sealDatabase(server, name)
  await markDatabase(server, name, { kind: 'template', family }, 'the seed')
  reporter.info(`database: seeded from ${describeSeed(seed)}`)
  await dropOtherSeeds(server, name)
  return { name, family: '' }
}

/** Seeds that have been changed since. Nobody clones them now: whoever does has the lock. */
async function dropOtherSeeds(server: Server, newest: string): Promise<void> {
  const templates = (await listMarkedDatabases(server)).filter(({ mark }) => mark?.kind === 'template')
  for (const { name } of templates.filter((one) => one.name !== newest)) await dropForced(server, name)
}

/**
 * The one that the image made has the name of the project's, which is to be a worktree's own. Sealed before it gives the
 * name up: programs that wait for a container to come back are in it at once.
 */
async function requireBase(server: Server, name: string): Promise<void> {
  if ((await findDatabase(server, baseName)) === undefined) {
    await sealDatabase(server, name)
    await server.connection.query(`ALTER DATABASE ${quoteIdentifier(name)} RENAME TO ${quoteIdentifier(baseName)}`)
  }
  await sealDatabase(server, baseName)
}

async function fill(
  database: string,
  { container, seed, runCommand, folder, deadline }: ContainerTemplateRequest,
): Promise<void> {
  const { engine, name, server } = container
  for (const file of seed.files) {
    await runSeedFile(file, { engine, container: name, user: server.user, database, folder, deadline })
  }
  if (seed.command !== undefined) await runCommand(seed.command, database)
}

function describeSeed({ files, command }: Seed): string {
  const names = files.length === 1 ? files[0] : `${files.length} files`
  if (command === undefined) return names ?? ''
  return files.length === 0 ? `"${command}"` : `${names} and "${command}"`
}
