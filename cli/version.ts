/** Which version this is. */
import { dirname, join } from 'node:path'
import { readIfFile } from '../lib/files/read-if-any.ts'

/** The version in the package's package.json, which lies above both the source and the compiled program. */
export function findVersion(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const text = readIfFile(join(folder, 'package.json'))
    const version = text === undefined ? undefined : /"version"\s*:\s*"([^"]+)"/.exec(text)?.[1]
    if (version !== undefined) return version
    if (dirname(folder) === folder) throw new Error(`no package.json above ${import.meta.dirname}`)
  }
}
