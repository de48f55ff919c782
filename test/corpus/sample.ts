/** A sample repository: the shape of one that people have, in small. Nothing in it knows of agent-isolate. */
import type { PostgresServer } from '../support/postgres.ts'
import type { Sandbox } from '../support/sandbox.ts'
import type { SharedServer } from '../support/shared-servers.ts'

export type Sample = {
  name: string
  /** Committed. */
  files: Readonly<Record<string, string>>
  /** In the main checkout alone: git ignores them. */
  local?: (around: Surroundings) => Readonly<Record<string, string>>
  /** What a developer has done in the main checkout before: an install, a database. */
  prepare?: (root: string, around: Surroundings) => void
  /** Needs a PostgreSQL server. */
  usesPostgres?: boolean
  /** Needs a Redis server. */
  usesRedis?: boolean
  /** Flags of `init --yes`. */
  flags?: readonly string[]
  /** Started in the main checkout and in each worktree, all at the same time. */
  servers?: readonly Server[]
  /** Run in both worktrees at the same time, when the servers are up. */
  checks?: readonly Command[]
  /** Run in the main checkout after that, while the worktrees are there. */
  mainChecks?: readonly Command[]
  /** The checks leave commits in the worktrees, to be thrown away. */
  discards?: boolean
  /** What `doctor` leaves to the user after `init --yes`, as `file:line` or `file`: nothing of it is ours. */
  left: readonly string[]
  /** What the user makes of those lines: files as they are then. After it doctor leaves nothing but `leftThen`. */
  mend?: Readonly<Record<string, string>>
  leftThen?: readonly string[]
  /** Paths of what its programs leave in the main checkout. */
  traces?: readonly RegExp[]
}

/** Servers where the sample uses them; PostgreSQL's has a database `app`. */
export type Surroundings = { sandbox: Sandbox; postgres?: PostgresServer; redis?: SharedServer }

/** A program and its arguments, started in `folder` of the checkout. */
export type Command = { folder?: string; argv: readonly string[]; env?: Readonly<Record<string, string>> }

export type Server = Command & {
  /** Of its port in the lease. */
  port: string
  /** Where it listens in the main checkout. */
  mainPort: number
  /** What it says of itself: JSON with `cwd`, `port`, and whatever is expected of it. Another server answers in its own way. */
  expect?: (answer: Answer, checkout: Checkout) => void
}

export type Answer = Readonly<Record<string, string>>

/** `ports` by name; those of the main checkout by the samples' own. */
export type Checkout = { folder: string; isMain: boolean; ports: Readonly<Record<string, number>> }
