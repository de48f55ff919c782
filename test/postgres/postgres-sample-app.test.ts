/** What it is all for: two agents that migrate and test at the same time, over and over, do not meet. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createThroughHook } from '../support/hook.ts'
import { noPostgres, postgresProgram, startServer } from '../support/postgres.ts'
import { rounds } from '../support/rounds.ts'
import { shopCheck, shopFiles } from '../support/sample-shop.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

test(
  'two worktrees with migrations and truncating tests, at once, again and again: no failure; without isolation there is one',
  {
    skip: noPostgres(),
  },
  async (t) => {
    const sandbox = createSandbox(t)
    // A test runner that sees it runs no files: it takes itself for one below another.
    delete sandbox.env['NODE_TEST_CONTEXT']
    const server = await startServer(t)
    sandbox.env['PATH'] = [join(postgresProgram('psql'), '..'), sandbox.env['PATH']].join(delimiter)
    server.psql('postgres', 'CREATE DATABASE shop')
    const database = { provider: 'postgres-server', url: '$SHOP_URL' }
    const main = sandbox.repository('shop', { ...shopFiles, 'agent-isolate.json': JSON.stringify({ database }) })
    sandbox.write('shop/.env', `SHOP_URL=${server.url('shop')}\n`)
    sandbox.cli(main, 'trust')
    const worktrees = await Promise.all(['prices', 'stock'].map((name) => createThroughHook(sandbox, main, name)))
    // Each agent's branch changes the schema in its own way.
    const [first = '', second = ''] = worktrees
    sandbox.write(
      inSandbox(sandbox, first, 'migrations/2-prices.sql'),
      'ALTER TABLE orders ADD price int NOT NULL DEFAULT 0',
    )
    sandbox.write(
      inSandbox(sandbox, second, 'migrations/2-stock.sql'),
      'ALTER TABLE orders RENAME TO old; CREATE TABLE orders (LIKE old INCLUDING ALL)',
    )

    const isolated = (worktree: string): Promise<boolean> =>
      succeeds(sandbox, worktree, [process.execPath, program, 'exec', '--', ...shopCheck])
    const shared = (worktree: string): Promise<boolean> =>
      succeeds(sandbox, worktree, shopCheck, { DATABASE_URL: server.url('shop') })
    assert.ok(await isAlwaysWell(worktrees, isolated, rounds({ usual: 3, thorough: 20 })))
    // It takes one round, as a rule.
    assert.ok(!(await isAlwaysWell(worktrees, shared, 20)))
  },
)

/** Ends with the first failure. */
async function isAlwaysWell(
  worktrees: readonly string[],
  check: (worktree: string) => Promise<boolean>,
  times: number,
): Promise<boolean> {
  for (let round = 0; round < times; round++) {
    const outcomes = await Promise.all(worktrees.map(check))
    if (outcomes.includes(false)) return false
  }
  return true
}

async function succeeds(
  sandbox: Sandbox,
  cwd: string,
  [command = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<boolean> {
  try {
    await promisify(execFile)(command, args, { cwd, env: { ...sandbox.env, ...env } })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') return false
    throw error
  }
}

function inSandbox({ folder }: Sandbox, worktree: string, path: string): string {
  return join(worktree.slice(folder.length + 1), path)
}
