/** A worktree's SQLite file through the engine's own functions: what is made, reset and removed, and what must never be. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createStaging } from '../../lib/dependencies/staging.ts'
import { leadsInside } from '../../lib/files/inner-path.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import type { Lease } from '../../lib/ledger/lease.ts'
import { ownIdentity } from '../../lib/processes/process-identity.ts'
import { ownPlaceMark } from '../../lib/processes/process-place.ts'
import { loadProject, type Project } from '../../lib/project/project.ts'
import {
  createSqlite,
  removeSqlite,
  resetSqlite,
  type SqliteResource,
} from '../../lib/database/sqlite/worktree-database.ts'
import type { Reporter } from '../../lib/report/reporter.ts'
import { createCheckout, requireProgram, until, type Checkout } from '../support/dependencies.ts'
import { hasTheRow, writeTinyDatabase } from '../support/tiny-database.ts'

type World = Checkout & {
  project: Project
  lease: Lease
  database: SqliteResource
  target: string
  reporter: Reporter
}

const inner = 'prisma/dev.db'

/** A repository whose database is at `inner`, a database there in the main checkout, and a worktree without one. */
async function createWorld(
  t: TestContext,
  { path = inner, existed = false, seed = undefined as string | undefined } = {},
): Promise<World> {
  const config = JSON.stringify({ database: { path, ...(seed === undefined ? {} : { seed }) } })
  const files = { 'agent-isolate.json': config, 'prisma/schema.prisma': '', '.gitignore': '*.db\n.claude/\n' }
  const checkout = createCheckout(t, files)
  const { main, worktree, lines } = checkout
  writeTinyDatabase(join(main, inner))
  const database: SqliteResource = { kind: 'sqlite', inner: path, existed }
  const lease: Lease = {
    id: '0123456789abcdef',
    block: 20_000,
    ports: { app: 20_000 },
    worktree,
    commonDir: join(main, '.git'),
    root: main,
    name: 'one',
    branch: 'one',
    state: 'ready',
    maker: ownIdentity(),
    resources: [{ kind: 'worktree' }, database],
    createdAt: new Date().toISOString(),
  }
  const remark = (text: string): void => void lines.push(text)
  const project = await loadProject(worktree)
  const reporter = { info: remark, warn: remark, progress: remark }
  return { ...checkout, project, lease, database, target: join(worktree, inner), reporter }
}

/** What an agent may do: the folder of its database becomes the main checkout's. */
function leadIntoMain({ main, worktree }: World): void {
  rmSync(join(worktree, 'prisma'), { recursive: true })
  symlinkSync(join(main, 'prisma'), join(worktree, 'prisma'))
}

const isError = (pattern: RegExp) => (error: unknown) => error instanceof IsolateError && pattern.test(error.message)

test("a folder that leads into the main checkout keeps the main checkout's database from removal and reset", async (t) => {
  const world = await createWorld(t)
  const { project, lease, database, main, worktree, lines, reporter } = world
  await createSqlite(project, lease, database, reporter)
  leadIntoMain(world)
  writeFileSync(join(main, 'prisma/dev.db-wal'), 'rows')
  const before = readFileSync(join(main, inner))
  await assert.rejects(resetSqlite(project, lease, database, reporter), isError(/symlink.*leads out/))
  removeSqlite(worktree, inner, reporter)
  assert.match(lines.at(-1) ?? '', /is left alone/)
  assert.deepEqual(readFileSync(join(main, inner)), before)
  assert.equal(readFileSync(join(main, 'prisma/dev.db-wal'), 'utf8'), 'rows')
  assert.deepEqual(readdirSync(join(main, 'prisma')).toSorted(), ['dev.db', 'dev.db-wal', 'schema.prisma'])
})

test('a database that is itself a symlink is replaced or removed; what it leads to stays', async (t) => {
  const { project, lease, database, main, worktree, target, reporter } = await createWorld(t)
  symlinkSync(join(main, inner), target)
  await resetSqlite(project, lease, database, reporter)
  assert.ok(lstatSync(target).isFile() && hasTheRow(target))
  rmSync(target)
  symlinkSync(join(main, inner), target)
  removeSqlite(worktree, inner, reporter)
  assert.equal(lstatSync(target, { throwIfNoEntry: false }), undefined)
  assert.ok(hasTheRow(join(main, inner)))
})

test('removal takes the side files and our own folder with it, and can be done again when all is gone', async (t) => {
  const { main, worktree, project, lease, database, reporter, lines } = await createWorld(t, {
    path: '.agent-isolate/dev.db',
    seed: inner,
  })
  const own = join(worktree, '.agent-isolate')
  await createSqlite(project, lease, database, reporter)
  assert.ok(hasTheRow(join(own, 'dev.db')))
  writeFileSync(join(own, 'dev.db-shm'), '')
  removeSqlite(worktree, '.agent-isolate/dev.db', reporter)
  assert.ok(!existsSync(own))
  symlinkSync(join(main, 'prisma'), own)
  removeSqlite(worktree, '.agent-isolate/dev.db', reporter)
  rmSync(worktree, { recursive: true })
  lines.length = 0
  removeSqlite(worktree, '.agent-isolate/dev.db', reporter)
  assert.deepEqual(lines, [])
  assert.deepEqual(readdirSync(join(main, 'prisma')).toSorted(), ['dev.db', 'schema.prisma'])
})

test('a database that was there before us is not thrown away when no seed can take its place', async (t) => {
  const { main, target, project, lease, database, reporter } = await createWorld(t, { existed: true })
  rmSync(join(main, inner))
  writeTinyDatabase(target)
  await assert.rejects(resetSqlite(project, lease, database, reporter), isError(/has no seed/))
  assert.ok(hasTheRow(target))
})

test('a database in a dependency folder is an error that names it, and nothing is made', async (t) => {
  const { project, lease, database, worktree, reporter } = await createWorld(t, { path: 'node_modules/dev.db' })
  await assert.rejects(createSqlite(project, lease, database, reporter), isError(/cannot lie in node_modules/))
  assert.ok(!existsSync(join(worktree, 'node_modules')))
})

test('a reset that is killed leaves nothing that git sees, and the next one clears up after it', async (t) => {
  if (!requireProgram(t, 'python3')) return
  const world = await createWorld(t, { seed: 'seed.sql' })
  const { main, worktree, target, gitFolder, sandbox, project, lease, database, reporter } = world
  const rows = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3000000) SELECT x FROM c'
  writeFileSync(join(main, 'seed.sql'), `CREATE TABLE t AS ${rows};`)
  writeTinyDatabase(target)
  const trusted = { ...project, isTrusted: true }
  const script = join(sandbox.folder, 'reset.ts')
  const text = JSON.stringify({ trusted, lease, database })
  writeFileSync(
    script,
    `import { resetSqlite } from '${join(import.meta.dirname, '../../lib/database/sqlite/worktree-database.ts')}'
     import { stderrReporter } from '${join(import.meta.dirname, '../../lib/report/reporter.ts')}'
     const { trusted, lease, database } = ${text}
     void resetSqlite(trusted, lease, database, stderrReporter)`,
  )
  const tsx = import.meta.resolve('tsx')
  const child = spawn(process.execPath, ['--import', tsx, script], { stdio: 'ignore', detached: true })
  const staging = join(gitFolder, 'staging')
  await until(() => existsSync(staging) && readdirSync(staging, { recursive: true }).length > 1, 'the temporary file')
  process.kill(-(child.pid ?? NaN), 'SIGKILL')
  await once(child, 'exit')
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  assert.deepEqual(readdirSync(join(worktree, 'prisma')).toSorted(), ['dev.db', 'schema.prisma'])
  assert.equal(readdirSync(staging).length, 1)
  writeFileSync(join(main, 'seed.sql'), 'CREATE TABLE t(x);')
  await resetSqlite(trusted, lease, database, reporter)
  assert.deepEqual(readdirSync(staging), [])
})

test('a staging folder that a killed process left beside the database goes with it', async (t) => {
  const { worktree, gitFolder, reporter } = await createWorld(t)
  const left = join(worktree, `prisma/.agent-isolate-staging/4194305-${ownPlaceMark()}-0123456789ab`)
  mkdirSync(left, { recursive: true })
  mkdirSync(gitFolder)
  const living = createStaging({ gitFolder, target: join(worktree, 'prisma') })
  removeSqlite(worktree, inner, reporter)
  assert.deepEqual(readdirSync(join(worktree, 'prisma')), ['schema.prisma'])
  assert.ok(existsSync(living))
})

test('a path leads inside when no folder on its way leads out', async (t) => {
  const { worktree, main } = await createWorld(t)
  mkdirSync(join(worktree, 'real/deep'), { recursive: true })
  for (const [name, to] of [
    ['inner', 'real'],
    ['outer', join(main, 'prisma')],
    ['up', '..'],
    ['nowhere', join(main, 'absent')],
    ['loop', 'loop'],
  ] as const) {
    symlinkSync(to, join(worktree, name))
  }
  const table: [string, boolean][] = [
    ['a', true],
    ['outer', true],
    ['real/deep/a', true],
    ['absent/folders/a', true],
    ['inner/deep/a', true],
    ['outer/dev.db', false],
    ['outer/absent/dev.db', false],
    ['up/a', false],
    ['nowhere/a', false],
    ['loop/a', false],
  ]
  for (const [path, expected] of table) assert.equal(leadsInside(worktree, path), expected, path)
})
