/** What the tests of PostgreSQL in containers share: a trusted repository, its databases asked from outside, what is left looked at. */
import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { connectPostgres } from '../../lib/database/postgres/client/connection.ts'
import { parseDatabaseUrl, targetOf } from '../../lib/database/postgres/client/database-url.ts'
import { listByLabel, postgresImage, removeLabelledAfter } from './docker.ts'
import { runHook, type HookResult } from './hook.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'
import { readEnv, snapshotState } from './state.ts'

export type PostgresRepository = {
  sandbox: Sandbox
  root: string
  /** Carried by all that is made for it on the engine. */
  label: string
  /** Replaces the settings of the database, and trusts the repository again. */
  configure: (database: Readonly<Record<string, unknown>>) => void
}

export const seedFiles = {
  'db/1.sql': 'create table item(id int primary key);\ninsert into item values (1), (2), (3);\n',
}

function renderConfig(database: object): string {
  return JSON.stringify({ database: { provider: 'postgres-docker', image: postgresImage, ...database } })
}

/** A trusted repository; whatever is made for it on the engine is removed when the test ends. */
export function createPostgresRepository(
  t: TestContext,
  database: Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, string>> = seedFiles,
): PostgresRepository {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', {
    '.gitignore': '.env.local\n',
    ...files,
    'agent-isolate.json': renderConfig(database),
  })
  const label = `agent-isolate.repository=${root}`
  removeLabelledAfter(t, label)
  sandbox.cli(root, 'trust')
  const configure = (settings: object): void => {
    sandbox.write('shop/agent-isolate.json', renderConfig(settings))
    sandbox.git(root, 'commit', '--quiet', '--all', '--allow-empty', '--message=settings')
    sandbox.cli(root, 'trust')
  }
  return { sandbox, root, label, configure }
}

/** Does the step again and again until it is told to end. */
export function repeat(step: () => Promise<void>): { end: () => Promise<void> } {
  const over = new AbortController()
  const loop = async (): Promise<void> => {
    while (!over.signal.aborted) await step()
  }
  const looping = loop()
  return {
    end: () => {
      over.abort()
      return looping
    },
  }
}

/** DATABASE_URL, or another variable, in the worktree's env file. */
export function urlOf(worktree: string, name = 'DATABASE_URL'): string {
  const url = readEnv(join(worktree, '.env.local'))[name]
  assert.ok(url !== undefined, `${worktree} has no ${name}`)
  return url
}

/** The first column of what the query answers, over a connection of its own. */
export async function ask(url: string, sql: string): Promise<(string | null | undefined)[]> {
  const connection = await connectPostgres(targetOf(parseDatabaseUrl(url)), { timeoutMs: 60_000 })
  try {
    return (await connection.query(sql)).map((row) => Object.values(row)[0])
  } finally {
    await connection.close()
  }
}

export function runCreate(
  { sandbox, root }: Pick<PostgresRepository, 'sandbox' | 'root'>,
  name: string,
  env: NodeJS.ProcessEnv = {},
): Promise<HookResult> {
  return runHook(sandbox, 'worktree-create', { cwd: root, name, hook_event_name: 'WorktreeCreate' }, { env })
}

/** Names of our containers and volumes; unnamed volumes are not among them. */
export function listOurs(label: string): string[] {
  return [...listByLabel('container', label), ...listByLabel('volume', label)]
}

/** To be compared with before: the ledger, the repository, and the engine. */
export function snapshotAll({ sandbox, root, label }: PostgresRepository): Record<string, unknown> {
  return { ...snapshotState(sandbox, root), engine: listOurs(label) }
}

/** The environment with a shell script first on PATH as `docker`; `$REAL` in it is the real one. */
export function withFakeDocker(sandbox: Sandbox, script: string): NodeJS.ProcessEnv {
  const path = sandbox.env['PATH'] ?? ''
  const find = `REAL=$(PATH='${path}' command -v docker)`
  const fake = sandbox.write('fake-bin/docker', `#!/bin/sh\n${find}\n${script}\n`)
  chmodSync(fake, 0o755)
  return { PATH: `${dirname(fake)}${delimiter}${path}` }
}

/** For a creation that fails: one screen of words for people, with a hint, and no secret. */
export function assertClear({ code, stdout, stderr }: HookResult, message: RegExp, hint: RegExp): void {
  assert.equal(code, 1, `${stdout}${stderr}`)
  assert.match(stderr, message)
  assert.match(stderr, hint)
  assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+|internal error|[0-9a-f]{32}/m)
  assert.ok(stderr.split('\n').length < 30, stderr)
}
