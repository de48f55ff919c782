/** Names for what is made aside and renamed into place. They tell which process made it, so that what a killed one left is found. */
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { isRunning } from '../processes/process-identity.ts'
import { ownPlaceMark } from '../processes/process-place.ts'

/** A name that nobody else has, on any machine. */
export function newMakerName(): string {
  return `${process.pid}-${ownPlaceMark()}-${randomBytes(6).toString('hex')}`
}

/** Such things are there for minutes. After this many ms one of another machine, container or boot was left by a killed process. */
const abandonedMs = 24 * 60 * 60 * 1000

/** Whether the process that made the file or folder is gone. False for a `name` that is not of this form. */
export function isLeftBehind(path: string, name = basename(path)): boolean {
  const [, pid, place] = /^(\d+)(?:[-.](\w+))?/.exec(name) ?? []
  if (pid === undefined) return false
  if (place === ownPlaceMark()) return !isRunning(Number(pid))
  const modifiedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs
  return modifiedMs !== undefined && Date.now() - modifiedMs > abandonedMs
}
