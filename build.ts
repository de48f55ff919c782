/**
 * Compiles the hooks and the command line into dist/, a few files each: a process that lives for a tenth of a second must
 * not open seventy. What belongs together lies in one folder, where each file finds the processes that it starts.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const processes = ['lib/dependencies/settle-process.ts', 'lib/sqlite/engine-process.ts']
const hooks = readdirSync('hooks').map((name) => join('hooks', name))

rmSync('dist', { recursive: true, force: true })
await Promise.all([bundle('dist/hooks', hooks), bundle('dist/cli', ['cli/agent-isolate.ts'])])

/** `target` is the oldest Node that package.json's `engines` allows. Not minified: people read what runs in their repositories. */
async function bundle(outdir: string, entryPoints: string[]): Promise<void> {
  await build({
    entryPoints: [...entryPoints, ...processes],
    outdir,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.12',
    packages: 'external',
    logLevel: 'warning',
  })
}
