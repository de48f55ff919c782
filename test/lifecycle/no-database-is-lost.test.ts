/** What is in a worktree's database is somebody's work: nothing but a removal or a reset may throw it away. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook } from '../support/hook.ts'
import { noPostgres, shareServer } from '../support/postgres.ts'
import {
  createServerRepository,
  createSource,
  databaseOf,
  listOurs,
  runProgram,
} from '../support/postgres-repository.ts'
import { requireLeaseAt } from '../support/state.ts'

const skip = noPostgres()
const server = shareServer()

test(
  'a database that was dropped and created by hand is kept when the worktree is opened again',
  { skip },
  async (t) => {
    createSource(t, server())
    const { sandbox, root } = createServerRepository(t, server())
    const worktree = await createThroughHook(sandbox, root, 'one')
    const name = databaseOf(worktree)
    server().psql('postgres', `DROP DATABASE ${name}`)
    server().psql('postgres', `CREATE DATABASE ${name}`)
    server().psql(name, 'CREATE TABLE work AS SELECT 7 AS n')
    await createThroughHook(sandbox, root, 'one')
    sandbox.cli(worktree, 'setup')
    assert.equal(server().psql(name, 'SELECT n FROM work'), '7')
    sandbox.cli(worktree, 'db', 'reset')
    assert.equal(server().psql(name, 'SELECT count(*) FROM item'), '3')
    sandbox.cli(root, 'remove', 'one')
    assert.deepEqual(listOurs(server()), [])
  },
)

test('while a lease cannot be read, gc takes nothing for an orphan', { skip }, async (t) => {
  createSource(t, server())
  const repository = createServerRepository(t, server())
  const { sandbox, root } = repository
  const worktree = await createThroughHook(sandbox, root, 'one')
  const path = join(sandbox.folder, 'state/leases', `${requireLeaseAt(sandbox, worktree).block}.json`)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"version": 1', '"version": 99'))
  assert.match((await runProgram(repository, root, ['gc'])).stdout, /^damaged: /)
  assert.equal(server().psql(databaseOf(worktree), 'SELECT count(*) FROM item'), '3')
  writeFileSync(path, text)
  sandbox.cli(root, 'remove', 'one')
})

test('a ledger that has come to another machine takes nothing of the first one’s for its own', { skip }, async (t) => {
  createSource(t, server())
  const first = createServerRepository(t, server())
  const worktree = await createThroughHook(first.sandbox, first.root, 'one')
  const second = createServerRepository(t, server(), { name: 'other' })
  second.sandbox.write('state/ledger-id', readFileSync(join(first.sandbox.folder, 'state/ledger-id'), 'utf8'))
  await runProgram(second, second.root, ['gc'])
  assert.equal(server().psql(databaseOf(worktree), 'SELECT count(*) FROM item'), '3')
  first.sandbox.cli(first.root, 'remove', 'one')
})

test('lists do not show the password, db url does', { skip }, async (t) => {
  createSource(t, server())
  const { sandbox, root } = createServerRepository(t, server())
  const worktree = await createThroughHook(sandbox, root, 'one')
  const { password } = server()
  for (const args of [['list'], ['list', '--json'], ['create', 'one', '--json']]) {
    assert.ok(!sandbox.cli(root, ...args).includes(password), args.join(' '))
  }
  assert.ok(sandbox.cli(worktree, 'db', 'url').includes(password))
  sandbox.cli(root, 'remove', 'one')
})
