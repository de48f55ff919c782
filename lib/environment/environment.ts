/** A worktree's environment: the template filled in with what its lease holds, for its env file, its shells and our own children. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findComposeEnvironment } from '../compose/environment.ts'
import { composeProject, composeKind } from '../compose/kind.ts'
import { databaseOf } from '../database/of-lease.ts'
import type { EnvVariables } from '../env-text/references.ts'
import { expandEntries, renderShellEnvironment, shellEnvironmentPath } from '../env-text/shell-environment.ts'
import { renderTemplate, type EnvEntry, type RenderedTemplate } from '../env-text/template.ts'
import { findOddity, readIfAny, readIfFile } from '../files/read-if-any.ts'
import { writeWhole } from '../files/write-whole.ts'
import { linkedGitDir } from '../git/linked-git-dir.ts'
import { slugOf } from '../git/worktree-name.ts'
import { resourceOf } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import type { Project, ProjectFiles } from '../project/project.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { Reporter } from '../report/reporter.ts'
import { writeEnvFile } from './env-file.ts'
import { isSafeToExport } from './export-rule.ts'
import { environmentKind } from './kind.ts'

export type Environment = RenderedTemplate & {
  /** What a process of the worktree gets beside its parent's environment. */
  exported: Record<string, string>
  /** The same as shell text. */
  shellText: string
}

/** The template of the main checkout, or of the worktree where there is no other; undefined without one. */
export function loadTemplate({ repository, config, template }: ProjectFiles, worktree?: string): string | undefined {
  if (repository.source !== undefined || worktree === undefined) return template
  return readIfAny(join(worktree, config.environment.template))
}

/** What the worktree's environment is. Writes nothing. Throws `IsolateError` for a faulty template. */
export function environmentOf(project: Project, lease: Lease): Environment {
  const variables = variablesOf(project, lease)
  const template = loadTemplate(project, lease.worktree) ?? defaultTemplate(variables)
  const rendered = renderTemplate(template, variables)
  const databases = [databaseOf(lease), databaseOf(lease, 'test')].filter((database) => database !== undefined)
  // Trust is in the template that came with the config, not in one that was found in a worktree for want of another.
  const mayExportAll = project.isTrusted && project.repository.source !== undefined
  const heldBack = mayExportAll ? [] : rendered.entries.filter((entry) => !isSafeToExport(entry, databases))
  const skipsNodeEnv = skipsEnvFileInTests(lease.worktree)
  const exportable = rendered.entries.filter(
    (entry) => !heldBack.includes(entry) && !(skipsNodeEnv && entry.key === 'NODE_ENV'),
  )
  const all = [...identityEntries(lease), ...exportable, ...composeEntries(lease)]
  return {
    ...rendered,
    warnings: [...rendered.warnings, ...describeHeldBack(heldBack, lease)],
    exported: expandEntries(all, process.env),
    shellText: renderShellEnvironment(all),
  }
}

function describeHeldBack(entries: readonly EnvEntry[], { worktree }: Lease): string[] {
  const keys = entries.map(({ key }) => key).join(', ')
  return keys === '' ? [] : [notTrusted(`shells do not get ${keys}`, 'its environment template', worktree).text]
}

/** Writes the env file, unless it is a tracked one, and the shell environment; both 0600, both whole at any moment. */
export function writeEnvironment(project: Project, lease: Lease, reporter: Reporter): void {
  const environment = environmentOf(project, lease)
  for (const warning of environment.warnings) reporter.warn(warning)
  const file = resourceOf(lease, environmentKind)
  const inner = file?.inner ?? project.config.environment.file
  const oddity = findOddity(join(lease.worktree, inner))
  if (oddity !== undefined) reporter.warn(leftAlone(`${join(lease.worktree, inner)} is ${oddity}, not a file,`))
  else if (file === undefined) reporter.warn(leftAlone(`${inner} is tracked by git`))
  else writeOwnFile(project, lease, inner, environment.text, reporter)
  writeShellEnvironment(lease, environment)
}

function writeOwnFile(
  { repository: { source } }: Project,
  { worktree }: Lease,
  inner: string,
  text: string,
  reporter: Reporter,
): void {
  const oddity = source === undefined ? undefined : findOddity(join(source, inner))
  if (oddity !== undefined)
    reporter.warn(`${join(source ?? '', inner)} is ${oddity}, not a file: nothing was taken over from it`)
  writeEnvFile(source, worktree, inner, text)
}

export function writeShellEnvironment({ worktree }: Lease, { shellText }: Environment): void {
  writeWhole(join(linkedGitDir(worktree), shellEnvironmentPath), shellText)
}

function leftAlone(reason: string): string {
  return `${reason} and was left as it is; shells get the environment all the same`
}

/** All that a template can name; those without a value are known, and empty. */
function variablesOf({ repository }: Project, lease: Lease): EnvVariables {
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

/** What most programs read; a database's line only where there is one. */
function defaultTemplate(variables: EnvVariables): string {
  const lines = { DATABASE_URL: 'AGENT_DATABASE_URL', TEST_DATABASE_URL: 'AGENT_TEST_DATABASE_URL' }
  const databases = Object.entries(lines).filter(([, name]) => variables[name] !== undefined)
  return ['PORT=$AGENT_DYNAMIC_PORT', ...databases.map(([key, name]) => `${key}=$${name}`), ''].join('\n')
}

/** Lets a shell, a prompt or a script see in which worktree it is. */
function identityEntries({ name }: Lease): EnvEntry[] {
  return [{ key: 'AGENT_ISOLATE_WORKTREE', pieces: [{ kind: 'text', text: name }] }]
}

/** Next and Bun do not read .env.local when NODE_ENV=test is exported (measured with Next 16, Bun 1.4). */
function skipsEnvFileInTests(worktree: string): boolean {
  if (existsSync(join(worktree, 'bun.lock')) || existsSync(join(worktree, 'bun.lockb'))) return true
  return /"next"\s*:/.test(readIfFile(join(worktree, 'package.json')) ?? '')
}
