/** What `init` has to know: each a flag, and a question of the wizard where there is something to decide. */
import type { PostgresDockerConfig, PostgresServerConfig } from '../lib/project/config.ts'
import type { SqliteConfig } from '../lib/project/sqlite-config.ts'
import type { DependencyKind, DependencyStrategy } from '../lib/dependencies/dependency-plan.ts'

/** Which settings.json the hooks go into: the repository's, the user's for this repository, or the user's for all. */
export type Scope = 'project' | 'local' | 'user'

/**
 * How the hooks get here: one compiled file beside the settings (the default); the same with its sources, to be read and
 * changed; the package among the repository's dependencies; a plugin of Claude Code, with nothing here but its name.
 */
export type Delivery = 'program' | 'source' | 'dependency' | 'plugin'

export const deliveries: readonly Delivery[] = ['program', 'source', 'dependency', 'plugin']

/** Of a provider's settings those that `init` decides; all others are its user's alone. */
export type DatabaseAnswer =
  | { provider: 'none' }
  | (Omit<SqliteConfig, 'further' | 'path'> & { path: SqlitePath })
  | Pick<PostgresDockerConfig, 'provider' | 'isolation' | 'image' | 'seed' | 'hasTest'>
  | Pick<PostgresServerConfig, 'provider' | 'url' | 'hasTest'>

/** Of several files the application's first. */
export type SqlitePath = string | readonly string[]

export type Provider = DatabaseAnswer['provider']

export type Answers = {
  scope: Scope
  delivery: Delivery
  database: DatabaseAnswer
  /** Ports beside `app`, lower case. */
  portNames: readonly string[]
  dependencies: Record<DependencyKind, DependencyStrategy>
  /** Glob patterns that the agent is not to read, such as `**` + `/node_modules/**`. */
  excludePatterns: readonly string[]
  /** Shell commands for a new worktree. */
  setup: readonly string[]
  /** Whether test runners and linters are kept out of the worktrees' folder, in configs of theirs that are safe to edit. */
  toolIgnores: boolean
}

/** Every answer by itself, whatever the kind of database, as an option or a question gives it. */
export type Values = Omit<Answers, 'database' | 'dependencies'> & {
  provider: Provider
  path: SqlitePath
  /** undefined: no seed beside the main checkout's own database. */
  seed: string | undefined
  /** Of postgres-docker, as `isolation` is. */
  image: string
  isolation: PostgresDockerConfig['isolation']
  /** As agent-isolate.json has it: `$NAME`. undefined: none is known. */
  url: string | undefined
  hasTest: boolean
  nodeModules: DependencyStrategy
  venv: DependencyStrategy
}

/** A question whose key is there is not asked. */
export type GivenAnswers = Partial<Values>

/** What a database that was not suggested would be made of, if it were chosen. */
export type DatabaseOffers = Pick<Values, 'image' | 'url' | 'hasTest'>

/** Where `init` works. `home` is undefined when there is none (HOME missing): then the user scope is an error. */
export type InitPlace = { root: string; home: string | undefined }
