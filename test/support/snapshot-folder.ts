/** All that lies in a folder, to be compared before and after. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The text of every file by its path, folders too; git's own folders left out. */
export function snapshotFolder(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name)
    const content = entry.isDirectory() ? '(folder)' : entry.isSymbolicLink() ? readlinkSync(path) : ''
    return [relative(folder, path), content === '' && entry.isFile() ? readFileSync(path, 'utf8') : content]
  })
  return Object.fromEntries(entries.filter(([path]) => !/(^|\/)\.git(\/|$)/.test(path)))
}
