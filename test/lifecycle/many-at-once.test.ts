import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { rounds } from '../support/rounds.ts'
import { createSandbox } from '../support/sandbox.ts'
import { loadLeases, readEnv, snapshotState } from '../support/state.ts'

function manyFiles(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `src/d${index % 20}/f${index}.ts`,
      `export const x = ${index}\n`.repeat(40),
    ]),
  )
}

const count = rounds({ usual: 8, thorough: 20 })

test('many at once in each of two repositories: no failure, and no port, block or database is shared', async (t) => {
  const sandbox = createSandbox(t)
  const files = { ...manyFiles(400), '.gitignore': '.env.local\n' }
  const repositories = [sandbox.repository('first', files), sandbox.repository('second', files)]
  const before = repositories.map((repository) => snapshotState(sandbox, repository))
  const names = Array.from({ length: count }, (_, index) => `agent-${index}`)
  const worktrees = await Promise.all(
    repositories.flatMap((repository) => names.map((name) => createThroughHook(sandbox, repository, name))),
  )
  assert.equal(new Set(worktrees).size, 2 * count)
  const envs = worktrees.map((worktree) => readEnv(join(worktree, '.env.local')))
  assert.equal(new Set(envs.map((env) => env['PORT'])).size, 2 * count)
  assert.equal(new Set(envs.map((env) => env['DATABASE_URL'])).size, 2 * count)
  assert.equal(new Set(loadLeases(sandbox).map(({ block }) => block)).size, 2 * count)
  for (const worktree of worktrees) assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')

  const removals = await Promise.all(worktrees.map((worktree) => removeThroughHook(sandbox, worktree)))
  for (const { code, stderr } of removals) assert.equal(code, 0, stderr)
  assert.deepEqual(
    repositories.map((repository) => snapshotState(sandbox, repository)),
    before.map((state) => ({ ...state, leases: [], locks: [], temporary: [] })),
  )
  for (const repository of repositories) sandbox.git(repository, 'fsck', '--strict')
})

test('five that ask for the same worktree at once get the same one', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', manyFiles(50))
  const paths = await Promise.all(Array.from({ length: 5 }, () => createThroughHook(sandbox, repository, 'same')))
  assert.deepEqual([...new Set(paths)], [join(repository, '.claude/worktrees/same')])
  assert.equal(loadLeases(sandbox).length, 1)
})

test('a full range is an error that names the setting and the holders, and leaves nothing', async (t) => {
  const sandbox = createSandbox(t)
  const config = JSON.stringify({ ports: { range: [18000, 18019] } })
  const repository = sandbox.repository('repo', { 'agent-isolate.json': config, '.gitignore': '.env.local\n' })
  const held = await createThroughHook(sandbox, repository, 'one')
  await createThroughHook(sandbox, repository, 'two')
  await assert.rejects(createThroughHook(sandbox, repository, 'three'), (error: Error) => {
    assert.match(error.message, /no free block of ten ports between 18000 and 18019/)
    assert.match(error.message, /"ports\.range"/)
    assert.ok(error.message.includes(held))
    return true
  })
  assert.ok(!existsSync(join(repository, '.claude/worktrees/three')))
  assert.deepEqual(readdirSync(join(sandbox.folder, 'state/tmp')), [])
  assert.equal(loadLeases(sandbox).length, 2)
})
