/** What takes an `init` back: its entries, and its files where nobody has edited them since. */
import { dirname, join } from 'node:path'
import type { InitPlace } from './answers.ts'
import { isCheckout, loadInstallation, type Installation, type InstallationKind } from './installation.ts'
import { listInnerFolders, planBundleRemoval } from './plan-bundle.ts'
import { planRepositoryRemoval } from './plan-repository.ts'
import { makePlan, type FileChange, type InitPlan } from './file-change.ts'
import { readText } from './read-text.ts'
import { removeFromSettings } from './settings.ts'

/**
 * `from` undefined: the repository's, where there is one, else the user's. What has been edited stays, and is named in
 * `notes` and `conflicts`. Throws `IsolateError` for a file that cannot be edited safely.
 */
export async function planUninstall(place: InitPlace, from?: InstallationKind): Promise<InitPlan> {
  const installation = findInstallation(place, from)
  if (installation === undefined) return makePlan({ changes: [], notes: [], conflicts: [] })
  const { folder, manifest } = installation
  const copy = planBundleRemoval(folder, manifest.files)
  const records = Object.entries(manifest.repositories)
  const repositories = records
    .map(([key, record]) => ({ root: installation.kind === 'user' ? key : place.root, record }))
    .filter(({ root }) => isCheckout(root))
    .map(({ root, record }) => planRepositoryRemoval(root, record))
  const changes = [
    ...planSettingsRemoval(installation),
    ...repositories.flatMap((plan) => plan.changes),
    ...copy.changes,
    { path: installation.manifestPath, before: installation.manifestText, after: undefined, isBundled: true },
  ]
  const edited = copy.conflicts.map(
    (path) => `${path} has been edited, and stays. Delete it if it is no longer wanted.`,
  )
  const notes = [...repositories.flatMap((plan) => plan.notes), ...edited]
  return makePlan({ changes, notes, conflicts: copy.conflicts, emptyFolders: listFolders(installation) })
}

/** The first with a manifest: without one nothing tells what `init` wrote. */
function findInstallation(place: InitPlace, from: InstallationKind | undefined): Installation | undefined {
  const kinds: InstallationKind[] = from === undefined ? ['repository', 'user'] : [from]
  return kinds
    .filter((kind) => kind === 'repository' || from === 'user' || place.home !== undefined)
    .map((kind) => loadInstallation(place, kind))
    .find(({ manifestText }) => manifestText !== undefined)
}

function planSettingsRemoval({ folder, settingsFiles, manifest }: Installation): FileChange[] {
  return settingsFiles.flatMap((name) => {
    const path = join(dirname(folder), name)
    const before = readText(path)
    const record = manifest.settings[name]
    if (before === undefined || record === undefined) return []
    return [{ path, before, after: removeFromSettings(before, path, record) }]
  })
}

/** All that the copy consists of, the innermost first; `.claude` only where it was made for us. */
function listFolders({ folder, manifest }: Installation): string[] {
  return [...listInnerFolders(folder, manifest.files), folder, ...(manifest.madeFolder ? [dirname(folder)] : [])]
}
