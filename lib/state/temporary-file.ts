/**
 * Finished files under names of their own in the state folder, to be linked or renamed into place: what has the final
 * name is always whole. A name tells which process made it, so that what a killed one left can be swept.
 */
import { closeSync, fsyncSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, IsolateError } from '../report/isolate-error.ts'
import { isLeftBehind, newMakerName } from './maker-name.ts'
import { requireStateFolder, stateFolderHint } from './state-folder.ts'

/** Writes `content` (mode 0600) and returns the file's path. With `durable` it is on disk (fsync) when this returns. */
export function writeTemporaryFile(content: string, { durable }: { durable: boolean }): string {
  const path = join(requireStateFolder('tmp'), newMakerName())
  try {
    const file = openSync(path, 'wx', 0o600)
    try {
      // Not writeSync, which may write a part and be content.
      writeFileSync(file, content)
      if (durable) fsyncSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    rmSync(path, { force: true })
    throw new IsolateError(`${path} cannot be written: ${errorText(error)}`, {
      hint: stateFolderHint(error),
      cause: error,
    })
  }
  return path
}

/** Paths of the temporary files that dead processes left. */
export function findLeftFiles(): string[] {
  const folder = requireStateFolder('tmp')
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => isLeftBehind(path))
}
