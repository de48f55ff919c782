import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectPostgres } from '../../lib/database/postgres/client/connection.ts'
import { parseDatabaseUrl, targetOf } from '../../lib/database/postgres/client/database-url.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { noPostgres, shareServer } from '../support/postgres.ts'
import {
  createServerRepository,
  createSource,
  databaseOf,
  listOurs,
  snapshotServer,
  untilQuiet,
} from '../support/postgres-repository.ts'
import { rounds } from '../support/rounds.ts'
import { createSandbox } from '../support/sandbox.ts'
import { loadLeases, snapshotState } from '../support/state.ts'

const skip = noPostgres()
const server = shareServer({ conf: ["log_statement = 'ddl'"] })

test(
  'many at once, with a session that stays on the source: a database each, and one template for all',
  { skip },
  async (t) => {
    createSource(t, server())
    const repository = createServerRepository(t, server())
    const { sandbox, root } = repository
    const before = { server: snapshotServer(server()), state: snapshotState(sandbox, root) }
    const session = await connectPostgres(targetOf(parseDatabaseUrl(server().url('shop'))), {
      timeoutMs: 60_000,
      applicationName: 'developer',
    })
    t.after(() => session.close())
    await session.query('BEGIN')
    await session.query('INSERT INTO item VALUES (100)')
    const [pid] = await session.query('SELECT pg_backend_pid() AS pid')
    const logged = server().log().length

    const start = performance.now()
    const count = rounds({ usual: 8, thorough: 20 })
    const names = Array.from({ length: count }, (_, index) => `agent-${index}`)
    const worktrees = await Promise.all(names.map((name) => createThroughHook(sandbox, root, name)))
    t.diagnostic(`${((performance.now() - start) / count).toFixed(0)} ms for each of ${count} databases at once`)

    const databases = worktrees.map((worktree) => databaseOf(worktree))
    assert.equal(new Set(databases).size, count)
    for (const database of databases)
      assert.equal(server().psql(database, 'SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM item'), '1 2 3')
    const renamed =
      server()
        .log()
        .slice(logged)
        .match(/RENAME TO "agent_template_/g) ?? []
    assert.equal(renamed.length, 1)
    const templates = listOurs(server()).filter((name) => name.startsWith('agent_template_'))
    assert.equal(templates.length, 1)
    assert.equal(
      server().psql('postgres', `SELECT datallowconn FROM pg_database WHERE datname = '${templates[0]}'`),
      'f',
    )
    assert.deepEqual(await session.query('SELECT pg_backend_pid() AS pid'), [pid])
    await session.query('COMMIT')

    const removals = await Promise.all(worktrees.map((worktree) => removeThroughHook(sandbox, worktree)))
    for (const { code, stderr } of removals) assert.equal(code, 0, stderr)
    await untilQuiet(server())
    assert.deepEqual(snapshotServer(server()), before.server)
    assert.deepEqual(snapshotState(sandbox, root), before.state)
    assert.equal(server().psql('shop', 'SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM item'), '1 2 3 100')
  },
)

test(
  'creations and removals that meet never fail, and the last one takes the template with it',
  { skip },
  async (t) => {
    createSource(t, server())
    const repository = createServerRepository(t, server())
    const { sandbox, root } = repository
    for (let round = 0; round < 2; round += 1) {
      const old = await createThroughHook(sandbox, root, 'old')
      const [removal, ...creations] = await Promise.all([
        removeThroughHook(sandbox, old),
        createThroughHook(sandbox, root, 'a'),
        createThroughHook(sandbox, root, 'b'),
      ])
      assert.equal(removal.code, 0, removal.stderr)
      const last = await Promise.all(creations.map((worktree) => removeThroughHook(sandbox, worktree)))
      for (const { code, stderr } of last) assert.equal(code, 0, stderr)
      assert.deepEqual(listOurs(server()), [])
    }
  },
)

test("two machines on one server never touch what is the other one's, and share a template", { skip }, async (t) => {
  createSource(t, server())
  const machines = ['one', 'two'].map((machine) => {
    const sandbox = createSandbox(t)
    sandbox.env['AGENT_ISOLATE_HOME'] = join(sandbox.folder, 'state')
    return { ...createServerRepository(t, server(), { sandbox, name: 'shop', database: { test: true } }), machine }
  })
  const [first, second] = machines
  assert.ok(first !== undefined && second !== undefined)
  const worktrees = await Promise.all(machines.map(({ sandbox, root }) => createThroughHook(sandbox, root, 'same')))
  const databases = worktrees.flatMap((worktree) => [databaseOf(worktree), databaseOf(worktree, 'TEST_DATABASE_URL')])
  assert.equal(new Set(databases).size, 4)
  assert.equal(listOurs(server()).length, 5)

  for (const { sandbox, root } of machines)
    assert.equal(sandbox.cli(root, 'gc'), 'kept: 1 alive'.replace(/^/, 'nothing to release\n'))
  // The whole ledger of the first is lost: nobody but a person can tell whether its databases are needed.
  rmSync(join(first.sandbox.folder, 'state'), { recursive: true })
  for (const { sandbox, root } of machines.toReversed()) {
    sandbox.cli(root, 'trust')
    sandbox.cli(root, 'gc')
  }
  assert.equal(listOurs(server()).length, 5)

  const [, removable] = worktrees
  assert.equal((await removeThroughHook(second.sandbox, removable ?? '')).code, 0)
  assert.deepEqual(
    listOurs(server()).filter((name) => !name.startsWith('agent_template_')),
    databases.slice(0, 2).toSorted(),
  )
  assert.equal(loadLeases(second.sandbox).length, 0)
  for (const name of databases.slice(0, 2)) server().psql('postgres', `DROP DATABASE "${name}"`)
  second.sandbox.cli(second.root, 'gc')
  assert.deepEqual(listOurs(server()), [])
})
