/** The files at the top of a repository that `init` makes or adds to: the template, agent-isolate.json and .gitignore. */
import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { configFileName, parseConfig, type Config } from '../lib/project/config.ts'
import type { Answers, InitPlace } from './answers.ts'
import { allot, type Allotment } from './allotment.ts'
import { isEmptyConfig, setConfig } from './config-file.ts'
import type { Detection } from '../detect/detect.ts'
import type { NamedService } from './find-services.ts'
import { loadSourceFiles } from '../detect/source/source-files.ts'
import { findHouseIndent } from './house-indent.ts'
import { removeIgnoreBlock, setIgnoreBlock } from './gitignore.ts'
import type { RepositoryRecord, WrittenFile } from './manifest.ts'
import type { FileChange } from './file-change.ts'
import { readText } from './read-text.ts'
import { fingerprintOf, hashOf, isUntouched } from './untouched.ts'
import { adviseOnDatabase, describeUnread } from './database-advice.ts'
import { planToolIgnores, planToolRemoval } from './tool-ignores.ts'
import { adviseOnPorts, findMissingLines, renderFirstTemplate, type TemplateFacts } from './template.ts'

export type RepositoryPlan = {
  changes: FileChange[]
  notes: string[]
  record: RepositoryRecord
  /** Whether its config, as it will be, names a database server. */
  usesServers: boolean
}

/** Throws `IsolateError` for an agent-isolate.json that is wrong. */
export function planRepository(
  { root }: InitPlace,
  answers: Answers,
  { detection, services: shared }: { detection: Detection; services: readonly NamedService[] },
  earlier: RepositoryRecord,
): RepositoryPlan {
  const allotment = allot(detection, answers, loadSourceFiles(root, detection.files).sources, shared)
  const config = planConfig(root, answers, allotment, earlier.config)
  const { environment, database, services, worktrees } = parseConfig(config.change.after ?? '', config.change.path)
  const template = planTemplate(root, environment, answers, { ...detection, lines: allotment.lines }, earlier.template)
  const ignore = planIgnoreFile(root, ignoreLines(root, answers, detection, environment), earlier)
  const { files } = detection
  const inner = { root, files, folder: worktrees.folder, gitignore: ignore.change.after }
  const tools = planToolIgnores(inner, answers.toolIgnores, earlier.tools)
  return {
    changes: [template.change, config.change, ignore.change, ...tools.changes],
    notes: [
      ...template.notes,
      ...describeUnread(detection),
      ...adviseOnDatabase(answers, detection),
      ...adviseOnPorts(detection, environment.template),
      ...tools.notes,
    ],
    record: { ...config.record, ...template.record, ...ignore.record, ...tools.record },
    usesServers: database.provider.startsWith('postgres') || Object.keys(services).length > 0,
  }
}

/** What `init` wrote and nobody has changed since goes, or is as it was; the rest is named in notes. */
export function planRepositoryRemoval(
  root: string,
  record: RepositoryRecord,
): Pick<RepositoryPlan, 'changes' | 'notes'> {
  const files = [
    { path: join(root, configFileName), written: record.config },
    { path: join(root, record.template?.path ?? ''), written: record.template },
  ]
  const written = files.flatMap(({ path, written: file }) => (file === undefined ? [] : planRestore(path, file)))
  const path = join(root, '.gitignore')
  const before = readText(path)
  const rest = before === undefined ? undefined : removeIgnoreBlock(before)
  const after = rest === '' && record.ignoreFile === 'made' ? undefined : rest
  return {
    changes: [
      ...written.flatMap(({ change }) => change ?? []),
      { path, before, after },
      ...planToolRemoval(root, record.tools ?? {}),
    ],
    notes: written.flatMap(({ note }) => note ?? []),
  }
}

function planRestore(path: string, { sha256, original }: WrittenFile): { change?: FileChange; note?: string }[] {
  const before = readText(path)
  if (before === undefined) return []
  // A link that has taken the file's place is somebody else's.
  if (isUntouched(path, before, sha256) && !lstatSync(path).isSymbolicLink()) {
    return [{ change: { path, before, after: original ?? undefined } }]
  }
  return [{ note: `${path} has been edited since init wrote it, and stays. Delete it if it is no longer wanted.` }]
}

function planConfig(
  root: string,
  answers: Answers,
  allotment: Allotment,
  earlier: WrittenFile | undefined,
): { change: FileChange; record: RepositoryRecord } {
  const path = join(root, configFileName)
  const before = readText(path)
  const wanted = setConfig(before, path, answers, allotment, findHouseIndent(root))
  const isOurs = before !== undefined && earlier?.original === null && isUntouched(path, before, earlier.sha256)
  const after = isOurs && wanted !== undefined && wanted !== before && isEmptyConfig(wanted) ? undefined : wanted
  const written = recordOf(path, before, after, earlier)
  return { change: { path, before, after }, record: written === undefined ? {} : { config: written } }
}

/** The original is what was there before us; where somebody has edited since, what they made of it. */
function recordOf(
  path: string,
  before: string | undefined,
  after: string | undefined,
  earlier: WrittenFile | undefined,
): WrittenFile | undefined {
  if (before === after || after === undefined) return after === undefined ? undefined : earlier
  const isOurs = earlier !== undefined && before !== undefined && isUntouched(path, before, earlier.sha256)
  const sha256 = path.endsWith('.json') ? fingerprintOf(path, after) : hashOf(after)
  return { sha256, original: isOurs ? earlier.original : (before ?? null) }
}

function planTemplate(
  root: string,
  { template: name, file }: Config['environment'],
  answers: Answers,
  facts: TemplateFacts,
  earlier: RepositoryRecord['template'],
): { change: FileChange; notes: string[]; record: RepositoryRecord } {
  const path = join(root, name)
  const before = readText(path)
  const isOurs = before !== undefined && earlier?.path === name && earlier.sha256 === hashOf(before)
  const after = before === undefined || isOurs ? renderFirstTemplate(answers, facts, file) : before
  const written = recordOf(path, before, after, earlier?.path === name ? earlier : undefined)
  const missing = isOurs || before === undefined ? [] : findMissingLines(before, answers, facts)
  const lines = missing.map((line) => `\n  ${line}`).join('')
  return {
    change: { path, before, after },
    notes: missing.length === 0 ? [] : [`${name} is yours and stays as it is. It does not set:${lines}`],
    record: written === undefined ? {} : { template: { ...written, path: name } },
  }
}

function planIgnoreFile(
  root: string,
  lines: readonly string[],
  earlier: RepositoryRecord,
): { change: FileChange; record: RepositoryRecord } {
  const path = join(root, '.gitignore')
  const before = readText(path)
  const wanted = setIgnoreBlock(before, lines)
  const isOurs = before === undefined || earlier.ignoreFile === 'made'
  const after = wanted === '' && before !== '' && isOurs ? undefined : wanted
  return { change: { path, before, after }, record: isOurs && after !== undefined ? { ignoreFile: 'made' } : {} }
}

/** `node_modules` without a slash, as a link in its place is no folder to git. */
function ignoreLines(
  root: string,
  { scope, dependencies }: Answers,
  { packageManager }: Detection,
  { file, template }: Config['environment'],
): string[] {
  const links = [
    ...(dependencies.node_modules !== 'none' && existsSync(join(root, 'package.json')) ? ['node_modules'] : []),
    ...(dependencies['.venv'] !== 'none' && isPython(root) ? ['.venv'] : []),
  ]
  const store = packageManager?.name === 'pnpm' ? ['.pnpm-store/'] : []
  const own = scope === 'local' ? ['.claude/settings.local.json'] : []
  // A template that git ignores is never committed, and nobody else's worktrees have it.
  const templates = [template].map((path) => `!${path}`)
  return ['.claude/worktrees/', ...store, file, '.agent-isolate/', ...links, ...own, ...templates]
}

function isPython(root: string): boolean {
  return ['pyproject.toml', 'requirements.txt', '.venv', 'Pipfile'].some((name) => existsSync(join(root, name)))
}
