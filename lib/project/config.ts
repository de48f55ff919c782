/** agent-isolate.json: read, checked to the last key, and filled up with defaults. With no file at all everything works. */
import { join } from 'node:path'
import { composePortNames, type ComposePorts } from './compose-ports.ts'
import { readDependencies } from './dependency-folders.ts'
import { readSection, type Section } from './config-section.ts'
import { readEnvironment, readPortRemap, type EnvironmentConfig, type PortRemap } from './environment-config.ts'
import { readWorktreesFolder } from './worktrees-folder.ts'
import { isInnerPath } from '../files/inner-path.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { readServices, type Services } from './services-config.ts'
import { readSqlite, type SqliteConfig } from './sqlite-config.ts'
import type { DependencyKind, DependencyStrategy } from '../dependencies/dependency-plan.ts'
import type { FolderStrategies } from '../dependencies/folder-plan.ts'

/** `hasTest`: a worktree has a second database, for its tests, made like the first. */
export type DatabaseConfig = { provider: 'none' } | SqliteConfig | PostgresDockerConfig | PostgresServerConfig

export type PostgresDockerConfig = {
  provider: 'postgres-docker'
  /** A container for each worktree, or one for the repository with a database for each worktree. */
  isolation: 'container' | 'database'
  image: string
  /** Of the database in a container of a worktree's own; in a shared one each worktree's has a name of its own. */
  name: string
  /** The image's superuser. */
  user: string
  /** Further arguments of `docker run`. */
  runArgs: readonly string[]
  storage: 'memory' | 'volume'
  /** In the main checkout: a folder of .sql files, one .sql file, or a dump of pg_dump's. */
  seed: string | undefined
  /** A shell command that fills the database that DATABASE_URL names; after `seed`. */
  seedCommand: string | undefined
  startTimeoutMs: number
  hasTest: boolean
}

export type PostgresServerConfig = {
  provider: 'postgres-server'
  /** Of a database on the server; `$NAME` in it stands for a variable, so that no password is in the file. */
  url: string
  /** The database that each worktree's is a copy of; the one in `url` when left out. */
  template: string | undefined
  /** The database that we are connected to while we make and drop others. */
  maintenance: string
  hasTest: boolean
}

export type FetchMode = 'stale' | 'always' | 'never'

export type Config = {
  worktrees: { folder: string; branchPrefix: string }
  database: DatabaseConfig
  /** `range`: first and last port, both included. `names`: further ports beside `app`. */
  ports: { names: readonly string[]; range: readonly [number, number]; remap: PortRemap }
  /** Ports of compose services that get a leased port on the host. */
  compose: { ports: ComposePorts }
  /** Servers that the machine's checkouts share. */
  services: Services
  dependencies: Record<DependencyKind, DependencyStrategy> & FolderStrategies
  environment: EnvironmentConfig
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
  const compose = top.section('compose')
  const dependencies = top.section('dependencies')
  const environment = top.section('environment')
  const sync = top.section('sync')
  top.text('$schema')
  const database = readDatabase(top.section('database'))
  const config: Config = {
    worktrees: {
      folder: readWorktreesFolder(worktrees),
      branchPrefix: worktrees.text('branchPrefix', isBranchPrefix, 'letters, digits, "._/-"') ?? 'worktree-',
    },
    database,
    ports: {
      names:
        ports.list('names', isPortName, 'lower-case letters, digits and "_", starting with a letter; not "app"') ?? [],
      range: readRange(ports) ?? [20000, 29999],
      remap: readPortRemap(ports, isPortName),
    },
    compose: { ports: readComposePorts(compose, database) },
    services: readServices(top.value('services'), path),
    dependencies: readDependencies(dependencies, top.value('dependencies')),
    environment: readEnvironment(environment),
    copy: top.list('copy', isInnerPath, 'a relative path inside the repository') ?? [],
    sync: {
      upstream: sync.text('upstream', (name) => /^[^-\s/][^\s/]*\/\S+$/.test(name), 'REMOTE/BRANCH'),
      fetch: sync.choice('fetch', ['stale', 'always', 'never']) ?? 'stale',
      timeoutMs: (sync.number('timeoutSeconds', 1, 60) ?? 5) * 1000,
    },
    setup: top.list('setup', isFilled, 'a command') ?? [],
    teardown: top.list('teardown', isFilled, 'a command') ?? [],
  }
  for (const section of [worktrees, ports, compose, dependencies, environment, sync, top]) section.refuseUnknown()
  return config
}

function readDatabase(section: Section): DatabaseConfig {
  const provider = section.choice('provider', ['sqlite', 'postgres-docker', 'postgres-server', 'none']) ?? 'sqlite'
  const config = readProvider(section, provider)
  section.refuseUnknown()
  return config
}

function readProvider(section: Section, provider: DatabaseConfig['provider']): DatabaseConfig {
  switch (provider) {
    case 'sqlite':
      return readSqlite(section)
    case 'postgres-docker':
      return readPostgresDocker(section)
    case 'postgres-server':
      return {
        provider,
        url:
          section.text('url', isFilled, 'the URL of a database on the server, or $NAME of a variable with it') ??
          section.fail('url', 'set'),
        template: section.text('template', isFilled, 'the name of a database'),
        maintenance: section.text('maintenance', isFilled, 'the name of a database') ?? 'postgres',
        hasTest: section.flag('test') ?? false,
      }
    case 'none':
      // So that a database can be switched off for a while.
      for (const key of settingsOfOthers) section.value(key)
      return { provider }
  }
}

const settingsOfOthers =
  'path seed test isolation image name user runArgs storage seedCommand startTimeoutSeconds url template maintenance'.split(
    ' ',
  )

function readPostgresDocker(section: Section): PostgresDockerConfig {
  return {
    provider: 'postgres-docker',
    isolation: section.choice('isolation', ['container', 'database']) ?? 'container',
    image: section.text('image', isImage, 'the name of a container image') ?? 'postgres:16-alpine',
    name: section.text('name', isDatabaseName, databaseNameForm) ?? 'app',
    user: section.text('user', isDatabaseName, databaseNameForm) ?? 'postgres',
    runArgs: section.list('runArgs', isRunArgument, runArgumentForm) ?? [],
    storage: section.choice('storage', ['memory', 'volume']) ?? 'memory',
    seed: section.path('seed'),
    seedCommand: section.text('seedCommand', isFilled, 'a command'),
    startTimeoutMs: (section.number('startTimeoutSeconds', 1, 540) ?? 60) * 1000,
    hasTest: section.flag('test') ?? false,
  }
}

const runArgumentForm =
  'one argument of docker run, such as "--shm-size=256m"; name, labels, and the way it is run and reached are not to be changed'

/** What makes the container ours, and one that stays until we remove it. */
function isRunArgument(text: string): boolean {
  return (
    text !== '' &&
    !/^(?:--(?:name|label|label-file|rm|detach|restart|cidfile|pull|interactive|tty)(?:=|$)|-[a-z]*[dlit]|--net(?:work)?=(?:host|none|container:)|-\w\s)/.test(
      text,
    )
  )
}

const databaseNameForm = 'lower-case letters, digits and "_", starting with a letter, 50 at most'

/** Needs no quotes anywhere, and has room for "_test". Ours begin with "agent_"; two belong to the server. */
function isDatabaseName(text: string): boolean {
  return /^[a-z][a-z0-9_]{0,49}$/.test(text) && !/^(?:agent_|template[01]$)/.test(text)
}

/** A name that docker could take for an option is none. */
function isImage(text: string): boolean {
  return /^[\w][\w./:@-]*$/.test(text)
}

function readComposePorts(section: Section, database: DatabaseConfig): ComposePorts {
  const found = section.value('ports') ?? {}
  const wanted = 'an object, each key a service and each value one of its ports, or a list of them'
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return section.fail('ports', wanted)
  const entries = Object.entries(found).map(([service, value]: [string, unknown]): [string, number[]] => {
    const ports: unknown[] = Array.isArray(value) ? value : [value]
    return ports.length > 0 && ports.every(isContainerPort) ? [service, ports] : section.fail('ports', wanted)
  })
  const ports = Object.fromEntries(entries)
  if (portNamesOf(section, ports).includes('db') && hasOwnContainer(database)) {
    return section.fail('ports', 'without "db", which is the port of the database\'s own container')
  }
  return ports
}

function hasOwnContainer(database: DatabaseConfig): boolean {
  return database.provider === 'postgres-docker' && database.isolation === 'container'
}

function portNamesOf(section: Section, ports: ComposePorts): string[] {
  try {
    return composePortNames(ports).map(({ name }) => name)
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    return section.fail('ports', `without two of one name: ${error.message}`)
  }
}

function isContainerPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535
}

function isPortName(text: string): boolean {
  return /^[a-z][a-z0-9_]{0,30}$/.test(text) && text !== 'app'
}

function isFilled(text: string): boolean {
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
