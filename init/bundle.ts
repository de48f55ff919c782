/**
 * The program as it is copied into a repository or a home: one compiled file and the script that starts it, which need nothing
 * but a Node, Bun or Deno; on demand with hooks/ and lib/ in TypeScript. No file refers to anything outside. Names without
 * an extension keep the repository's linters, formatters and test runners off.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { isObject, parseJson } from '../lib/files/json.ts'
import { readIfAny } from '../lib/files/read-if-any.ts'
import type { Delivery } from './answers.ts'
import { attributesText, readmeText } from './bundle-texts.ts'
import { applyCuts, areCuts } from './cuts.ts'

export type Bundle = {
  version: string
  /** Text by path, relative with `/`. */
  files: ReadonlyMap<string, string>
}

export type BundleOptions = {
  delivery: Delivery
  /** The copy is for everybody who clones the repository; otherwise git is not to see it. */
  isShared: boolean
  /** With all parts. False for a repository whose config names no database server: a fifth less to commit. */
  hasServers: boolean
}

/** All hooks in one file (build-program.ts). */
export const programFile = 'agent-isolate'

/** hooks/ and lib/ as one brotli of a JSON object, text by path: as files of their own they would be a third of the package. */
export const sourcesFile = 'dist/sources.json.br'

/** What makes of it the program without the parts for database servers. */
export const cutsFile = 'without-servers.json'

/** Throws `IsolateError` when this package is not built, or has no sources to give. */
export function loadBundle({ delivery, isShared, hasServers }: BundleOptions): Bundle {
  const { root, version } = findPackage()
  const hasProgram = delivery === 'program' || delivery === 'source'
  const files = new Map<string, string>([
    ...(isShared ? [] : ([['.gitignore', '*\n']] as const)),
    ...(isShared && hasProgram ? ([['.gitattributes', attributesText]] as const) : []),
    ...(hasProgram ? loadProgramFiles(root, hasServers) : []),
    ...(delivery === 'source' ? loadSources(root, isShared) : []),
  ])
  return { version, files }
}

/** Permissions of a copied file: `run` can also be started by hand. */
export function modeOf(path: string): number {
  return path === 'run' ? 0o755 : 0o644
}

type TextByPath = [path: string, text: string]

/** Works from the sources as well as from dist/, and in the plugin, which has the program at its top. */
function findPackage(): { root: string; version: string } {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = parseJson(readIfAny(join(folder, 'package.json')) ?? '')
    if (!isObject(manifest) || manifest['name'] !== 'agent-isolate') continue
    return { root: folder, version: String(manifest['version']) }
  }
  throw new Error(`no package.json of agent-isolate above ${import.meta.dirname}`)
}

function loadProgramFiles(root: string, hasServers: boolean): TextByPath[] {
  const folders = [join(root, 'dist', 'program'), root]
  const folder = folders.find((each) => existsSync(join(each, programFile)))
  if (folder === undefined) {
    throw new IsolateError(`agent-isolate itself is incomplete: ${join(folders[0] ?? root, programFile)} is missing`, {
      hint: 'Install it again; in a clone of its repository: npm run build',
    })
  }
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  const program = hasServers ? read(programFile) : withoutServers(read(programFile), read(cutsFile))
  return [
    [programFile, program],
    ['run', read('run')],
  ]
}

function withoutServers(program: string, cuts: string): string {
  const found = parseJson(cuts)
  if (!areCuts(found)) throw new Error(`${cutsFile} is not what the build wrote`)
  return applyCuts(program, found)
}

function loadSources(root: string, isShared: boolean): TextByPath[] {
  const archive = join(root, sourcesFile)
  if (!existsSync(archive)) {
    throw new IsolateError('this agent-isolate comes without its sources, as a plugin', {
      hint: 'npx agent-isolate init --delivery source',
    })
  }
  const sources = parseJson(brotliDecompressSync(readFileSync(archive)).toString('utf8'))
  if (!isObject(sources)) throw new Error(`${archive} is not what the build wrote`)
  const license = readIfAny(join(root, 'LICENSE'))
  return [
    // Many repositories ignore every lib/; a rule in the folder itself comes before theirs (gitignore(5)).
    ...(isShared ? ([['.gitignore', '# All of it belongs into the repository.\n!*\n']] satisfies TextByPath[]) : []),
    // The sources are ES modules, whatever the repository's own package.json says.
    ['package.json', '{ "type": "module", "private": true }\n'],
    ['README.md', readmeText],
    ...(license === undefined ? [] : ([['LICENSE', license]] satisfies TextByPath[])),
    ...Object.entries(sources).map(([path, text]): TextByPath => [path, String(text)]),
  ]
}
