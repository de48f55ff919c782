/** All that lies in a folder, to be compared before and after. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The text of every file by its path, folders too; git's own folders left out. */
export function snapshotFolder(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name)
    const content = entry.isDirectory() ? '(folder)' : entry.isSymbolicLink() ? readlinkSync(path) : ''
    return [relative(folder, path), content === '' && entry.isFile() ? describe(readFileSync(path)) : content]
  })
  return Object.fromEntries(entries.filter(([path]) => !/(^|\/)\.git(\/|$)/.test(path)))
}

/** Its text; what is as large as programs are, by its digest, since several snapshots are held at a time. */
function describe(content: Buffer): string {
  return content.length < 100_000 ? content.toString() : createHash('sha256').update(content).digest('hex')
}
