/** How a repository indents its JSON: what is new is to look like it, to people and to formatters. */
import { join } from 'node:path'
import { readIfAny } from '../lib/files/read-if-any.ts'

/** As the package.json at `root` does; two blanks where there is none. */
export function findHouseIndent(root: string): string {
  return /^\{\r?\n([ \t]+)/.exec(readIfAny(join(root, 'package.json')) ?? '')?.[1] ?? '  '
}
