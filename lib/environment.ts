/** A worktree's environment: the template filled in with what its lease holds, for its env file, its shells and our own children. */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isSafeToExport } from './env-export.ts'
import { writeEnvFile } from './env-ownership.ts'
import type { EnvVariables } from './env-reference.ts'
import { identityKey } from './ledger.ts'
import { databaseOf, findResource, type Lease } from './lease.ts'
import type { Project } from './project.ts'
import type { Reporter } from './reporter.ts'
import { expandEntries, renderShellEnvironment, shellEnvironmentPath } from './shell-environment.ts'
import { renderTemplate, type EnvEntry, type RenderedTemplate } from './template.ts'
import { linkedGitDir } from './worktree.ts'
import { slugOf } from './worktree-name.ts'
import { readIfAny } from './read-if-any.ts'
import { writeWhole } from './write-whole.ts'

export type Environment = RenderedTemplate & {
  /** What a process of the worktree gets beside its parent's environment. */
  exported: Record<string, string>
  /** The same as shell text. */
  shellText: string
}

/** The template of the main checkout, or of the worktree where there is no other; undefined without one. */
export function loadTemplate({ repository, config, template }: Project, worktree?: string): string | undefined {
  if (repository.source !== undefined || worktree === undefined) return template
  return readIfAny(join(worktree, config.environment.template))
}

/** What the worktree's environment is. Writes nothing. Throws `IsolateError` for a faulty template. */
export function environmentOf(project: Project, lease: Lease): Environment {
  const variables = variablesOf(project, lease)
  const hasDatabase = variables['AGENT_DATABASE_URL'] !== undefined
  const template = loadTemplate(project, lease.worktree) ?? defaultTemplate(hasDatabase)
  const rendered = renderTemplate(template, variables)
  const database = databaseOf(lease)
  // Trust is in the template that came with the config, not in one that was found in a worktree for want of another.
  const mayExportAll = project.isTrusted && project.repository.source !== undefined
  const heldBack = mayExportAll ? [] : rendered.entries.filter((entry) => !isSafeToExport(entry, database))
  const skipsNodeEnv = skipsEnvFileInTests(lease.worktree)
  const exportable = rendered.entries.filter(
    (entry) => !heldBack.includes(entry) && !(skipsNodeEnv && entry.key === 'NODE_ENV'),
  )
  const all = [...identityEntries(lease), ...exportable]
  return {
    ...rendered,
    warnings: [...rendered.warnings, ...describeHeldBack(heldBack)],
    exported: expandEntries(all, process.env),
    shellText: renderShellEnvironment(all),
  }
}

function describeHeldBack(entries: readonly EnvEntry[]): string[] {
  if (entries.length === 0) return []
  const keys = entries.map(({ key }) => key).join(', ')
  return [
    `not exported to shells, since this repository is not trusted: ${keys}. Read its environment template, then: agent-isolate trust`,
  ]
}

/** Writes the env file, unless it is a tracked one, and the shell environment; both 0600, both whole at any moment. */
export function writeEnvironment(project: Project, lease: Lease, reporter: Reporter): void {
  const environment = environmentOf(project, lease)
  for (const warning of environment.warnings) reporter.warn(warning)
  const file = findResource(lease, 'environment')
  if (file === undefined) reporter.warn(trackedWarning(project.config.environment.file))
  else writeEnvFile(project.repository.source, lease.worktree, file.inner, environment.text)
  writeWhole(join(linkedGitDir(lease.worktree), shellEnvironmentPath), environment.shellText)
}

function trackedWarning(file: string): string {
  return `${file} is tracked by git and was left as it is; shells get the environment all the same`
}

/** All that a template can name; those without a value are known, and empty. */
function variablesOf({ repository }: Project, lease: Lease): EnvVariables {
  const database = databaseOf(lease)
  const slug = slugOf(lease.name)
  const ports = Object.entries(lease.ports).map(([name, port]) => [`AGENT_PORT_${name.toUpperCase()}`, String(port)])
  return {
    AGENT_DYNAMIC_PORT: String(lease.ports['app']),
    ...Object.fromEntries(ports),
    DYNAMIC_DB_PORT: undefined,
    AGENT_DATABASE_URL: database?.url,
    AGENT_DB_NAME: undefined,
    AGENT_DB_PASSWORD: undefined,
    AGENT_SQLITE_PATH: database?.path,
    AGENT_NAME: lease.name,
    AGENT_SLUG: slug,
    AGENT_BRANCH: lease.branch,
    AGENT_WORKTREE: lease.worktree,
    AGENT_MAIN: repository.source ?? repository.root,
    AGENT_COMPOSE_PROJECT: composeProject(lease, slug),
  }
}

/** Distinct on the machine: two repositories of one name may have worktrees of one name. */
function composeProject(lease: Lease, slug: string): string {
  return `${slugOf(basename(lease.root))}-${slug}-${identityKey(lease).slice(0, 6)}`
}

function defaultTemplate(hasDatabase: boolean): string {
  return hasDatabase ? 'PORT=$AGENT_DYNAMIC_PORT\nDATABASE_URL=$AGENT_DATABASE_URL\n' : 'PORT=$AGENT_DYNAMIC_PORT\n'
}

/** Lets a shell, a prompt or a script see in which worktree it is. */
function identityEntries({ name }: Lease): EnvEntry[] {
  return [{ key: 'AGENT_ISOLATE_WORKTREE', pieces: [{ kind: 'text', text: name }] }]
}

/** Next and Bun do not read .env.local when NODE_ENV=test is exported (measured with Next 16, Bun 1.4). */
function skipsEnvFileInTests(worktree: string): boolean {
  if (existsSync(join(worktree, 'bun.lock')) || existsSync(join(worktree, 'bun.lockb'))) return true
  return /"next"\s*:/.test(readIfAny(join(worktree, 'package.json')) ?? '')
}
