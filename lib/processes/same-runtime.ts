/** Starts another file of ours as a process of the runtime that we are in, with whatever makes TypeScript run here. */
import { basename, extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * JavaScript that runs the one-file program named by the first argument (build-program.ts). Its name has no extension, so a
 * runtime would ask the nearest package.json, which is a stranger's, what kind of module it is; `require` does not.
 */
export const loadProgram = "require(require('path').resolve(process.argv[1]))"

/**
 * The same for Node, whose `require` reads the package.json of the folder that it is started in, for a name that a package has
 * for itself: it may be a FIFO, and is none of ours. Without a module that asks there is nothing to read.
 */
export const loadProgramOnNode = "require('module')._load(require('path').resolve(process.argv[1]))"

/** The same for `deno eval`, which is an argument itself. */
export const loadProgramOnDeno = `process.argv.splice(1, 1); ${loadProgram}`

/**
 * The program and its first arguments for the file `entry` (`./x.ts`), beside the module whose `import.meta.url` is
 * `base`. Where that one is compiled, so is the entry; where all of us is one file, which has no extension, that file takes
 * the entry's name. What made this process run, such as tsx's loader, is among Node's own arguments.
 */
export function commandInSameRuntime(entry: string, base: string): { program: string; args: string[] } {
  const own = fileURLToPath(base)
  const extension = extname(own)
  const isDeno = process.versions['deno'] !== undefined
  if (extension === '') {
    const load = isDeno ? ['eval', '--no-config', '--ext=cjs', loadProgramOnDeno] : process.execArgv
    return { program: process.execPath, args: [...load, own, basename(entry, extname(entry))] }
  }
  const source = fileURLToPath(new URL(entry, base))
  const path = source.slice(0, -extname(source).length) + extension
  return { program: process.execPath, args: [...(isDeno ? ['run', '--allow-all'] : process.execArgv), path] }
}
