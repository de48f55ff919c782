/**
 * Compiles the command line, the program of the hooks and the plugin into dist/, a few files each: a process that lives for a tenth of a
 * second must not open seventy. What belongs together lies in one folder, where each file finds the processes that it starts.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { build } from 'esbuild'
import { assemblePlugin } from './plugin.ts'
import { buildProgram, processes, target } from './program.ts'
import { cutsFile, programFile, sourcesFile } from '../init/bundle.ts'
import { runScript } from '../init/bundle-texts.ts'
import { findCuts } from '../init/cuts.ts'

rmSync('dist', { recursive: true, force: true })
await Promise.all([
  buildCli('dist/cli', 'external'),
  // A plugin has no node_modules.
  buildCli('dist/plugin/cli', 'bundle'),
  writeProgram('dist/program'),
])
assemblePlugin('dist/plugin', { program: 'dist/program' })
writeFileSync(sourcesFile, brotliCompressSync(JSON.stringify(readSources(['hooks', 'lib']))))

/** In few bytes, for the package's sake, but with all names: they are what a stack is read by. */
async function buildCli(outdir: string, packages: 'external' | 'bundle'): Promise<void> {
  await build({
    entryPoints: ['cli/agent-isolate.ts', ...processes],
    outdir,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target,
    packages,
    minifyWhitespace: true,
    // jsonc-parser's `main` requires its parts in a way that cannot be bundled.
    mainFields: ['module', 'main'],
    // What yaml has for Node is CommonJS that requires built-ins, which an ES module cannot; its other half is the same in ESM.
    alias: packages === 'bundle' ? { yaml: './node_modules/yaml/browser/dist/index.js' } : {},
    logLevel: 'warning',
  })
}

async function writeProgram(folder: string): Promise<void> {
  const program = await buildProgram({ hasServers: true })
  const cuts = findCuts(program, await buildProgram({ hasServers: false }))
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/${programFile}`, program)
  writeFileSync(`${folder}/${cutsFile}`, `${JSON.stringify(cuts)}\n`)
  writeFileSync(`${folder}/run`, runScript, { mode: 0o755 })
}

/** Text by path; with the paths in order, for the same file of the same sources. */
function readSources(folders: readonly string[]): Record<string, string> {
  const paths = folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)))
    .filter((path) => path.endsWith('.ts'))
  return Object.fromEntries(paths.toSorted().map((path) => [path, readFileSync(path, 'utf8')]))
}
