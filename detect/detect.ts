/**
 * What a repository is made of: read from its files, with one git process and no network. Nothing in the repository is
 * run, and what cannot be read as expected is left out rather than guessed.
 */
import { join } from 'node:path'
import { gitIn } from '../lib/git/git.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import { detectCompose, type ComposeFile, type ComposeService } from './compose.ts'
import { detectDatabaseParts, type DatabaseInParts } from './database-parts.ts'
import { detectRailsDatabases, type RailsDatabase } from './database-yml.ts'
import {
  detectDatabaseUrls,
  detectEmptyDatabaseUrls,
  detectSqliteFiles,
  type EmptyUrl,
  type EnvDatabaseUrl,
  type SqliteFile,
} from './database.ts'
import { detectDatabaseSettings, type DatabaseSetting } from './postgres.ts'
import { detectFrameworks, type Framework } from './framework.ts'
import { detectGenerated, type Generated } from './generated.ts'
import { detectEnvValues, type EnvValue } from './env-values.ts'
import { nameAdvice } from './name-advice.ts'
import { namePorts, type PortNames } from './port-names.ts'
import { detectServers, type Server } from './servers.ts'
import { detectOrms, type Orm } from './orm.ts'
import { detectPackages, type Manifest, type PackageManager, type Workspaces } from './packages.ts'
import { detectPython, type Python } from './python.ts'
import type { ReadFile, RepositoryFiles } from './repository-files.ts'
import { detectServices, type FoundService } from './services.ts'
import { detectAgents, detectGitHooks, detectPrograms, type Agent, type GitHooks, type Program } from './tools.ts'

/** Paths are relative to `root` with `/`, '' for the top; lists are empty where there is nothing. */
export type Detection = {
  root: string
  /** Undefined without a package.json and a deno.json. */
  packageManager: PackageManager | undefined
  workspaces: Workspaces
  /** The package.json files, the top's first. */
  manifests: readonly Manifest[]
  python: Python | undefined
  /** Those of workspaces too, the top first. */
  frameworks: readonly Framework[]
  orms: readonly Orm[]
  /** Code that a command has made in the checkout, and git does not have. */
  generated: readonly Generated[]
  /** What env files say about databases; no user names or passwords. */
  databaseUrls: readonly EnvDatabaseUrl[]
  /** Variables with parts of where the database is: PGHOST, DB_NAME. */
  databaseSettings: readonly DatabaseSetting[]
  /** Databases that env files name in parts, put together. */
  databaseParts: readonly DatabaseInParts[]
  /** Of config/database.yml. */
  railsDatabases: readonly RailsDatabase[]
  emptyDatabaseUrls: readonly EmptyUrl[]
  sqliteFiles: readonly SqliteFile[]
  /** Redis and the like, in env files and compose files. */
  services: readonly FoundService[]
  compose: readonly ComposeFile[]
  /** What env files say of ports of this machine; they may hold passwords. */
  envValues: readonly EnvValue[]
  servers: readonly Server[]
  /** One name for each port that the files say. */
  portNames: PortNames
  agents: readonly Agent[]
  gitHooks: GitHooks | undefined
  /** Runtimes and tools found on PATH or in node_modules/.bin: node, tsx, deno, bun, python3, uv, docker. Not started. */
  programs: readonly Program[]
  files: RepositoryFiles
}

/** `root` is the top of a checkout. Throws `IsolateError` outside a repository. */
export async function detectRepository(root: string): Promise<Detection> {
  const files = await listFiles(root)
  const read = readOnce(root)
  const all = [...files.tracked, ...files.untracked]
  const packages = detectPackages(all, read)
  const python = detectPython(root, all, read)
  const compose = await detectCompose(files.tracked, read)
  const isContained = compose.some((file) => file.services.some(isBuiltServer))
  const frameworks = detectFrameworks(all, packages.manifests, python, read, isContained)
  const envValues = detectEnvValues(files, read)
  const servers = detectServers(all, { frameworks, manifests: packages.manifests, envValues }, read)
  const databaseParts = detectDatabaseParts(all, read)
  const services = detectServices(files, compose, read)
  const others = [...databaseParts.flatMap(({ keys }) => keys.port ?? []), ...services.flatMap(({ key }) => key ?? [])]
  const portNames = namePorts({ compose, envValues, servers, others: new Set(others) })
  return {
    root,
    packageManager: packages.manager,
    workspaces: packages.workspaces,
    manifests: packages.manifests,
    python,
    frameworks: nameAdvice(frameworks, portNames),
    orms: detectOrms(all, packages, python, read),
    generated: detectGenerated(files, packages.manager?.execute ?? 'npx', read),
    databaseUrls: detectDatabaseUrls(files, read),
    databaseSettings: detectDatabaseSettings(all, read),
    databaseParts,
    railsDatabases: await detectRailsDatabases(all, read),
    emptyDatabaseUrls: detectEmptyDatabaseUrls(files, read),
    sqliteFiles: detectSqliteFiles(root, files),
    services,
    compose,
    envValues,
    servers,
    portNames,
    agents: detectAgents(root),
    gitHooks: detectGitHooks(root),
    programs: detectPrograms(root),
    files,
  }
}

/** Of the repository's own code: an image that others have made is none. */
function isBuiltServer({ image, ports }: ComposeService): boolean {
  return image === undefined && ports.length > 0
}

/** Never entered: what they hold is made or installed, and a walk through them takes seconds. */
const skippedFolders = [
  'node_modules .venv venv .git .claude/worktrees .pnpm-store .yarn bower_components vendor site-packages',
  'dist build out target coverage .next .nuxt .output .svelte-kit .turbo .cache tmp log',
  '__pycache__ .mypy_cache .pytest_cache .tox',
].flatMap((line) => line.split(' '))

/** git itself walks the folders: one process for both lists. */
async function listFiles(root: string): Promise<RepositoryFiles> {
  const skipped = skippedFolders.flatMap((folder) => ['-x', folder.includes('/') ? `/${folder}/` : `${folder}/`])
  const listed = await gitIn(root, ['ls-files', '-z', '-t', '--cached', '--others', ...skipped])
  return parseListedFiles(listed)
}

/** Parses `git ls-files -z -t`: entries `TAG path`, tag `?` for untracked; a nested repository ends in `/`. */
export function parseListedFiles(text: string): RepositoryFiles {
  const entries = text.split('\0').filter((entry) => entry !== '' && !entry.endsWith('/'))
  const pathsOf = (isUntracked: boolean): string[] => [
    // A path in conflict is listed once for each side.
    ...new Set(entries.filter((entry) => entry.startsWith('? ') === isUntracked).map((entry) => entry.slice(2))),
  ]
  return { tracked: pathsOf(false), untracked: pathsOf(true) }
}

function readOnce(root: string): ReadFile {
  const known = new Map<string, string | undefined>()
  return (path) => {
    if (!known.has(path)) known.set(path, readIfFile(join(root, path)))
    return known.get(path)
  }
}
