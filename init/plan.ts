/** What `init` would do, as data: every file with its text before and after, so that it can be shown before it is done. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findNotIgnored } from '../lib/git/exclude.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { placeHere, requireRepository } from '../lib/git/repository.ts'
import type { Answers, InitPlace } from './answers.ts'
import { loadBundle } from './bundle.ts'
import type { Detection } from '../detect/detect.ts'
import {
  hookCommands,
  isCheckout,
  kindOf,
  loadInstallation,
  settingsFileOf,
  type Installation,
} from './installation.ts'
import { makePlan, type FileChange, type InitPlan, type PlanOptions } from './file-change.ts'
import { findHouseIndent } from './house-indent.ts'
import { manifestFile, renderManifest, type Manifest } from './manifest.ts'
import { listInnerFolders, planBundle } from './plan-bundle.ts'
import { planRepository, type RepositoryPlan } from './plan-repository.ts'
import { readText } from './read-text.ts'
import { addToSettings, removeFromSettings, type SettingsRecord } from './settings.ts'
import { adviseOnDelivery } from './delivery-advice.ts'
import { adviseOnSettings } from './settings-advice.ts'

/** Writes nothing. Throws `IsolateError`, naming the file, for one that cannot be edited safely. */
export async function planInit(
  place: InitPlace,
  answers: Answers,
  detection: Detection,
  options: PlanOptions = {},
): Promise<InitPlan> {
  const { scope, delivery } = answers
  const hasRepository = requirePlace(place, answers)
  const installation = loadInstallation(place, kindOf(scope))
  const { folder, manifest: earlier, repositoryKey: key } = installation
  const repository: RepositoryPlan | undefined = hasRepository
    ? planRepository(place, answers, { detection, services: options.services ?? [] }, earlier.repositories[key] ?? {})
    : undefined
  // A copy in the home is for every repository.
  const hasServers = scope === 'user' || (repository?.usesServers ?? true)
  const bundle = loadBundle({ delivery, isShared: scope === 'project', hasServers })
  const copy = planBundle(folder, bundle, earlier.files, options)
  const settings = planSettings(place, installation, answers)
  const manifest = changeManifest(installation, {
    version: bundle.version,
    delivery,
    madeFolder: earlier.madeFolder || !existsSync(dirname(folder)),
    files: copy.files,
    settings: settings.records,
    repositories: { ...earlier.repositories, ...(repository === undefined ? {} : { [key]: repository.record }) },
  })
  const notes = [
    ...adviseOnSettings(place, answers, settings.texts),
    ...adviseOnDelivery(place, answers),
    ...(scope === 'project' ? await adviseOnIgnored(place.root, [...bundle.files.keys()]) : []),
    ...(repository?.notes ?? []),
  ]
  const changes = [...settings.changes, ...(repository?.changes ?? []), ...copy.changes, ...manifest]
  // Those of sources that an earlier init copied.
  return makePlan({ changes, notes, conflicts: copy.conflicts, emptyFolders: listInnerFolders(folder, earlier.files) })
}

/** Whether there is a repository, which only the user's own settings can do without. */
function requirePlace({ root }: InitPlace, { scope, delivery }: Answers): boolean {
  if (scope === 'user' && delivery === 'dependency') throw notForUser()
  const hasRepository = isCheckout(root)
  if (!hasRepository && scope !== 'user') throw notACheckout(root)
  return hasRepository
}

type SettingsPlan = { changes: FileChange[]; records: Record<string, SettingsRecord>; texts: string[] }

/** Ours go into the file of the chosen scope, and out of the other one of the same repository: one of them is enough. */
function planSettings(
  { root }: InitPlace,
  installation: Installation,
  { scope, delivery, excludePatterns }: Answers,
): SettingsPlan {
  const plan: SettingsPlan = { changes: [], records: {}, texts: [] }
  const commands = delivery === 'plugin' ? undefined : hookCommands(installation.kind, delivery)
  const wishes = { commands, excludePatterns, indent: findHouseIndent(root) }
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

function changeManifest({ folder, manifestPath, manifestText }: Installation, manifest: Manifest): FileChange[] {
  const path = join(folder, manifestFile)
  const after = renderManifest(manifest)
  if (path === manifestPath) return [{ path, before: manifestText, after, isBundled: true }]
  return [
    { path, before: undefined, after, isBundled: true },
    { path: manifestPath, before: manifestText, after: undefined, isBundled: true },
  ]
}

/** Hooks that git does not carry are missing wherever the settings arrive without them. */
async function adviseOnIgnored(root: string, files: readonly string[]): Promise<string[]> {
  const folder = '.claude/agent-isolate/'
  const wanted = ['.claude/settings.json', folder, ...[...files, manifestFile].map((path) => folder + path)]
  const carried = await findNotIgnored(placeHere(await requireRepository(root)), wanted)
  const isFolderIgnored = !carried.includes(folder)
  const ignored = wanted.filter(
    (path) => !carried.includes(path) && !(isFolderIgnored && path.startsWith(folder) && path !== folder),
  )
  if (ignored.length === 0) return []
  return [
    `git ignores ${ignored.join(' and ')}: others who clone this repository do not get the hooks. ` +
      'Take the rule out of .gitignore, or choose the scope "local" or "user".',
  ]
}

function notForUser(): IsolateError {
  return new IsolateError('a dependency is of one repository, and the scope "user" is for all', {
    hint: 'Choose the scope "project" or "local", or another --delivery.',
  })
}

function notACheckout(root: string): IsolateError {
  return new IsolateError(`not in a git repository: ${root}`, {
    hint: 'Make one (git init), or choose the scope "user".',
  })
}
