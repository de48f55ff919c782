/**
 * Writes a file of ours, in git's folders, so that at any moment it is there as a whole, as it was or as it will be. Not for
 * a worktree: what a killed process leaves beside it would be taken for somebody's work.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Mode 0600; its folders are made. A symlink at `path` is replaced, never followed. */
export function writeWhole(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  const finished = `${path}.${process.pid}.tmp`
  writeFileSync(finished, content, { mode: 0o600 })
  renameSync(finished, path)
}
