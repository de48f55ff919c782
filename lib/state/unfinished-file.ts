/**
 * Names for files that are written beside the one whose place they take, in folders that are not ours. They tell whose
 * they are, so that what a killed process left can be swept, and is never taken for anybody's work.
 */
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isLeftBehind, newMakerName } from './maker-name.ts'

const pattern = /^\..+\.agent-isolate-(\d+-\w+-[0-9a-f]{12})\.tmp$/

/** A path of this process's own beside `path`. */
export function unfinishedPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.agent-isolate-${newMakerName()}.tmp`)
}

/** Whether a file of that name or path is one of these. */
export function isUnfinished(path: string): boolean {
  return pattern.test(basename(path))
}

/** Removes from `folder`, which need not be there, what dead processes left. */
export function sweepUnfinished(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  for (const name of readdirSync(folder)) {
    const maker = pattern.exec(name)?.[1]
    const path = join(folder, name)
    if (maker !== undefined && isLeftBehind(path, maker) && lstatSync(path).isFile()) rmSync(path, { force: true })
  }
}
