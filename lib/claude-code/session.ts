/** What an agent's session is given: the environment of whatever worktree it is in, and a few lines that tell it what is its own. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseOf, describeDatabase } from '../database/of-lease.ts'
import { claudeEnvironmentSnippet, shellEnvironmentPath } from '../env-text/shell-environment.ts'
import { environmentKind, hasOtherEnvFiles } from '../environment/kind.ts'
import { findFolderPorts } from '../environment/last-environment.ts'
import { readIfAny, readIfFile } from '../files/read-if-any.ts'
import { findLinkedGitDir } from '../git/linked-git-dir.ts'
import { findRepository, type Repository } from '../git/repository.ts'
import { resourcesOf } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import { findLease } from '../ledger/ledger.ts'
import { setUpWorktree } from '../lifecycle/create.ts'
import { judge } from '../lifecycle/judge-leases.ts'
import type { Tools } from '../lifecycle/prepare.ts'
import { releaseDeadLeases } from '../lifecycle/release.ts'
import { lacksPorts, topUpPorts } from '../lifecycle/top-up-ports.ts'
import { loadProjectFiles, loadProjectOf } from '../project/project.ts'
import { describeFailure, errorCode, errorText, IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import { servicesOf } from '../services/resources.ts'

/**
 * The lines for the model; undefined in a main checkout, and outside of repositories. A linked worktree without a lease gets one. `envFile`: the
 * session's CLAUDE_ENV_FILE, sourced before every shell command, a subagent's too; only SessionStart has it.
 */
export async function startSession(
  cwd: string,
  envFile: string | undefined,
  tools: Tools,
): Promise<string | undefined> {
  // In the main checkout too: the session may enter a worktree later, and its subagents may be in one.
  if (envFile !== undefined) appendSnippet(envFile, tools.reporter)
  const repository = await findRepository(cwd)
  if (repository === undefined) return undefined
  const { checkout, commonDir, gitDir } = repository
  await releaseDeadLeases({ reporter: tools.reporter, commonDir, except: checkout })
  if (checkout === undefined || gitDir === commonDir) return undefined
  const known = findLease({ worktree: checkout, commonDir })
  const isUsable = known !== undefined && !known.isMoved && (await judge(known)) === 'use'
  if (!isUsable) return describeLease((await setUpWorktree(cwd, tools)).lease)
  const current = await keepUp(repository, known, tools)
  return describeLease((await hasItsDatabase(current)) ? current : await wake(current, tools))
}

/** What main has asked for since, names of ports and env files, is in the shells of this session; what is wrong there today is a warning. */
async function keepUp(repository: Repository, lease: Lease, tools: Tools): Promise<Lease> {
  try {
    const files = loadProjectFiles(repository)
    if (hasOtherEnvFiles(lease, files.config.environment)) return (await setUpWorktree(lease.worktree, tools)).lease
    if (!lacksPorts(files, lease)) return lease
    return await topUpPorts(await loadProjectOf(repository), lease, tools.reporter)
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    tools.reporter.warn(`the environment of this worktree is as it was written last: ${describeFailure(error)}`)
    return lease
  }
}

/** Where that fails, the worktree still has all else. */
async function wake(lease: Lease, tools: Tools): Promise<Lease> {
  try {
    return (await setUpWorktree(lease.worktree, tools)).lease
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    tools.reporter.warn(`the database of this worktree is down: ${describeFailure(error)}`)
    return lease
  }
}

/** Containers stop with the engine, and what they had in memory is gone: setting the worktree up brings both back. */
async function hasItsDatabase(lease: Lease): Promise<boolean> {
  const database = databaseOf(lease)
  if (database?.kind !== 'postgres' || database.on === 'server') return true
  return (await import('../database/postgres/client/has-database.ts')).hasDatabase(database)
}

/** What the model is told. Facts and rules in a few lines: they are read at every start. */
export function describeLease(lease: Lease): string {
  const database = databaseOf(lease)
  const test = databaseOf(lease, 'test')
  const envFiles = resourcesOf(lease, environmentKind).map(({ inner }) => inner)
  const services = servicesOf(lease).map(
    ({ name, own, prefix }) => `${name} ${own ?? `(only names that begin with ${prefix})`}`,
  )
  const others = Object.entries(lease.ports).filter(([name]) => name !== 'app')
  const apps = findFolderPorts(lease.worktree)
  const isAnApps = apps.some(({ port }) => port !== String(lease.ports['app']))
  const first = lease.block
  return [
    `This is an isolated git worktree (agent-isolate): ${lease.worktree}.`,
    `Its own port is ${lease.ports['app']}${isAnApps ? '' : ' (PORT)'}${others.map(([name, port]) => `, ${name} ${port}`).join('')}; ports ${first}-${first + 9} are reserved for it. Other worktrees have other ports: never use theirs, nor a default such as 3000 or 5173, and pass the port to tools that ignore PORT.`,
    isAnApps
      ? `PORT is set in an app's own folder only: ${apps.map(({ folder, port }) => `${port} in ${folder}`).join(', ')}; start each app there.`
      : '',
    database === undefined
      ? ''
      : `Its own database is ${database.kind === 'sqlite' ? [database.url, ...database.further].join(', ') : describeDatabase(database)} (DATABASE_URL): migrate, seed and wipe it freely; never touch another worktree's or the main checkout's.`,
    test === undefined ? '' : `A second one for its tests is ${describeDatabase(test)} (TEST_DATABASE_URL).`,
    services.length === 0
      ? ''
      : `On servers that others use too it has its own: ${services.join(', ')}. Never touch the rest of them.`,
    `${isAnApps ? '' : 'PORT, '}DATABASE_URL and the rest are set in every shell command here${envFiles.length === 0 ? '' : ` and in ${envFiles.join(', ')}`}.${describeKept(lease, envFiles[0])}`,
    'EADDRINUSE or a missing database is a matter of this environment, never a bug in the application: do not change ports or URLs in the code for it. See who listens (agent-isolate list) or choose another of the reserved ports.',
    'Dependencies may be linked to the main checkout: to change them use the package manager here, never edit files in node_modules or .venv.',
  ]
    .filter((line) => line !== '')
    .join('\n')
}

/** For an environment that was written with DATABASE_URL in the env file alone. */
function describeKept({ worktree }: Lease, envFile: string | undefined): string {
  const gitDir = findLinkedGitDir(worktree)
  const shell = gitDir === undefined ? undefined : readIfAny(join(gitDir, shellEnvironmentPath))
  const isKept =
    envFile !== undefined &&
    shell?.includes('\nexport DATABASE_URL=') === false &&
    /^DATABASE_URL=/m.test(readIfFile(join(worktree, envFile)) ?? '')
  return isKept
    ? ` DATABASE_URL is in ${envFile} alone, for development: exported, tests would empty its database.`
    : ''
}

function appendSnippet(envFile: string, reporter: Reporter): void {
  const snippet = claudeEnvironmentSnippet()
  try {
    if (readIfAny(envFile)?.includes(snippet)) return
    appendFileSync(envFile, snippet)
  } catch (error) {
    if (errorCode(error) === undefined && !(error instanceof IsolateError)) throw error
    reporter.warn(`shell commands will not have the environment: ${errorText(error)}`)
  }
}
