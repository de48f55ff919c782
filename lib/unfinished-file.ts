/**
 * Names for files that are written beside the one whose place they take, in folders that are not ours. They tell whose
 * they are, so that what a killed process left can be swept, and is never taken for anybody's work.
 */
import { randomBytes } from 'node:crypto'
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isAlive, ownIdentity } from './process-identity.ts'

const pattern = /^\..+\.agent-isolate-(\d+)-[0-9a-f]{12}\.tmp$/

/** A path of this process's own beside `path`. */
export function unfinishedPath(path: string): string {
  const mark = `agent-isolate-${process.pid}-${randomBytes(6).toString('hex')}`
  return join(dirname(path), `.${basename(path)}.${mark}.tmp`)
}

/** Whether a file of that name or path is one of these. */
export function isUnfinished(path: string): boolean {
  return pattern.test(basename(path))
}

/** Removes from `folder`, which need not be there, what dead processes left. */
export function sweepUnfinished(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  for (const name of readdirSync(folder)) {
    const pid = Number(pattern.exec(name)?.[1] ?? process.pid)
    const path = join(folder, name)
    if (isAlive({ ...ownIdentity(), pid, startTime: '' }) || !lstatSync(path).isFile()) continue
    rmSync(path, { force: true })
  }
}
