/**
 * Puts into a checked-out worktree what git does not: context files, dependencies, database, environment. Can be done
 * again at any time: what is there stays, what is missing comes.
 */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { findComposeFiles } from '../compose/files.ts'
import { composePortNames } from '../project/compose-ports.ts'
import type { Config } from '../project/config.ts'
import { copyContext } from '../context/context-files.ts'
import { createDatabases, planSqlite, type DatabaseOptions } from '../database/database.ts'
import { applyDependencies } from '../dependencies/apply-dependencies.ts'
import { decideDependencies } from '../dependencies/decide-dependencies.ts'
import type { DependencyDecision } from '../dependencies/dependency-plan.ts'
import {
  composeProject,
  environmentOf,
  loadTemplate,
  writeEnvironment,
  writeShellEnvironment,
} from '../environment/environment.ts'
import { excludePaths, findNotIgnored } from '../git/exclude.ts'
import { currentEngine } from '../docker/engine.ts'
import { askGit } from '../git/git.ts'
import { isTaken } from '../files/inner-path.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { markWorktree } from '../ledger/mark.ts'
import { assignLeasePorts } from '../ledger/lease-ports.ts'
import { findResource, isOurWorktree, type Lease, type Resource } from '../ledger/lease.ts'
import { saveLease } from '../ledger/ledger.ts'
import type { Project, ProjectFiles } from '../project/project.ts'
import { sourcePlace } from '../git/repository.ts'
import { findOddity } from '../files/read-if-any.ts'
import type { Reporter } from '../report/reporter.ts'
import { runCommand } from './project-commands.ts'
import { sqliteSideFiles } from '../database/sqlite/snapshot.ts'
import type { Stopwatch } from '../report/stopwatch.ts'
import { findPortNames } from '../env-text/template.ts'
import { ownGitFolder, worktreePlace } from '../git/linked-git-dir.ts'

export type Tools = { reporter: Reporter; stopwatch: Stopwatch }

/** Names of ports, beside `app`, that the config or the template asks for; first the one of a container. */
export function requiredPortNames(project: ProjectFiles, worktree?: string): string[] {
  const { ports, database, compose } = project.config
  const own = database.provider === 'postgres-docker' && database.isolation === 'container' ? ['db'] : []
  const services = composePortNames(compose.ports).map(({ name }) => name)
  const template = findPortNames(loadTemplate(project, worktree) ?? '')
  return [...new Set([...own, ...services, ...ports.names, ...template])].filter((name) => name !== 'app')
}

/** `lease` with the resources and ports that were added to it; `hasNewDatabase` when one was made on a server. */
export type Prepared = { lease: Lease; hasNewDatabase: boolean }

/** The lease is saved before any of its resources is made. */
export async function prepareWorktree(
  project: Project,
  lease: Lease,
  { reporter, stopwatch }: Tools,
): Promise<Prepared> {
  const { worktree } = lease
  const { config, repository, isTrusted } = project
  markWorktree(lease)
  const { source } = repository
  const decisions =
    source === undefined
      ? []
      : await decideDependencies({ source, worktree, strategies: config.dependencies, isTrusted })
  const added = await planResources(project, lease, decisions)
  const ignorable = await findNotIgnored(
    worktreePlace(worktree),
    added.flatMap((resource) => ignorablePaths(resource, decisions)),
  )
  const resources = [...lease.resources, ...excludeFirst(lease, ignorable), ...added]
  const ports = await assignLeasePorts(lease, requiredPortNames(project, worktree))
  const current: Lease = { ...lease, ports, resources }
  saveLease(current)
  if (ignorable.length > 0) await excludePaths(repository.commonDir, ignorable)

  const gitFolder = ownGitFolder(worktree)
  const leaveOut = databaseFiles(config, current)
  const context = stopwatch.measure('context files', async () => {
    if (source !== undefined)
      await copyContext({
        source,
        place: sourcePlace(repository),
        worktree,
        gitFolder,
        copy: config.copy,
        leaveOut,
        reporter,
      })
  })
  const dependencies = stopwatch.measure('dependencies', async () => {
    if (source !== undefined) await applyDependencies({ source, worktree, gitFolder, decisions, reporter })
  })
  // The only one of the three that writes to the lease.
  const databases = stopwatch.measure('database', () =>
    createDatabases(
      project,
      current,
      databaseOptions(project, reporter, () => allOrFirstError([context, dependencies])),
    ),
  )
  await allOrFirstError([context, dependencies, databases])
  const { lease: prepared, isNew } = await databases
  await stopwatch.measure('environment', async () => writeEnvironment(project, prepared, reporter))
  if (findResource(prepared, 'compose') !== undefined) {
    await stopwatch.measure('compose', () => isolateCompose(project, prepared, reporter))
  }
  return { lease: prepared, hasNewDatabase: isNew }
}

/** After the env file is there: compose may read it. What compose is asked to read may lead anywhere, so it takes trust. */
async function isolateCompose(project: Project, lease: Lease, reporter: Reporter): Promise<void> {
  const { config, repository, isTrusted } = project
  const { ports } = config.compose
  if (Object.keys(ports).length === 0) return
  if (!isTrusted)
    return reporter.warn(
      '"compose.ports" has no effect: this repository is not trusted. Read it, then: agent-isolate trust; agent-isolate setup',
    )
  const { writeComposeOverride } = await import('./elsewhere.ts')
  const override = await writeComposeOverride({
    worktree: lease.worktree,
    source: repository.source,
    project: composeProject(lease),
    ports,
    leased: lease.ports,
    exported: environmentOf(project, lease).exported,
  })
  for (const warning of override?.warnings ?? []) reporter.warn(warning)
  writeShellEnvironment(lease, environmentOf(project, lease))
}

/** A seed's command is a set-up command: it may need the dependencies, and the files that git does not have. */
export function databaseOptions(
  project: Project,
  reporter: Reporter,
  awaitFiles: () => Promise<void> = async () => undefined,
): DatabaseOptions {
  return {
    reporter,
    runSeedCommand: async (command, lease) => {
      await awaitFiles()
      const failure = await runCommand(project, lease, command, reporter)
      if (failure !== undefined) {
        throw new IsolateError(failure, { hint: 'Mend "database.seedCommand" in agent-isolate.json, then try again.' })
      }
    },
  }
}

async function planResources(
  project: Project,
  lease: Lease,
  decisions: readonly DependencyDecision[],
): Promise<Resource[]> {
  const { config } = project
  const known = new Set(
    lease.resources.flatMap((resource) => (resource.kind === 'dependencies' ? [resource.inner] : [])),
  )
  const resources: Resource[] = decisions
    .flatMap(({ folders }) => folders.filter((folder) => !known.has(folder)))
    .map((inner) => ({ kind: 'dependencies', inner }))
  if (!isOurWorktree(lease) && !lease.resources.some(({ kind }) => kind === 'context'))
    resources.push({ kind: 'context' })
  resources.push(...planSqlite(project, lease))
  if (findResource(lease, 'compose') === undefined && findComposeFiles(lease.worktree).length > 0 && hasDocker()) {
    const hasPorts = Object.keys(config.compose.ports).length > 0
    const compose: Resource = { kind: 'compose', project: composeProject(lease), engine: currentEngine() }
    resources.push(hasPorts ? { ...compose, hasPorts } : compose)
  }
  if (findResource(lease, 'environment') === undefined) {
    const inner = config.environment.file
    const existed = isTaken(join(lease.worktree, inner))
    // A tracked file is the repository's, a FIFO somebody's; the shell environment has to do then.
    const isOdd = findOddity(join(lease.worktree, inner)) !== undefined
    if (!isOdd && (!existed || !(await isTracked(lease.worktree, inner))))
      resources.push({ kind: 'environment', inner, existed })
  }
  return resources
}

/** Databases are made by another part, and the seed of a file belongs to the main checkout. */
function databaseFiles({ database }: Config, { resources }: Lease): string[] {
  const own = resources.flatMap((one) => (one.kind === 'sqlite' ? [one.inner] : []))
  return database.provider === 'sqlite' && database.seed !== undefined ? [...own, database.seed] : own
}

/** Without it nothing can be started that would have to be found again. */
function hasDocker(): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && existsSync(join(folder, 'docker')))
}

async function isTracked(worktree: string, inner: string): Promise<boolean> {
  return (
    (await askGit(worktreePlace(worktree), ['ls-files', '--error-unmatch', '--', `:(literal)${inner}`])) !== undefined
  )
}

function excludeFirst(lease: Lease, ignorable: readonly string[]): Resource[] {
  const hasOne = lease.resources.some(({ kind }) => kind === 'exclude')
  return ignorable.length > 0 && !hasOne ? [{ kind: 'exclude' }] : []
}

/** Paths that must not show in `git status`; a folder ends in `/`, a link to one does not: git's rules tell them apart. */
function ignorablePaths(resource: Resource, decisions: readonly DependencyDecision[]): string[] {
  switch (resource.kind) {
    case 'environment':
      return [resource.inner]
    case 'sqlite':
      return resource.inner.startsWith('.agent-isolate/') ? [] : [resource.inner, ...sqliteSideFiles(resource.inner)]
    case 'dependencies': {
      const isLink = decisions.some(({ folders, action }) => action === 'symlink' && folders.includes(resource.inner))
      return [isLink ? resource.inner : `${resource.inner}/`]
    }
    case 'worktree':
    case 'branch':
    case 'exclude':
    case 'context':
    case 'container':
    case 'shared-container':
    case 'postgres':
    case 'compose':
      return []
  }
}

/** Waits for all, so that a failure never leaves one of them still writing into what is then torn down. */
async function allOrFirstError(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
