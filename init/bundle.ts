/**
 * The program as it is copied into a repository or a home: hooks/ and lib/ in TypeScript, to be read and changed, and in
 * dist/ the same compiled, which starts fastest and needs nothing but a Node, Bun or Deno. No file refers to anything outside.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { IsolateError } from '../lib/isolate-error.ts'
import { parseJson } from '../lib/parse-json.ts'
import { readIfAny } from '../lib/read-if-any.ts'
import { readmeText, runScript } from './bundle-texts.ts'
import { isObject } from './hook-handlers.ts'

export type Bundle = {
  version: string
  /** Text by path, relative with `/`. */
  files: ReadonlyMap<string, string>
}

/** `isShared`: the copy is for everybody who clones the repository; otherwise git is not to see it. Throws `IsolateError` when this package is not built. */
export function loadBundle({ isShared }: { isShared: boolean }): Bundle {
  const { root, version } = findPackage()
  const sources = ['hooks', 'lib'].flatMap((folder) => listSources(root, folder))
  const license = readIfAny(join(root, 'LICENSE'))
  const files = new Map<string, string>([
    // Many repositories ignore every dist/ or lib/; a rule in the folder itself comes before theirs (gitignore(5)).
    ['.gitignore', isShared ? '# All of it belongs into the repository.\n!*\n' : '*\n'],
    // The compiled hooks are ES modules, whatever the repository's own package.json says.
    ['package.json', '{ "type": "module", "private": true }\n'],
    ['README.md', readmeText],
    ['run', runScript],
    ...(license === undefined ? [] : [['LICENSE', license] as const]),
    ...sources.map((path) => [path, readFileSync(join(root, path), 'utf8')] as const),
    ...listCompiled(root).map((path) => [path, readFileSync(join(root, path), 'utf8')] as const),
  ])
  return { version, files }
}

/** Permissions of a copied file: `run` can also be started by hand. */
export function modeOf(path: string): number {
  return path === 'run' ? 0o755 : 0o644
}

/** Works from the sources as well as from dist/. */
function findPackage(): { root: string; version: string } {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = parseJson(readIfAny(join(folder, 'package.json')) ?? '')
    if (!isObject(manifest) || manifest['name'] !== 'agent-isolate') continue
    return { root: folder, version: String(manifest['version']) }
  }
  throw new Error(`no package.json of agent-isolate above ${import.meta.dirname}`)
}

function listSources(root: string, folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) return listSources(root, path)
      return entry.name.endsWith('.ts') ? [path] : []
    })
    .toSorted()
}

/** The hooks, the processes that they start and the files that these share: all in one folder (build.ts). */
function listCompiled(root: string): string[] {
  const folder = join(root, compiledFolder)
  if (!existsSync(folder)) {
    throw new IsolateError(`agent-isolate itself is incomplete: ${folder} is missing`, {
      hint: 'Install it again; in a clone of its repository: npm run build',
    })
  }
  return readdirSync(folder)
    .toSorted()
    .map((name) => `${compiledFolder}/${name}`)
}

const compiledFolder = 'dist/hooks'
