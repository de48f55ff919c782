/**
 * Puts into a checked-out worktree what git does not: context files, dependencies, database, environment. Can be done
 * again at any time: what is there stays, what is missing comes.
 */
import { composeProject, planCompose, composeKind } from '../compose/kind.ts'
import { findContext, type ContextPaths } from '../context/context-files.ts'
import { copyIntoWorktree } from '../context/copy-files.ts'
import { planContext } from '../context/kind.ts'
import { createDatabases, type DatabaseOptions } from '../database/database.ts'
import { planSqlite, sqliteKind } from '../database/sqlite/kind.ts'
import { applyDependencies } from '../dependencies/apply-dependencies.ts'
import { decideDependencies } from '../dependencies/decide-dependencies.ts'
import type { DependencyDecision } from '../dependencies/dependency-plan.ts'
import { planDependencies } from '../dependencies/kind.ts'
import { isRewritable } from '../environment/carry-files.ts'
import { removeEnvFile } from '../environment/env-file.ts'
import { environmentOf, writeEnvironment, writeShellEnvironment } from '../environment/environment.ts'
import { envFilesOf, formerEnvFiles, planEnvironment } from '../environment/kind.ts'
import { templatePortNames } from '../environment/templates.ts'
import { excludePaths, findNotIgnored } from '../git/exclude.ts'
import { findOwnHooksFolder } from '../git/hooks-folder.ts'
import { findBlockingRules } from '../git/ignore-rules.ts'
import { ownGitFolder, worktreePlace } from '../git/linked-git-dir.ts'
import { sourcePlace } from '../git/repository.ts'
import { resourcesOf, resourceOf } from '../ledger/kind.ts'
import { assignLeasePorts } from '../ledger/lease-ports.ts'
import type { Lease } from '../ledger/lease.ts'
import { saveLease } from '../ledger/ledger.ts'
import { markWorktree } from '../ledger/mark.ts'
import type { Resource } from '../ledger/resource.ts'
import { composePortNames } from '../project/compose-ports.ts'
import type { Config } from '../project/config.ts'
import type { Project, ProjectFiles } from '../project/project.ts'
import { sqliteFiles } from '../project/sqlite-config.ts'
import { noDeadline, type Deadline } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { Reporter } from '../report/reporter.ts'
import type { Stopwatch } from '../report/stopwatch.ts'
import { provideServices } from '../services/provide.ts'
import { excludeKind } from './git-kinds.ts'
import { keptPorts, kindOf } from './kinds.ts'
import { runSeedCommand } from './project-commands.ts'

/** `deadline`: the one that every wait and every program on the way has. */
export type Tools = { reporter: Reporter; stopwatch: Stopwatch; deadline: Deadline }

/** Names of ports, beside `app`, that the config or the template asks for; first the one of a container. */
export function requiredPortNames(project: ProjectFiles, worktree?: string): string[] {
  const { ports, database, compose } = project.config
  const own = database.provider === 'postgres-docker' && database.isolation === 'container' ? ['db'] : []
  const services = composePortNames(compose.ports).map(({ name }) => name)
  const named = [...ports.names, ...Object.values(ports.remap), ...templatePortNames(project, worktree)]
  return [...new Set([...own, ...services, ...named])].filter((name) => name !== 'app')
}

/** `lease` with the resources and ports that were added to it; `hasNewDatabase` when one was made on a server. */
export type Prepared = { lease: Lease; hasNewDatabase: boolean }

/** What is to be made: all of it is in `lease`, which is saved. `paths`: what comes along from the main checkout. */
type Preparation = { lease: Lease; decisions: readonly DependencyDecision[]; paths: readonly string[] }

/** The lease is saved before any of its resources is made. */
export async function prepareWorktree(project: Project, given: Lease, tools: Tools): Promise<Prepared> {
  markWorktree(given)
  const preparation = await planPreparation(project, given, tools)
  const databases = await makeFilesAndDatabases(project, preparation, tools)
  const { reporter, stopwatch, deadline } = tools
  const services = await stopwatch.measure('services', () =>
    provideServices(project, databases.lease, { reporter, deadline }),
  )
  const { lease } = services
  await stopwatch.measure('environment', () =>
    writeEnvironment(project, lease, reporter, preparation.paths.filter(isRewritable)),
  )
  if (resourceOf(lease, composeKind) !== undefined) {
    await stopwatch.measure('compose', () => isolateCompose(project, lease, reporter))
  }
  return { lease, hasNewDatabase: databases.isNew || services.isNew }
}

async function planPreparation(project: Project, given: Lease, tools: Tools): Promise<Preparation> {
  const { reporter, stopwatch, deadline } = tools
  const { config, repository, isTrusted } = project
  const { source, commonDir } = repository
  const { worktree } = given
  const lease = releaseFormerEnvFiles(project, given, reporter)
  const [decisions, found] = await Promise.all([
    source === undefined ? [] : decideDependencies({ source, worktree, strategies: config.dependencies, isTrusted }),
    stopwatch.measure('context list', () => listContext(project, lease, reporter)),
  ])
  const added = await planResources(project, lease, decisions)
  const ignored = added.flatMap((resource) => kindOf(resource).ignored?.(resource) ?? [])
  const { ignorable, left } = await planIgnored(project, worktree, ignored, found.carried)
  const needsExclude = ignorable.length > 0 && resourceOf(lease, excludeKind) === undefined
  const exclude: Resource[] = needsExclude ? [{ kind: 'exclude' }] : []
  const ports = await assignLeasePorts(lease, requiredPortNames(project, worktree), keptPorts(lease))
  const planned: Lease = { ...lease, ports, resources: [...lease.resources, ...exclude, ...added] }
  saveLease(planned)
  if (ignorable.length > 0) await excludePaths(commonDir, ignorable, { reporter, deadline })
  return { lease: planned, decisions, paths: found.paths.filter((path) => !left.includes(path)) }
}

/** All at once; of the three the databases alone write to the lease. */
async function makeFilesAndDatabases(
  project: Project,
  { lease, decisions, paths }: Preparation,
  { reporter, stopwatch, deadline }: Tools,
): ReturnType<typeof createDatabases> {
  const { source } = project.repository
  const { worktree } = lease
  const gitFolder = ownGitFolder(worktree)
  const context = stopwatch.measure('context files', async () => {
    const plain = paths.filter((path) => !isRewritable(path))
    if (source !== undefined) await copyIntoWorktree({ source, worktree, gitFolder, paths: plain, reporter })
  })
  const dependencies = stopwatch.measure('dependencies', async () => {
    if (source !== undefined) await applyDependencies({ source, worktree, gitFolder, decisions, reporter, deadline })
  })
  const awaitFiles = async (known: Lease): Promise<void> => {
    await allOrFirstError([context, dependencies])
    // What there is to warn of is said when all is there.
    const quiet = { ...reporter, warn: () => undefined }
    await writeEnvironment(project, known, quiet, paths.filter(isRewritable))
  }
  const databases = stopwatch.measure('database', () =>
    createDatabases(project, lease, databaseOptions(project, { reporter, deadline }, awaitFiles)),
  )
  await allOrFirstError([context, dependencies, databases])
  return databases
}

/** The main checkout's config names other env files now. */
function releaseFormerEnvFiles({ config }: Project, lease: Lease, reporter: Reporter): Lease {
  const former = formerEnvFiles(lease, config.environment)
  for (const { inner } of former) {
    removeEnvFile(lease.worktree, inner)
    reporter.info(`${inner} is released: agent-isolate.json names it no more`)
  }
  return { ...lease, resources: lease.resources.filter((resource) => !former.some((one) => one === resource)) }
}

/** What comes from the main checkout, or came from it. Databases and the env files with our block are made by other parts. */
async function listContext({ config, repository }: Project, lease: Lease, reporter: Reporter): Promise<ContextPaths> {
  const { source } = repository
  if (source === undefined) return { paths: [], carried: [] }
  const { environment, copy } = config
  const leaveOut = [...databaseFiles(config, lease), ...envFilesOf(environment)]
  const carry = environment.carry ? environment : undefined
  const hooks = findOwnHooksFolder(repository)
  return findContext({ source, place: sourcePlace(repository), copy, hooks, leaveOut, carry, reporter })
}

/**
 * `ignorable`: what git is to be told to ignore. `left`: env files that git ignores neither here nor in the main checkout:
 * new ones, which somebody is about to commit there.
 */
async function planIgnored(
  { repository }: Project,
  worktree: string,
  ignored: readonly string[],
  carried: readonly string[],
): Promise<{ ignorable: string[]; left: string[] }> {
  const shown = await findNotIgnored(worktreePlace(worktree), [...ignored, ...carried])
  const strange = shown.filter((path) => carried.includes(path))
  const isReadable = repository.source !== undefined && findBlockingRules(repository.source) === undefined
  const left = strange.length > 0 && isReadable ? await findNotIgnored(sourcePlace(repository), strange) : [...strange]
  return { ignorable: shown.filter((path) => !left.includes(path)), left }
}

/** After the env file is there: compose may read it. What compose is asked to read may lead anywhere, so it takes trust. */
async function isolateCompose(project: Project, lease: Lease, reporter: Reporter): Promise<void> {
  const { config, repository, isTrusted } = project
  const { ports } = config.compose
  if (Object.keys(ports).length === 0) return
  if (!isTrusted)
    return reporter.warn(notTrusted('"compose.ports" has no effect', 'its compose files', lease.worktree).text)
  const { writeComposeOverride } = await import('../compose/override.ts')
  const { NoComposeError } = await import('../compose/program.ts')
  try {
    const override = await writeComposeOverride({
      worktree: lease.worktree,
      source: repository.source,
      project: composeProject(lease),
      ports,
      leased: lease.ports,
      exported: environmentOf(project, lease).exported,
    })
    for (const warning of override?.warnings ?? []) reporter.warn(warning)
  } catch (error) {
    // Who cannot start the services has no clash of their ports, and may well work without them.
    if (!(error instanceof NoComposeError)) throw error
    reporter.warn(
      `the services of the compose file have no ports of their own here: ${error.message}. ${error.hint ?? ''}`,
    )
  }
  writeShellEnvironment(lease, environmentOf(project, lease))
}

/** A seed's command is a set-up command: it may need the dependencies, and the files that git does not have. */
export function databaseOptions(
  project: Project,
  { reporter, deadline = noDeadline }: Partial<Pick<Tools, 'deadline'>> & Pick<Tools, 'reporter'>,
  awaitFiles: (lease: Lease) => Promise<void> = async () => undefined,
): DatabaseOptions {
  return {
    reporter,
    deadline,
    runSeedCommand: async (command, lease) => {
      await awaitFiles(lease)
      const failure = await runSeedCommand(project, lease, command, { reporter, deadline })
      if (failure !== undefined) {
        throw new IsolateError(failure, { hint: 'Fix "database.seedCommand" in agent-isolate.json, then try again.' })
      }
    },
  }
}

/** What is missing of all that is planned before anything is made; what is on engines and servers is written down as it comes. */
async function planResources(
  { config }: Project,
  lease: Lease,
  decisions: readonly DependencyDecision[],
): Promise<Resource[]> {
  return [
    ...planDependencies(lease, decisions),
    ...planContext(lease),
    ...planSqlite(lease, config),
    ...planCompose(lease, config),
    ...(await planEnvironment(lease, config.environment)),
  ]
}

/** Databases are made by another part, and the seed of a file belongs to the main checkout. */
function databaseFiles({ database }: Config, lease: Lease): string[] {
  const own = resourcesOf(lease, sqliteKind).map(({ inner }) => inner)
  if (database.provider !== 'sqlite') return own
  return [...own, ...sqliteFiles(database).flatMap(({ seed }) => seed ?? [])]
}

/** Waits for all, so that a failure never leaves one of them still writing into what is then torn down. */
async function allOrFirstError(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
