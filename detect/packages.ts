/** JavaScript packages: package.json files, the package manager and its lockfile, workspaces. */
import { posix } from 'node:path'
import { parseJson } from '../lib/files/json.ts'
import { folderOf, type ReadFile } from './repository-files.ts'

export type PackageManagerName = 'npm' | 'pnpm' | 'yarn' | 'bun' | 'deno'

/** `execute` goes before the name of a program from node_modules: `npx`, `pnpm exec`, …. */
export type PackageManager = { name: PackageManagerName; lockfile: string | undefined; execute: string }

export type Workspaces = {
  /** As written in package.json or pnpm-workspace.yaml. */
  patterns: readonly string[]
  /** Folders below the top that have a package.json. */
  folders: readonly string[]
}

export type Manifest = {
  folder: string
  scripts: Readonly<Record<string, string>>
  /** Names, those for development included. */
  dependencies: ReadonlySet<string>
}

export type Packages = {
  manager: PackageManager | undefined
  workspaces: Workspaces
  /** The top's first. */
  manifests: readonly Manifest[]
}

/** In the order in which they are believed, should there be two. */
const lockfiles: readonly (readonly [string, PackageManagerName])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['yarn.lock', 'yarn'],
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
  ['deno.lock', 'deno'],
]

const executes: Record<PackageManagerName, string> = {
  npm: 'npx',
  pnpm: 'pnpm exec',
  yarn: 'yarn',
  bun: 'bunx',
  deno: 'deno run -A npm:',
}

/** A repository with more packages than these is told by its first ones. */
const mostManifests = 200

export function detectPackages(files: readonly string[], read: ReadFile): Packages {
  const manifests = files
    .filter((path) => posix.basename(path) === 'package.json')
    .toSorted((a, b) => a.split('/').length - b.split('/').length)
    .slice(0, mostManifests)
    .flatMap((path) => parseManifest(read(path) ?? '', folderOf(path)) ?? [])
  const top = parseRecord(read('package.json') ?? '')
  return {
    manager: findManager(new Set(files), top),
    workspaces: {
      patterns: [...parseWorkspaces(top), ...parsePnpmWorkspaces(read('pnpm-workspace.yaml') ?? '')],
      folders: manifests.map(({ folder }) => folder).filter((folder) => folder !== ''),
    },
    manifests,
  }
}

/** Undefined for text that is no JSON object. */
export function parseManifest(text: string, folder: string): Manifest | undefined {
  const value = parseRecord(text)
  if (value === undefined) return undefined
  const groups = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']
  const dependencies = groups.flatMap((group) => Object.keys(asRecord(value[group]) ?? {}))
  const scripts = Object.entries(asRecord(value['scripts']) ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return { folder, scripts: Object.fromEntries(scripts), dependencies: new Set(dependencies) }
}

/** Patterns below `packages:` in a pnpm-workspace.yaml. */
export function parsePnpmWorkspaces(text: string): string[] {
  const section = /^packages:[ \t]*\r?\n((?:[ \t]*(?:-.*|#.*)?\r?(?:\n|$))*)/m.exec(text)?.[1] ?? ''
  return [...section.matchAll(/^[ \t]*-[ \t]*["']?([^"'#\r\n]+?)["']?[ \t]*(?:#.*)?\r?$/gm)].map(
    ([, name = '']) => name,
  )
}

function findManager(files: ReadonlySet<string>, top: Record<string, unknown> | undefined): PackageManager | undefined {
  const [lockfile, locked] = lockfiles.find(([name]) => files.has(name)) ?? []
  const declared = /^(npm|pnpm|yarn|bun)@/.exec(textOf(top?.['packageManager']))?.[1]
  const known = lockfiles.find(([, name]) => name === declared)?.[1] ?? locked
  const isDeno = files.has('deno.json') || files.has('deno.jsonc')
  const name = known ?? (top === undefined ? (isDeno ? 'deno' : undefined) : 'npm')
  if (name === undefined) return undefined
  const own = lockfiles.find(([file, owner]) => owner === name && files.has(file))?.[0]
  return { name, lockfile: own ?? lockfile, execute: executes[name] }
}

/** A list, or an object with `packages`, as yarn has it. */
function parseWorkspaces(top: Record<string, unknown> | undefined): string[] {
  const value = top?.['workspaces']
  const list = asRecord(value)?.['packages'] ?? value
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parseRecord(text: string): Record<string, unknown> | undefined {
  return asRecord(parseJson(text))
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
}
