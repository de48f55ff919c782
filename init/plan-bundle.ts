/** Which copied files of ours are made, updated, kept or removed. Reads, and writes nothing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { modeOf, type Bundle } from './bundle.ts'
import { hashOf } from './manifest.ts'
import { readText } from './read-text.ts'
import type { FileChange, PlanOptions } from './plan.ts'

export type BundlePlan = {
  changes: FileChange[]
  /** Absolute paths of files that somebody has edited, and that stay. */
  conflicts: string[]
  /** Checksums as we wrote them: an edited file keeps that of its last version of ours. */
  files: Record<string, string>
}

/** `known` is the manifest's list. A file with another content than it names has been edited. */
export function planBundle(
  folder: string,
  bundle: Bundle,
  known: Readonly<Record<string, string>>,
  { edited = 'keep' }: PlanOptions,
): BundlePlan {
  const plan: BundlePlan = { changes: [], conflicts: [], files: {} }
  const isSourceRun = edited === 'keep' && known[aCompiledFile] !== undefined && !existsSync(join(folder, 'dist'))
  for (const [path, wanted] of bundle.files) {
    const file = join(folder, path)
    const current = readText(file)
    const isDeleted = isSourceRun && path.startsWith('dist/')
    const isEdited = isDeleted || (current !== undefined && current !== wanted && hashOf(current) !== known[path])
    if (isEdited && edited === 'keep') {
      if (!isDeleted) plan.conflicts.push(file)
      plan.files[path] = known[path] ?? hashOf(wanted)
      continue
    }
    plan.files[path] = hashOf(wanted)
    if (current !== wanted) plan.changes.push(changeOf(file, current, wanted, modeOf(path)))
  }
  if (isSourceRun) plan.conflicts.push(join(folder, 'dist'))
  return withoutOutdated(plan, folder, bundle, known)
}

/** All files of the manifest that are as we wrote them go; the others are answered as conflicts. */
export function planBundleRemoval(
  folder: string,
  known: Readonly<Record<string, string>>,
): Pick<BundlePlan, 'changes' | 'conflicts'> {
  const changes: FileChange[] = []
  const conflicts: string[] = []
  for (const [path, hash] of Object.entries(known)) {
    const file = join(folder, path)
    const current = readText(file)
    if (current === undefined) continue
    if (hashOf(current) === hash) changes.push(changeOf(file, current, undefined))
    else conflicts.push(file)
  }
  return { changes, conflicts }
}

const aCompiledFile = 'dist/hooks/worktree-create.js'

/** What an older version had and this one has not. */
function withoutOutdated(
  plan: BundlePlan,
  folder: string,
  bundle: Bundle,
  known: Readonly<Record<string, string>>,
): BundlePlan {
  const outdated = Object.entries(known).filter(([path]) => !bundle.files.has(path))
  const removal = planBundleRemoval(folder, Object.fromEntries(outdated))
  return {
    ...plan,
    changes: [...plan.changes, ...removal.changes],
    conflicts: [...plan.conflicts, ...removal.conflicts],
  }
}

function changeOf(path: string, before: string | undefined, after: string | undefined, mode?: number): FileChange {
  return { path, before, after, isBundled: true, ...(mode === undefined ? {} : { mode }) }
}
