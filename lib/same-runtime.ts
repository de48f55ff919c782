/** Starts another file of ours as a process of the runtime that we are in, with whatever makes TypeScript run here. */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The program and its first arguments for the file `entry` (`./x.ts`), beside the module whose `import.meta.url` is
 * `base`. Where that one is compiled, so is the entry. tsx's loader is among Node's own arguments.
 */
export function commandInSameRuntime(entry: string, base: string): { program: string; args: string[] } {
  const source = fileURLToPath(new URL(entry, base))
  const path = source.slice(0, -extname(source).length) + extname(fileURLToPath(base))
  const own = process.versions['deno'] === undefined ? process.execArgv : ['run', '--allow-all']
  return { program: process.execPath, args: [...own, path] }
}
