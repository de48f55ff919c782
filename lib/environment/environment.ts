/** A worktree's environment: the template filled in with what its lease holds, for its env file, its shells and our own children. */
import { join, posix } from 'node:path'
import { findComposeEnvironment } from '../compose/environment.ts'
import { composeProject, composeKind } from '../compose/kind.ts'
import { databaseOf } from '../database/of-lease.ts'
import { sqliteKind } from '../database/sqlite/kind.ts'
import type { EnvVariables } from '../env-text/references.ts'
import {
  expandEntries,
  renderFolderEnvironment,
  renderShellEnvironment,
  shellEnvironmentPath,
} from '../env-text/shell-environment.ts'
import { renderTemplate, type EnvEntry, type RenderedTemplate } from '../env-text/template.ts'
import { isTaken } from '../files/inner-path.ts'
import { findOddity, readIfFile } from '../files/read-if-any.ts'
import { writeWhole } from '../files/write-whole.ts'
import { linkedGitDir } from '../git/linked-git-dir.ts'
import { slugOf } from '../git/worktree-name.ts'
import { resourceOf, resourcesOf } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import type { Project } from '../project/project.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { Reporter } from '../report/reporter.ts'
import { entriesIn, planApps, type AppEntries } from './app-environments.ts'
import { carryFiles, loadCarriedValues, warnOfKept } from './carry-files.ts'
import { servicesOf, serviceVariables } from '../services/resources.ts'
import { writeEnvFile } from './env-file.ts'
import { isSafeToExport } from './export-rule.ts'
import { findOwnValues } from './find-own-values.ts'
import { environmentKind, envFilesOf } from './kind.ts'
import type { OwnValues } from './own-values.ts'
import { describeMissing, renderRetarget, retarget } from './retarget.ts'
import { rewriteFile } from './rewrite-env-file.ts'
import { isMode, keptFromShells, withoutTestModes, type StackQuestion } from './stacks.ts'
import { loadAppTemplates, loadTemplate } from './templates.ts'

export type Environment = RenderedTemplate & {
  /** What a process of the worktree gets beside its parent's environment. */
  exported: Record<string, string>
  /** The same as text for a shell that sources it before each command, in whatever folder; retargets what the main checkout's shell has set up. */
  everywhereText: string
  /** The blocks of the env files, by their paths. */
  blocks: ReadonlyMap<string, string>
  /** What env files alone have, so that tests do not take it for their own. */
  kept: Record<string, string>
}

/** What the worktree's environment is in its folder `inner`. Writes nothing. Throws `IsolateError` for a faulty template. */
export function environmentOf(project: Project, lease: Lease, inner = ''): Environment {
  return renderEnvironment(project, lease, { inner, templates: templatesOf(project, lease) })
}

function renderEnvironment(
  project: Project,
  lease: Lease,
  { inner, templates }: { inner: string; templates: ReadonlyMap<string, string> },
): Environment {
  const variables = variablesOf(project, lease)
  const files = [...templates].map(([path, template]) =>
    forShells({ inner: path, isConfigured: true, ...renderTemplate(template, variables) }, lease),
  )
  const [file] = files
  if (file === undefined) throw new Error('an environment without a file')
  const isHeldBack = heldBackRule(project, lease)
  const [own, ...others] = files.map((one) => ({ ...one, entries: one.wanted.filter((entry) => !isHeldBack(entry)) }))
  const carried = carriedEntries(lease.worktree).map((one) => ({ ...one, entries: forShells(one, lease).wanted }))
  const { everywhere, apps } = planApps(own?.entries ?? [], [...others, ...carried])
  const common = [...identityEntries(lease), ...everywhere]
  const last = composeEntries(lease)
  const all = [...common, ...entriesIn(apps, inner), ...last]
  const heldBack = files.flatMap(({ wanted }) => wanted).filter(isHeldBack)
  return {
    ...file,
    warnings: [...files.flatMap(({ warnings }) => warnings), ...describeHeldBack(heldBack, lease)],
    exported: expandEntries(all, process.env),
    everywhereText:
      renderShellEnvironment([...common, ...last]) + apps.map(renderFolderEnvironment).join('') + renderRetarget(lease),
    blocks: new Map(files.map((one) => [one.inner, one.text])),
    kept: expandEntries(file.kept, process.env),
  }
}

/** `kept`: what only the file is to have; `wanted`: what shells may have. */
function forShells<File extends AppEntries>(
  file: File,
  lease: Lease,
): File & Record<'kept' | 'wanted', readonly EnvEntry[]> {
  const kept = keptFromShells(file.entries, stackOf(lease, file.inner))
  return { ...file, kept, wanted: file.entries.filter((entry) => !kept.includes(entry) && !isMode(entry)) }
}

/** Asked about the folder that the env file is in. */
function stackOf(lease: Lease, envFile: string): StackQuestion {
  const folder = posix.dirname(envFile)
  return {
    file: posix.basename(envFile),
    sqlite: resourcesOf(lease, sqliteKind).map(({ inner }) => posix.relative(folder, inner)),
    read: (inner) => readIfFile(join(lease.worktree, folder, inner)),
  }
}

/** By the path of the env file; the worktree's own is the first. */
function templatesOf(project: Project, lease: Lease): Map<string, string> {
  const { source } = project.repository
  const template = loadTemplate(project, lease.worktree) ?? defaultTemplate(variablesOf(project, lease), lease)
  const apps = loadAppTemplates(project, lease.worktree)
  const [first = ''] = envFilesOf(project.config.environment)
  const main = source === undefined ? undefined : readIfFile(join(source, first))
  return new Map([[first, withoutTestModes(template, main)], ...apps])
}

/** What an untrusted repository's template is not to put into shells. */
function heldBackRule(project: Project, lease: Lease): (entry: EnvEntry) => boolean {
  const databases = [databaseOf(lease), databaseOf(lease, 'test')].filter((database) => database !== undefined)
  // Trust is in the template that came with the config, not in one that was found in a worktree for want of another.
  const mayExportAll = project.isTrusted && project.repository.source !== undefined
  return (entry) => !mayExportAll && !isSafeToExport(entry, databases)
}

/** From the main checkout's own files, which no stranger has written. */
function carriedEntries(worktree: string): AppEntries[] {
  return [...loadCarriedValues(worktree)].map(([inner, values]) => ({
    inner,
    isConfigured: false,
    entries: Object.entries(values).map(([key, text]) => ({ key, pieces: [{ kind: 'text', text }] })),
  }))
}

function describeHeldBack(entries: readonly EnvEntry[], { worktree }: Lease): string[] {
  const keys = entries.map(({ key }) => key).join(', ')
  return keys === '' ? [] : [notTrusted(`shells do not get ${keys}`, 'its environment template', worktree).text]
}

/**
 * Writes the env files, unless they are tracked, and the shell environment; 0600, and whole at any moment. `carried`: what
 * else of the main checkout's is to come along, and may have to be rewritten.
 */
export async function writeEnvironment(
  project: Project,
  lease: Lease,
  reporter: Reporter,
  carried: readonly string[] = [],
): Promise<void> {
  const { source } = project.repository
  const templates = templatesOf(project, lease)
  const own = source === undefined ? undefined : findOwnValues(source, project.config, lease, templates)
  if (own !== undefined) await carryFiles(own, carried, reporter)
  const environment = renderEnvironment(project, lease, { inner: '', templates })
  const missing = describeMissing(retarget(process.env, lease).missing)
  for (const warning of [...environment.warnings, ...(missing === undefined ? [] : [missing])]) reporter.warn(warning)
  for (const [inner, text] of environment.blocks) writeBlock(own, lease, { inner, text }, reporter)
  writeShellEnvironment(lease, environment)
}

function writeBlock(
  own: OwnValues | undefined,
  lease: Lease,
  { inner, text }: { inner: string; text: string },
  reporter: Reporter,
): void {
  const path = join(lease.worktree, inner)
  const oddity = findOddity(path)
  const isOurs = resourcesOf(lease, environmentKind).some((resource) => resource.inner === inner)
  if (oddity !== undefined) reporter.warn(leftAlone(`${path} is ${oddity}, not a file,`))
  else if (isOurs) writeEnvFile(() => offer(own, inner, reporter), lease.worktree, inner, text)
  else if (isTaken(path)) reporter.warn(leftAlone(`${inner} is tracked by git`))
}

/** What a new env file takes over from main's. */
function offer(own: OwnValues | undefined, inner: string, reporter: Reporter): string | undefined {
  if (own === undefined) return undefined
  const path = join(own.main, inner)
  const oddity = findOddity(path)
  if (oddity !== undefined) reporter.warn(`${path} is ${oddity}, not a file: nothing was taken over from it`)
  const content = readIfFile(path)
  if (content === undefined) return undefined
  const rewritten = rewriteFile(inner, content, own)
  warnOfKept(inner, rewritten, reporter)
  return rewritten.text
}

export function writeShellEnvironment({ worktree }: Lease, { everywhereText }: Environment): void {
  writeWhole(join(linkedGitDir(worktree), shellEnvironmentPath), everywhereText)
}

function leftAlone(reason: string): string {
  return `${reason} and was left as it is; shells get the environment all the same`
}

/** All that a template can name; those without a value are known, and empty. */
function variablesOf({ repository, config }: Project, lease: Lease): EnvVariables {
  const database = databaseOf(lease)
  const postgres = database?.kind === 'postgres' ? database : undefined
  const ports = Object.entries(lease.ports).map(([name, port]) => [`AGENT_PORT_${name.toUpperCase()}`, String(port)])
  return {
    AGENT_DYNAMIC_PORT: String(lease.ports['app']),
    ...Object.fromEntries(ports),
    DYNAMIC_DB_PORT: postgres === undefined ? undefined : String(postgres.port),
    AGENT_DATABASE_URL: database?.url,
    AGENT_TEST_DATABASE_URL: databaseOf(lease, 'test')?.url,
    AGENT_DB_HOST: postgres?.host,
    AGENT_DB_NAME: postgres?.name,
    AGENT_DB_USER: postgres?.user,
    AGENT_DB_PASSWORD: postgres?.password,
    AGENT_SQLITE_PATH: database?.kind === 'sqlite' ? database.path : undefined,
    ...serviceVariables(config.services, lease),
    AGENT_NAME: lease.name,
    AGENT_SLUG: slugOf(lease.name),
    AGENT_BRANCH: lease.branch,
    AGENT_WORKTREE: lease.worktree,
    AGENT_MAIN: repository.source ?? repository.root,
    AGENT_COMPOSE_PROJECT: composeProject(lease),
  }
}

/** Compose reads no env file of ours, so these are for shells. They win: the project's name is how it is found again. */
function composeEntries(lease: Lease): EnvEntry[] {
  if (resourceOf(lease, composeKind) === undefined) return []
  const values = { COMPOSE_PROJECT_NAME: composeProject(lease), ...findComposeEnvironment(lease.worktree) }
  return Object.entries(values).map(([key, text]) => ({ key, pieces: [{ kind: 'text', text }] }))
}

/** What most programs read; the line of a database or a service only where there is one. */
function defaultTemplate(variables: EnvVariables, lease: Lease): string {
  const lines = { DATABASE_URL: 'AGENT_DATABASE_URL', TEST_DATABASE_URL: 'AGENT_TEST_DATABASE_URL' }
  const databases = Object.entries(lines).filter(([, name]) => variables[name] !== undefined)
  const services = servicesOf(lease).flatMap(({ name, url }) =>
    url === undefined ? [] : [`${name.toUpperCase()}_URL`],
  )
  return [
    'PORT=$AGENT_DYNAMIC_PORT',
    ...databases.map(([key, name]) => `${key}=$${name}`),
    ...services.map((key) => `${key}=$AGENT_${key}`),
    '',
  ].join('\n')
}

/** Lets a shell, a prompt or a script see in which worktree it is. */
function identityEntries({ name }: Lease): EnvEntry[] {
  return [{ key: 'AGENT_ISOLATE_WORKTREE', pieces: [{ kind: 'text', text: name }] }]
}
