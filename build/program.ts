/**
 * The whole program as one file of readable CommonJS: every hook, and the processes that the engine starts, chosen by the
 * first argument. It starts as fast as files of each hook's own: built-in modules are loaded when they are first used. Laid
 * out to be read, in as few bytes as that takes: users commit it.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { format } from 'prettier'

/** Files of lib/ that are programs themselves. */
export const processes = ['lib/dependencies/settle-process.ts', 'lib/database/sqlite/engine-process.ts']

/** The oldest that package.json's `engines` allows. */
export const target = 'node20.12'

/** Parts of lib/ that are imported late, and that a repository without a database server has no use for. */
const servers = ['database/postgres', 'services']

/** The text of the file; without `hasServers` of the one that cannot reach any. It is the same for the same sources. */
export async function buildProgram({ hasServers }: { hasServers: boolean }): Promise<string> {
  const entries = [...readdirSync('hooks').map((name) => `hooks/${name}`), ...processes]
  const { outputFiles } = await build({
    stdin: { contents: renderDispatcher(entries), resolveDir: '.', loader: 'ts' },
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target,
    charset: 'utf8',
    define: { 'import.meta.url': '$ownUrl' },
    plugins: [flatten(entries, hasServers ? [] : servers)],
    logLevel: 'warning',
  })
  const text = shorten(outputFiles[0]?.text ?? '')
  const body = await format(dropEmptyParts(importBuiltins(text)), { parser: 'babel', ...layout })
  return renderHeader(body) + body
}

/** Half of a file's blanks are those that begin lines. */
const layout = {
  useTabs: true,
  semi: false,
  singleQuote: true,
  printWidth: 160,
  arrowParens: 'avoid',
  trailingComma: 'none',
  bracketSpacing: false,
  objectWrap: 'collapse',
} as const

/** Which source each part comes from stays, in short; what is for bundlers, and what says nothing, goes. */
function shorten(text: string): string {
  return (
    text
      .replace(/^\/\/ (?:lib\/)?([\w/-]+)\.ts$/gm, '// $1')
      // A module of types alone, or one that is all functions further up.
      .replace(/^\/\/ [\w/-]+\n+(?=\/\/ [\w/-]+$)/gm, '')
      .replaceAll('/* @__PURE__ */ ', '')
      .replace(/^( *)\/\*\*(?:(?!\*\/).)*\*\/\n/gms, '')
      .replace(/\breturn void 0;/g, 'return;')
  )
}

/** Of modules that are types alone, or functions that are further up, nothing is left but the name. */
function dropEmptyParts(text: string): string {
  return text.replace(/^\/\/ [\w/-]+\n+(?=\/\/ [\w/-]+$)/gm, '')
}

function renderDispatcher(entries: readonly string[]): string {
  const imports = entries.map((path, index) => `import { start as start${index} } from './${path}'`)
  const names = entries.map((path, index) => `  '${basename(path, '.ts')}': start${index},`)
  return `import { resolve } from 'node:path'
${imports.join('\n')}

// In a function: no name of its own is in the way of others.
function dispatch(): void {
const starts: Record<string, () => Promise<void>> = {
${names.join('\n')}
}
// The entry finds its arguments where they are when it is a file of its own.
const [name = ''] = process.argv.splice(2, 1)
// Relative until now; a process may leave the folder.
process.argv[1] = resolve(process.argv[1] ?? '')
const start = starts[name]
if (start === undefined) {
  process.stderr.write(\`agent-isolate: no entry "\${name}", only \${Object.keys(starts).join(', ')}\\n\`)
  process.exitCode = 2
} else {
  void start()
}
}
dispatch()
`
}

/**
 * An entry ends in the statement that does its work, which becomes a function to be called. Modules that are imported late
 * are in the file anyway; as static imports they need no wrapping, nor does what they have in common with the others.
 */
function flatten(entries: readonly string[], leftOut: readonly string[]): Plugin {
  return {
    name: 'flatten',
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const isEntry = entries.some((entry) => path.endsWith(`/${entry}`))
        const text = readFileSync(path, 'utf8')
        const folder = dirname(path)
        const own = withoutLateImports(withoutParts(isEntry ? asFunction(text, path) : text, folder, leftOut))
        return { contents: own, loader: 'ts' }
      })
    },
  }
}

function asFunction(text: string, path: string): string {
  if (text.match(/^await /gm)?.length !== 1) throw new Error(`${path}: an entry has one "await", its last statement`)
  return text.replace(/^await /m, 'export const start = (): Promise<void> => ')
}

/** Late imports of what lies in the rooms `leftOut` become a call that says so. */
function withoutParts(text: string, folder: string, leftOut: readonly string[]): string {
  const rest = text.replace(lateImport, (late, path: string) =>
    leftOut.some((room) => resolve(folder, path).startsWith(resolve('lib', room))) ? 'missingServers()' : late,
  )
  return rest === text ? text : `import { missingServers } from '${resolve('build/missing-servers.ts')}'\n${rest}`
}

function withoutLateImports(text: string): string {
  const paths = new Set(Array.from(text.matchAll(lateImport), ([, path = '']) => path))
  const imports = [...paths].map((path, index) => `import * as late${index} from '${path}'\n`)
  return imports.join('') + text.replace(lateImport, (_, path: string) => `late${[...paths].indexOf(path)}`)
}

const lateImport = /await import\('(\.[^']+)'\)/g

/**
 * esbuild has each module require what it imports, at once and under a name of its own. Here a module is loaded when it is
 * first used; of those that Node has loaded anyway, functions have the names that they have in the sources.
 */
function importBuiltins(text: string): string {
  if (text.includes('$node')) throw new Error('"$node" is a name of build-program.ts')
  const modules = new Map<string, string>()
  const rest = text.replace(/^var (\w+) = require\("node:([\w/]+)"\);\n/gm, (_, name: string, module: string) => {
    modules.set(name, module)
    return ''
  })
  const direct = new Map<string, Set<string>>(['fs', 'path'].map((module) => [module, new Set()]))
  const callDirectly = (call: string, name: string, member: string): string => {
    const names = direct.get(modules.get(name) ?? '')
    if (names === undefined || new RegExp(`(?<![\\w$.])${member}(?![\\w$])`).test(rest)) return call
    names.add(member)
    return member
  }
  const used = [...new Set(modules.values())].toSorted()
  const getters = used.map((module) => `  get ${propertyOf(module)}() {\n    return require("node:${module}");\n  },\n`)
  const body = rest
    .replace(/\(0, (import_\w+)\.(\w+)\)/g, callDirectly)
    .replace(/\b(import_\w+)\.(\w+)\b/g, callDirectly)
    .replace(/\(0, (import_\w+)(\.\w+)\)/g, (call, name: string, member: string) =>
      modules.has(name) ? name + member : call,
    )
    .replace(/\bimport_\w+/g, (name) => {
      const module = modules.get(name)
      return module === undefined ? name : `$node.${propertyOf(module)}`
    })
  const imports = Array.from(
    direct,
    ([module, names]) => `const { ${[...names].toSorted().join(', ')} } = require("node:${module}");\n`,
  ).join('')
  return `"use strict";
const $node = {
${getters.join('')}};
${imports}const $ownUrl = $node.url.pathToFileURL(__filename).href;

${body}`
}

function propertyOf(module: string): string {
  return module.replace('/', '_')
}

function renderHeader(body: string): string {
  const { version, homepage }: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8'))
  const [, copyright = ''] = /^(Copyright .+)$/m.exec(readFileSync('LICENSE', 'utf8')) ?? []
  return `// -*- mode: javascript -*-
// agent-isolate ${version}: gives every git worktree of an AI coding agent its own ports, database and environment.
// Generated from ${homepage} (hooks/ and lib/, version ${version}), and not minified.
// Do not edit: "npx agent-isolate init" brings it up to date, "npx agent-isolate uninstall" takes it out.
// ${copyright}. SPDX-License-Identifier: MIT
// SHA-256 of all that follows the next, empty line: ${createHash('sha256').update(body).digest('hex')}

`
}
