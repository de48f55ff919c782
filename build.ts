/**
 * Compiles the command line and the program of the hooks into dist/, a few files each: a process that lives for a tenth of a
 * second must not open seventy. What belongs together lies in one folder, where each file finds the processes that it starts.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'
import { buildProgram, processes, target } from './build-program.ts'
import { runScript } from './init/bundle-texts.ts'

rmSync('dist', { recursive: true, force: true })
await Promise.all([buildCli('dist/cli'), writeProgram('dist/program')])

/** Not minified: people read what runs on their machines. */
async function buildCli(outdir: string): Promise<void> {
  await build({
    entryPoints: ['cli/agent-isolate.ts', ...processes],
    outdir,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target,
    packages: 'external',
    logLevel: 'warning',
  })
}

async function writeProgram(folder: string): Promise<void> {
  const program = await buildProgram()
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/agent-isolate`, program)
  writeFileSync(`${folder}/run`, runScript, { mode: 0o755 })
}
