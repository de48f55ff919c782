/** What `init` would do, as data: every file with its text before and after, so that it can be shown before it is done. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findNotIgnored } from '../lib/exclude.ts'
import { IsolateError } from '../lib/isolate-error.ts'
import { placeHere, requireRepository } from '../lib/repository.ts'
import type { Answers, InitPlace } from './answers.ts'
import { loadBundle } from './bundle.ts'
import type { Detection } from './detect.ts'
import {
  hookCommands,
  isCheckout,
  kindOf,
  loadInstallation,
  settingsFileOf,
  type Installation,
} from './installation.ts'
import { manifestFile, renderManifest, type Manifest } from './manifest.ts'
import { planBundle } from './plan-bundle.ts'
import { planRepository, type RepositoryPlan } from './plan-repository.ts'
import { readText } from './read-text.ts'
import { addToSettings, removeFromSettings, type SettingsRecord } from './settings.ts'
import { adviseOnSettings } from './settings-advice.ts'

/** One file. `path` is absolute; undefined text means that there is no such file. */
export type FileChange = {
  path: string
  before: string | undefined
  after: string | undefined
  /** Permissions of a new file; an existing one keeps its own. */
  mode?: number
  /** A file of the copied program, summarised rather than shown line by line. */
  isBundled?: boolean
}

export type InitPlan = {
  changes: readonly FileChange[]
  /** Advice, one line or a short paragraph each: what Claude Code ignores, the line with which a framework takes its port. */
  notes: readonly string[]
  /** Copied files of ours that somebody has edited: kept as they are unless `edited` is 'overwrite'. Absolute paths. */
  conflicts: readonly string[]
  /** Folders that go when nothing is left in them, the innermost first. */
  emptyFolders?: readonly string[]
  /** Nothing to write. There may be notes all the same. */
  isEmpty: boolean
}

export type PlanOptions = {
  /** What happens to copied files that somebody has edited; 'keep' by default. */
  edited?: 'keep' | 'overwrite'
}

/** Writes nothing. Throws `IsolateError`, naming the file, for one that cannot be edited safely. */
export async function planInit(
  place: InitPlace,
  answers: Answers,
  detection: Detection,
  options: PlanOptions = {},
): Promise<InitPlan> {
  const { scope } = answers
  const hasRepository = isCheckout(place.root)
  if (!hasRepository && scope !== 'user') throw notACheckout(place.root)
  const installation = loadInstallation(place, kindOf(scope))
  const bundle = loadBundle({ isShared: scope === 'project' })
  const copy = planBundle(installation.folder, bundle, installation.manifest.files, options)
  const settings = planSettings(installation, answers)
  const key = installation.repositoryKey
  const repository: RepositoryPlan = hasRepository
    ? planRepository(place, answers, detection, installation.manifest.repositories[key] ?? {})
    : { changes: [], notes: [], record: {} }
  const manifest: Manifest = {
    version: bundle.version,
    madeFolder: installation.manifest.madeFolder || !existsSync(dirname(installation.folder)),
    files: copy.files,
    settings: settings.records,
    repositories: hasRepository
      ? { ...installation.manifest.repositories, [key]: repository.record }
      : installation.manifest.repositories,
  }
  const notes = [
    ...adviseOnSettings(place, answers, settings.texts),
    ...(scope === 'project' ? await adviseOnIgnored(place.root) : []),
    ...repository.notes,
  ]
  const changes = [...settings.changes, ...repository.changes, ...copy.changes, changeManifest(installation, manifest)]
  return makePlan({ changes, notes, conflicts: copy.conflicts })
}

/** Leaves out what stays as it is. */
export function makePlan(plan: Omit<InitPlan, 'isEmpty'>): InitPlan {
  const changes = plan.changes.filter(({ before, after }) => before !== after)
  return { ...plan, changes, isEmpty: changes.length === 0 }
}

type SettingsPlan = { changes: FileChange[]; records: Record<string, SettingsRecord>; texts: string[] }

/** Ours go into the file of the chosen scope, and out of the other one of the same repository: one of them is enough. */
function planSettings(installation: Installation, { scope, excludePatterns }: Answers): SettingsPlan {
  const plan: SettingsPlan = { changes: [], records: {}, texts: [] }
  const wishes = { commands: hookCommands(installation.kind), excludePatterns }
  for (const name of installation.settingsFiles) {
    const path = join(dirname(installation.folder), name)
    const before = readText(path)
    const earlier = installation.manifest.settings[name]
    if (name === settingsFileOf(scope)) {
      const { text, record } = addToSettings(before, path, wishes, earlier)
      plan.changes.push({ path, before, after: text })
      plan.records[name] = record
      plan.texts.push(text)
    } else if (before !== undefined && earlier !== undefined) {
      plan.changes.push({ path, before, after: removeFromSettings(before, path, earlier) })
    }
  }
  return plan
}

function changeManifest({ folder, manifestText }: Installation, manifest: Manifest): FileChange {
  const path = join(folder, manifestFile)
  return { path, before: manifestText, after: renderManifest(manifest), isBundled: true }
}

/** Hooks that git does not carry are missing wherever the settings arrive without them. */
async function adviseOnIgnored(root: string): Promise<string[]> {
  const wanted = ['.claude/settings.json', '.claude/agent-isolate/']
  const carried = await findNotIgnored(placeHere(await requireRepository(root)), wanted)
  const ignored = wanted.filter((path) => !carried.includes(path))
  if (ignored.length === 0) return []
  return [
    `git ignores ${ignored.join(' and ')}: others who clone this repository do not get the hooks. ` +
      'Take the rule out of .gitignore, or choose the scope "local" or "user".',
  ]
}

function notACheckout(root: string): IsolateError {
  return new IsolateError(`not in a git repository: ${root}`, {
    hint: 'Make one (git init), or choose the scope "user".',
  })
}
