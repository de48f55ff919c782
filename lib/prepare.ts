/**
 * Puts into a checked-out worktree what git does not: context files, dependencies, database, environment. Can be done
 * again at any time: what is there stays, what is missing comes.
 */
import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { copyContext } from './context-files.ts'
import { createDatabase } from './database.ts'
import { applyDependencies } from './dependencies/apply-dependencies.ts'
import { decideDependencies } from './dependencies/decide-dependencies.ts'
import type { DependencyDecision } from './dependencies/dependency-plan.ts'
import { environmentOf, loadTemplate, writeEnvironment } from './environment.ts'
import { excludePaths, findNotIgnored } from './exclude.ts'
import { tryGit } from './git.ts'
import { IsolateError } from './isolate-error.ts'
import { markWorktree } from './lease-mark.ts'
import { findResource, isOurWorktree, type Lease, type Resource } from './lease.ts'
import { saveLease } from './ledger.ts'
import { assignPorts } from './ports.ts'
import type { Project } from './project.ts'
import type { Reporter } from './reporter.ts'
import { childEnvironment, run } from './run.ts'
import { sqliteSideFiles } from './sqlite/snapshot.ts'
import type { Stopwatch } from './stopwatch.ts'
import { findPortNames } from './template.ts'
import { ownGitFolder } from './worktree.ts'

export type Tools = { reporter: Reporter; stopwatch: Stopwatch }

/** Names of ports, beside `app`, that the config or the template asks for. */
export function requiredPortNames(project: Project, worktree?: string): string[] {
  const template = loadTemplate(project, worktree) ?? ''
  return [...new Set([...project.config.ports.names, ...findPortNames(template)])].filter((name) => name !== 'app')
}

/** Answers the lease with the resources and ports that were added to it; it is saved before any of them is made. */
export async function prepareWorktree(project: Project, lease: Lease, { reporter, stopwatch }: Tools): Promise<Lease> {
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
    worktree,
    added.flatMap((resource) => ignorablePaths(resource, decisions)),
  )
  const resources = [...lease.resources, ...excludeFirst(lease, ignorable), ...added]
  const ports = assignPorts(lease.block, requiredPortNames(project, worktree), lease.ports)
  const current: Lease = { ...lease, ports, resources }
  saveLease(current)
  if (ignorable.length > 0) await excludePaths(repository.commonDir, ignorable)

  const gitFolder = ownGitFolder(worktree)
  const leaveOut = config.database.provider === 'sqlite' ? [config.database.path, config.database.seed ?? ''] : []
  await allOrFirstError([
    stopwatch.measure('context files', async () => {
      if (source !== undefined)
        await copyContext({ source, worktree, gitFolder, copy: config.copy, leaveOut, reporter })
    }),
    stopwatch.measure('dependencies', async () => {
      if (source !== undefined) await applyDependencies({ source, worktree, gitFolder, decisions, reporter })
    }),
    stopwatch.measure('database', () => createDatabase(project, current, reporter)),
  ])
  await stopwatch.measure('environment', async () => writeEnvironment(project, current, reporter))
  return current
}

/** Runs the repository's set-up commands in the worktree. A failing one is an error; those of an untrusted repository are a warning. */
export async function runSetup(project: Project, lease: Lease, reporter: Reporter): Promise<void> {
  if (!mayRun(project, 'setup', reporter)) return
  for (const command of project.config.setup) {
    const failure = await runCommand(project, lease, command, reporter)
    if (failure !== undefined)
      throw new IsolateError(failure, {
        hint: 'Mend the command ("setup" in agent-isolate.json), then create the worktree again.',
      })
  }
}

/** Runs the repository's teardown commands in a worktree that is about to go. A failing one is a warning. Answers whether any was run. */
export async function runTeardownCommands(project: Project, lease: Lease, reporter: Reporter): Promise<boolean> {
  if (!existsSync(lease.worktree) || !mayRun(project, 'teardown', reporter)) return false
  for (const command of project.config.teardown) {
    const failure = await runCommand(project, lease, command, reporter)
    if (failure !== undefined) reporter.warn(failure)
  }
  return true
}

function mayRun(project: Project, list: 'setup' | 'teardown', reporter: Reporter): boolean {
  if (project.config[list].length === 0) return false
  if (project.isTrusted) return true
  reporter.warn(
    `the ${list} commands in agent-isolate.json were not run: this repository is not trusted. Read them, then: agent-isolate trust`,
  )
  return false
}

/** Nine of the ten minutes that Claude Code gives a creation, in ms. */
const commandTimeoutMs = 540_000

/** The text of a failure; undefined when all went well. The shell gets the user's own, trusted, words and nothing else. */
async function runCommand(
  project: Project,
  lease: Lease,
  command: string,
  reporter: Reporter,
): Promise<string | undefined> {
  reporter.progress(`running: ${command}`)
  const env = childEnvironment(environmentOf(project, lease).exported)
  const outcome = await run('/bin/sh', ['-c', command], { cwd: lease.worktree, env, timeoutMs: commandTimeoutMs })
  if (outcome.code === 0) return undefined
  const lastLines = `${outcome.stdout}${outcome.stderr}`.trimEnd().split('\n').slice(-15).join('\n    ')
  return `the command "${command}" failed (${outcome.timedOut ? 'it took too long' : (outcome.code ?? outcome.signal)}) in ${lease.worktree}:\n    ${lastLines}`
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
  if (config.database.provider === 'sqlite' && findResource(lease, 'sqlite') === undefined) {
    const inner = config.database.path
    resources.push({ kind: 'sqlite', inner, existed: isThere(lease.worktree, inner) })
  }
  if (findResource(lease, 'environment') === undefined) {
    const inner = config.environment.file
    const existed = isThere(lease.worktree, inner)
    // A tracked file is the repository's; the shell environment has to do then.
    if (!existed || !(await isTracked(lease.worktree, inner))) resources.push({ kind: 'environment', inner, existed })
  }
  return resources
}

/** A dangling link is something too. */
function isThere(worktree: string, inner: string): boolean {
  return lstatSync(join(worktree, inner), { throwIfNoEntry: false }) !== undefined
}

async function isTracked(worktree: string, inner: string): Promise<boolean> {
  return (await tryGit(worktree, ['ls-files', '--error-unmatch', '--', `:(literal)${inner}`])).code === 0
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
      return []
  }
}

/** Waits for all, so that a failure never leaves one of them still writing into what is then torn down. */
async function allOrFirstError(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
