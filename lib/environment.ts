/** A worktree's environment: the template filled in with what its lease holds, for its env file, its shells and our own children. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { databaseOf } from './lease.ts'
import { mergeEnvFile, removeManagedBlock } from './env-file.ts'
import type { EnvVariables } from './env-reference.ts'
import { requireWritablePath } from './inner-path.ts'
import { findResource, type Lease, type Resource } from './lease.ts'
import type { Project } from './project.ts'
import type { Reporter } from './reporter.ts'
import { expandEntries, renderShellEnvironment, shellEnvironmentPath } from './shell-environment.ts'
import { renderTemplate, type EnvEntry, type RenderedTemplate } from './template.ts'
import { linkedGitDir, ownGitFolder } from './worktree.ts'
import { slugOf } from './worktree-name.ts'
import { readIfAny } from './read-if-any.ts'

export type Environment = RenderedTemplate & {
  /** What a process of the worktree gets beside its parent's environment. */
  exported: Record<string, string>
  /** The same as shell text. */
  shellText: string
}

/** The template of the main checkout, or of the worktree where there is no other; undefined without one. */
export function loadTemplate({ repository, config }: Project, worktree?: string): string | undefined {
  const folder = repository.source ?? worktree
  return folder === undefined ? undefined : readIfAny(join(folder, config.environment.template))
}

/** What the worktree's environment is. Writes nothing. Throws `IsolateError` for a faulty template. */
export function environmentOf(project: Project, lease: Lease): Environment {
  const variables = variablesOf(project, lease)
  const hasDatabase = variables['AGENT_DATABASE_URL'] !== undefined
  const template = loadTemplate(project, lease.worktree) ?? defaultTemplate(hasDatabase)
  const rendered = renderTemplate(template, variables)
  const isHeldBack = (key: string): boolean => !project.isTrusted && runsCode.test(key)
  const skipsNodeEnv = skipsEnvFileInTests(lease.worktree)
  const exportable = rendered.entries.filter(({ key }) => !isHeldBack(key) && !(skipsNodeEnv && key === 'NODE_ENV'))
  const all = [...identityEntries(lease), ...exportable]
  const heldBack = rendered.entries.filter(({ key }) => isHeldBack(key)).map(({ key }) => key)
  return {
    ...rendered,
    warnings: [...rendered.warnings, ...heldBack.map(heldBackWarning)],
    exported: expandEntries(all, process.env),
    shellText: renderShellEnvironment(all),
  }
}

/** Variables with which a template could have programs of its own run by shells, git, interpreters or the linker. */
const runsCode =
  /^(PATH|ENV|BASH_ENV|SHELL|SHELLOPTS|IFS|PROMPT_COMMAND|PS[0-4]|EDITOR|VISUAL|PAGER|BROWSER|(GIT|SSH|LD|DYLD|NPM_CONFIG|CLAUDE|ANTHROPIC)_\w+|NODE_(OPTIONS|PATH)|PYTHON\w+|PERL5\w+|RUBY\w+|_?JAVA_(TOOL_)?OPTIONS)$/i

function heldBackWarning(key: string): string {
  return `${key} of the template is not exported to shells: this repository is not trusted. Read the template, then: agent-isolate trust`
}

/** Writes the env file, unless it is a tracked one, and the shell environment; both 0600, both whole at any moment. */
export function writeEnvironment(project: Project, lease: Lease, reporter: Reporter): void {
  const environment = environmentOf(project, lease)
  for (const warning of environment.warnings) reporter.warn(warning)
  const file = findResource(lease, 'environment')
  if (file === undefined) reporter.warn(trackedWarning(project.config.environment.file))
  else writeEnvFile(project, lease.worktree, file, environment.text)
  writeWhole(join(linkedGitDir(lease.worktree), shellEnvironmentPath), environment.shellText)
}

/** Gives an env file back: one of ours goes, one that was there before us gets back the lines that ours replaced. */
export function removeEnvironment(worktree: string, { inner, existed }: EnvironmentFile): void {
  const path = join(worktree, inner)
  const content = readIfAny(path)
  if (content === undefined) return
  if (!existed) return rmSync(path, { force: true })
  const rest = removeManagedBlock(content)
  const original = readIfAny(originalPath(worktree))
  // Only where nobody has edited the rest meanwhile: what it says now comes first.
  const isUntouched = original !== undefined && rest === readIfAny(strippedPath(worktree))
  writeWhole(path, isUntouched ? original : rest)
}

type EnvironmentFile = Resource & { kind: 'environment' }

function writeEnvFile(
  { repository }: Project,
  worktree: string,
  { inner, existed }: EnvironmentFile,
  text: string,
): void {
  const path = requireWritablePath(worktree, inner)
  const own = readIfAny(path)
  const { source } = repository
  const base = own ?? (source === undefined ? undefined : readIfAny(join(source, inner))) ?? ''
  const merged = mergeEnvFile(base, text, worktree)
  if (existed && own !== undefined && !existsSync(originalPath(worktree))) {
    writeWhole(originalPath(worktree), own)
    writeWhole(strippedPath(worktree), removeManagedBlock(merged))
  }
  writeWhole(path, merged)
}

/** What the user's, or another tool's, env file said before we came to it. */
function originalPath(worktree: string): string {
  return join(ownGitFolder(worktree), 'environment.original')
}

/** The same without the keys that our block sets. */
function strippedPath(worktree: string): string {
  return join(ownGitFolder(worktree), 'environment.stripped')
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
  const suffix = createHash('sha256').update(`${lease.commonDir}\0${lease.worktree}`).digest('hex').slice(0, 6)
  return `${slugOf(basename(lease.root))}-${slug}-${suffix}`
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

function writeWhole(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const finished = `${path}.${process.pid}.tmp`
  writeFileSync(finished, content, { mode: 0o600 })
  renameSync(finished, path)
}
