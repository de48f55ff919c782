/** agent-isolate.json: read, checked to the last key, and filled up with defaults. With no file at all everything works. */
import { join } from 'node:path'
import { readSection, type Section } from './config-section.ts'
import { isInnerPath } from './inner-path.ts'
import { IsolateError } from './isolate-error.ts'
import { readIfAny } from './read-if-any.ts'
import type { DependencyKind, DependencyStrategy } from './dependencies/dependency-plan.ts'

export type DatabaseConfig =
  | { provider: 'none' }
  /** `path` in the worktree, `seed` in the main checkout; both relative. Without a seed, `path` in the main checkout is it. */
  | { provider: 'sqlite'; path: string; seed: string | undefined }

export type FetchMode = 'stale' | 'always' | 'never'

export type Config = {
  worktrees: { folder: string; branchPrefix: string }
  database: DatabaseConfig
  /** `range`: first and last port, both included. `names`: further ports beside `app`. */
  ports: { names: readonly string[]; range: readonly [number, number] }
  dependencies: Record<DependencyKind, DependencyStrategy>
  environment: { template: string; file: string }
  copy: readonly string[]
  sync: { upstream: string | undefined; fetch: FetchMode; timeoutMs: number }
  /** Shell commands of the repository's owner, run in the worktree once the file is trusted. */
  setup: readonly string[]
  teardown: readonly string[]
}

/** The config of a checkout, and the very text that trust is given to ('' without a file). */
export type LoadedConfig = { config: Config; text: string; path: string }

export const configFileName = 'agent-isolate.json'

/** `folder` undefined (a bare repository and no checkout) gives the defaults. Throws `IsolateError` naming the key at fault. */
export function loadConfig(folder: string | undefined): LoadedConfig {
  const path = join(folder ?? '', configFileName)
  const text = folder === undefined ? '' : (readIfAny(path) ?? '')
  return { config: parseConfig(text, path), text, path }
}

/** `text` '' gives the defaults; `path` is for error messages. */
export function parseConfig(text: string, path: string): Config {
  const top = readSection(text === '' ? {} : parseJson(text, path), '', path)
  const worktrees = top.section('worktrees')
  const ports = top.section('ports')
  const dependencies = top.section('dependencies')
  const environment = top.section('environment')
  const sync = top.section('sync')
  top.text('$schema')
  const config: Config = {
    worktrees: {
      folder: worktrees.path('folder') ?? '.claude/worktrees',
      branchPrefix: worktrees.text('branchPrefix', isBranchPrefix, 'letters, digits, "._/-"') ?? 'worktree-',
    },
    database: readDatabase(top.section('database')),
    ports: {
      names:
        ports.list('names', isPortName, 'lower-case letters, digits and "_", starting with a letter; not "app"') ?? [],
      range: readRange(ports) ?? [20000, 29999],
    },
    dependencies: {
      node_modules: dependencies.choice('node_modules', strategies) ?? 'auto',
      '.venv': dependencies.choice('.venv', strategies) ?? 'auto',
    },
    environment: {
      template: environment.path('template') ?? '.env.agent.template',
      file: environment.path('file') ?? '.env.local',
    },
    copy: top.list('copy', isInnerPath, 'a relative path inside the repository') ?? [],
    sync: {
      upstream: sync.text('upstream', (name) => /^[^-\s/][^\s/]*\/\S+$/.test(name), 'REMOTE/BRANCH'),
      fetch: sync.choice('fetch', ['stale', 'always', 'never']) ?? 'stale',
      timeoutMs: (sync.number('timeoutSeconds', 1, 60) ?? 5) * 1000,
    },
    setup: top.list('setup', isCommand, 'a command') ?? [],
    teardown: top.list('teardown', isCommand, 'a command') ?? [],
  }
  for (const section of [worktrees, ports, dependencies, environment, sync, top]) section.refuseUnknown()
  return config
}

const strategies = ['auto', 'symlink', 'clone', 'install', 'none'] as const

function readDatabase(section: Section): DatabaseConfig {
  const provider = section.choice('provider', ['sqlite', 'none']) ?? 'sqlite'
  const path = section.path('path') ?? '.agent-isolate/dev.db'
  const seed = section.path('seed')
  section.refuseUnknown()
  return provider === 'none' ? { provider } : { provider, path, seed }
}

function isPortName(text: string): boolean {
  return /^[a-z][a-z0-9_]{0,30}$/.test(text) && text !== 'app'
}

function isCommand(text: string): boolean {
  return text.trim() !== ''
}

function isBranchPrefix(text: string): boolean {
  return text === '' || (/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(text) && !/\.\.|\/\/|\/\.|\.lock\//.test(text))
}

function readRange(section: Section): [number, number] | undefined {
  const found = section.value('range')
  if (found === undefined) return undefined
  const [first, last]: unknown[] = Array.isArray(found) && found.length === 2 ? found : []
  if (isPort(first) && isPort(last) && Math.ceil(first / 10) * 10 + 9 <= last) return [first, last]
  return section.fail('range', '[first, last] within 1024 to 65535, with room for an aligned block of ten ports')
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1024 && value <= 65535
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new IsolateError(`${path} is not JSON: ${error.message}`, {
      hint: 'Correct the file and try again.',
      cause: error,
    })
  }
}
