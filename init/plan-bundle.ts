/** Which copied files of ours are made, updated, kept or removed. Reads, and writes nothing. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { modeOf, programFile, type Bundle } from './bundle.ts'
import { readText } from './read-text.ts'
import type { FileChange, PlanOptions } from './file-change.ts'
import { fingerprintOf, isUntouched } from './untouched.ts'

export type BundlePlan = {
  changes: FileChange[]
  /** Absolute paths of files that somebody has edited, and that stay. */
  conflicts: string[]
  /** Fingerprints as we wrote them: an edited file keeps that of its last version of ours. */
  files: Record<string, string>
}

type Known = Readonly<Record<string, string>>

/** `known` is the manifest's list. A file that says something else than it names has been edited. */
export function planBundle(folder: string, bundle: Bundle, known: Known, options: PlanOptions): BundlePlan {
  const keeps = options.edited !== 'overwrite'
  const plan: BundlePlan = { changes: [], conflicts: [], files: {} }
  const deleted = keeps && bundle.files.has(aSourceFile) ? findDeletedProgram(folder, known) : undefined
  for (const [path, wanted] of bundle.files) {
    const file = join(folder, path)
    const current = readText(file)
    const fingerprint = fingerprintOf(path, wanted)
    const isSame = current !== undefined && isUntouched(path, current, fingerprint)
    const isEdited = current !== undefined && !isSame && !isUntouched(path, current, known[path])
    const isDeleted = path === programFile && deleted !== undefined
    plan.files[path] = keeps && isEdited ? (known[path] ?? fingerprint) : fingerprint
    if (keeps && isEdited) plan.conflicts.push(file)
    else if (!isSame && !isDeleted) plan.changes.push(changeOf(file, current, wanted, modeOf(path)))
  }
  if (deleted !== undefined) plan.conflicts.push(join(folder, deleted))
  const outdated = Object.entries(known).filter(([path]) => !bundle.files.has(path))
  const removal = planBundleRemoval(folder, Object.fromEntries(outdated), options)
  return {
    ...plan,
    changes: [...plan.changes, ...removal.changes],
    conflicts: [...plan.conflicts, ...removal.conflicts],
  }
}

/** All files of the manifest that are as we wrote them go; the others are answered as conflicts. */
export function planBundleRemoval(
  folder: string,
  known: Known,
  { edited = 'keep' }: PlanOptions = {},
): Pick<BundlePlan, 'changes' | 'conflicts'> {
  const changes: FileChange[] = []
  const conflicts: string[] = []
  for (const [path, recorded] of Object.entries(known)) {
    const file = join(folder, path)
    const current = readText(file)
    if (current === undefined) continue
    if (edited === 'overwrite' || isUntouched(path, current, recorded)) changes.push(changeOf(file, current, undefined))
    else conflicts.push(file)
  }
  return { changes, conflicts }
}

/** The folders inside of the copy that hold the files of the manifest, the innermost first. */
export function listInnerFolders(folder: string, known: Known): string[] {
  const inner = Object.keys(known).flatMap(ancestors)
  return [...new Set(inner)].toSorted((a, b) => b.length - a.length).map((path) => join(folder, path))
}

function ancestors(path: string): string[] {
  const folder = dirname(path)
  return folder === '.' ? [] : [folder, ...ancestors(folder)]
}

/** Whether somebody works on the sources of this copy: one of its files is edited, or what would run instead is deleted. */
export function isWorkedOn(folder: string, known: Known): boolean {
  const hasSources = known[aSourceFile] !== undefined
  if (!hasSources) return false
  return findDeletedProgram(folder, known) !== undefined || planBundleRemoval(folder, known).conflicts.length > 0
}

const aSourceFile = 'hooks/worktree-create.ts'

/** Compiled files that are gone, so that the sources beside them run. Older versions had a folder of them. */
function findDeletedProgram(folder: string, known: Known): string | undefined {
  const compiled = { [programFile]: programFile, 'dist/hooks/worktree-create.js': 'dist' }
  const found = Object.entries(compiled).find(([path, part]) => known[path] && !existsSync(join(folder, part)))
  return found?.[1]
}

function changeOf(path: string, before: string | undefined, after: string | undefined, mode?: number): FileChange {
  return { path, before, after, isBundled: true, ...(mode === undefined ? {} : { mode }) }
}
