/** The kinds of files that are read, the first that fits being a file's. */
import { isComposeFile } from '../compose.ts'
import { isEnvFile } from '../database.ts'
import type { FileKind } from './file-kind.ts'
import { composer, justfile, makefile, packages, procfile, shell } from './kinds/commands.ts'
import { compiled } from './kinds/compiled.ts'
import { configFiles, insideFiles } from './kinds/config-files.ts'
import { python } from './kinds/python.ts'
import { ruby } from './kinds/ruby.ts'
import { script } from './kinds/script.ts'

const unruled = { comments: 'hash', rules: [], rewrite: (line: string) => line } as const

/** Compose and env files have checks of their own, which know their syntax. */
const fileKinds: readonly FileKind[] = [
  { ...unruled, kind: 'compose', title: 'compose file', files: isComposeFile },
  { ...unruled, kind: 'env', title: 'env file', files: isEnvFile },
  {
    ...unruled,
    kind: 'database',
    title: 'database.yml',
    files: (path) => /(?:^|\/)config\/database\.ya?ml$/.test(path),
  },
  ...insideFiles,
  ...configFiles,
  packages,
  composer,
  makefile,
  justfile,
  procfile,
  script,
  python,
  ruby,
  ...compiled,
  shell,
]

/** By its path alone; undefined for a file of no kind that is known. */
export function findKind(path: string): FileKind | undefined {
  return fileKinds.find(({ files }) => files(path))
}
