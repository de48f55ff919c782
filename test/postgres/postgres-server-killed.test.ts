import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectPostgres } from '../../lib/database/postgres/client/connection.ts'
import { parseDatabaseUrl, targetOf } from '../../lib/database/postgres/client/database-url.ts'
import { createThroughHook } from '../support/hook.ts'
import { commandOf, creationOf, killAlong, removalOf } from '../support/kill.ts'
import { noPostgres, shareServer } from '../support/postgres.ts'
import {
  createServerRepository,
  createSource,
  databaseOf,
  listOurs,
  runProgram,
  snapshotServer,
  untilQuiet,
  type ServerRepository,
} from '../support/postgres-repository.ts'
import { rounds } from '../support/rounds.ts'
import { loadLeases, requireLeaseAt, snapshotState } from '../support/state.ts'

const skip = noPostgres()
const server = shareServer()

/** What gc says must be all that there was: nothing comes later. */
async function assertNothingLeft(repository: ServerRepository, before: object, which: string): Promise<void> {
  const { sandbox, root } = repository
  const gc = await runProgram(repository, root, ['gc'])
  assert.equal(gc.code, 0, gc.stderr)
  await untilQuiet(server())
  const state = { which, ...snapshotState(sandbox, root), server: snapshotServer(server()) }
  assert.deepEqual(state, { which, ...before })
}

for (const [title, isInUse] of [
  ['idle', false],
  ['in use', true],
] as const) {
  test(
    `a creation killed at any moment leaves nothing on the server that gc does not take away: a source that is ${title}`,
    { skip },
    async (t) => {
      createSource(t, server())
      server().psql('shop', 'CREATE TABLE much AS SELECT md5(i::text) AS text FROM generate_series(1, 20000) i')
      const repository = createServerRepository(t, server(), { database: { test: true } })
      const { sandbox, root } = repository
      const session = await connectPostgres(targetOf(parseDatabaseUrl(server().url(isInUse ? 'shop' : 'postgres'))), {
        timeoutMs: 60_000,
        applicationName: 'developer',
      })
      t.after(() => session.close())
      sandbox.cli(root, 'gc')
      const before = {
        ...snapshotState(sandbox, root),
        leases: [],
        locks: [],
        temporary: [],
        server: snapshotServer(server()),
      }
      await killAlong(rounds({ usual: 2, thorough: 6 }), {
        begin: () => creationOf(sandbox, root, 'doomed'),
        look: async (which) => {
          // One that got ready in time is a worktree like any other.
          if (loadLeases(sandbox)[0]?.state === 'ready') sandbox.cli(root, 'remove', 'doomed')
          await assertNothingLeft(repository, before, which)
        },
      })
      const worktree = await createThroughHook(sandbox, root, 'doomed')
      assert.equal(server().psql(databaseOf(worktree), 'SELECT count(*) FROM much'), '20000')
    },
  )
}

test('a removal killed at any moment is finished by gc', { skip }, async (t) => {
  createSource(t, server())
  const repository = createServerRepository(t, server(), { database: { test: true } })
  const { sandbox, root } = repository
  sandbox.cli(root, 'gc')
  const before = {
    ...snapshotState(sandbox, root),
    leases: [],
    locks: [],
    temporary: [],
    server: snapshotServer(server()),
  }
  await killAlong(rounds({ usual: 2, thorough: 3 }), {
    begin: async () => removalOf(sandbox, await createThroughHook(sandbox, root, 'doomed')),
    look: async (which) => {
      sandbox.cli(root, 'gc')
      if (sandbox.cli(root, 'list', '--json').includes('"ready"')) sandbox.cli(root, 'remove', 'doomed')
      await assertNothingLeft(repository, before, which)
    },
  })
})

test('after a reset that was killed at any moment another one brings the seed back', { skip }, async (t) => {
  createSource(t, server())
  const repository = createServerRepository(t, server())
  const { sandbox, root } = repository
  const worktree = await createThroughHook(sandbox, root, 'one')
  let isReset = false
  await killAlong(rounds({ usual: 2, thorough: 4 }), {
    begin: () => commandOf(sandbox, root, 'db', 'reset', '--name', 'one'),
    look: async (which) => {
      sandbox.cli(root, 'gc')
      // Whatever it came to: what is missing is made, what is half is made anew.
      isReset = !isReset
      const again = await runProgram(repository, worktree, isReset ? ['db', 'reset'] : ['setup'])
      assert.equal(again.code, 0, `${which}: ${again.stderr}`)
      assert.equal(server().psql(databaseOf(worktree), 'SELECT count(*) FROM item'), '3', which)
    },
  })
  await untilQuiet(server())
  sandbox.cli(root, 'remove', 'one')
  assert.deepEqual(listOurs(server()), [])
})

test(
  'databases of ours that no lease knows of are found and dropped; what only looks like one stays',
  { skip },
  async (t) => {
    createSource(t, server())
    const repository = createServerRepository(t, server(), { database: { test: true } })
    const { sandbox, root } = repository
    const kept = await createThroughHook(sandbox, root, 'kept')
    const psql = server().psql
    const comment = psql(
      'postgres',
      `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '${databaseOf(kept)}'`,
    )
    const others = {
      agent_repo_x_0123456789: 'NULL',
      agent_repo_y_0123456789: `'${comment.replace(/ledger=\w+ lease=\w+/, 'ledger=0123456789abcdef lease=0123456789abcdef')}'`,
      agent_template_0123456789ab_01234567: "'agent-isolate template of somebody'",
      x: `'see ${comment}'`,
    }
    for (const [name, text] of Object.entries(others)) {
      psql('postgres', `CREATE DATABASE ${name}`)
      psql('postgres', `COMMENT ON DATABASE ${name} IS ${text}`)
      t.after(() => psql('postgres', `DROP DATABASE IF EXISTS ${name}`))
    }
    const lost = await createThroughHook(sandbox, root, 'lost')
    const orphans = [databaseOf(lost), databaseOf(lost, 'TEST_DATABASE_URL')].toSorted()
    const { block } = requireLeaseAt(sandbox, lost)
    rmSync(join(sandbox.folder, `state/leases/${block}.json`))
    const before = listOurs(server())
    const planned = sandbox.cli(root, 'gc', '--dry-run')
    for (const name of orphans)
      assert.ok(
        planned.includes(`would remove the database ${name} (127.0.0.1:${server().port}), of no worktree`),
        planned,
      )
    assert.deepEqual(listOurs(server()), before)
    const done = sandbox.cli(root, 'gc')
    for (const name of orphans) assert.ok(done.includes(`removed the database ${name} (`), done)
    assert.deepEqual(
      listOurs(server()),
      before.filter((name) => !orphans.includes(name)),
    )
    assert.equal(psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'x'"), '1')
  },
)
