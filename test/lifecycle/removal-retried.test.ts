import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPostponed } from '../../lib/ledger/lease.ts'
import { hasBranch } from '../../lib/git/worktree.ts'
import { runCli } from '../support/cli.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt, snapshotState } from '../support/state.ts'

type World = { sandbox: Sandbox; repository: string; worktree: string; lock: string }

/** A worktree whose branch git cannot delete: another git holds the lock of the packed refs, or left it behind. */
async function createLocked(sandbox: Sandbox): Promise<World> {
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  const worktree = await createThroughHook(sandbox, repository, 'x')
  const lock = join(repository, '.git/packed-refs.lock')
  writeFileSync(lock, '')
  return { sandbox, repository, worktree, lock }
}

const branches = ({ sandbox, repository }: World): string => sandbox.git(repository, 'branch', '--list', 'worktree-*')

test('a branch that git cannot delete is said to stay, is exit 1, and is retried by a later removal', async (t) => {
  const sandbox = createSandbox(t)
  const world = await createLocked(sandbox)
  const { repository, worktree, lock } = world
  const before = await removeThroughHook(sandbox, worktree)
  assert.equal(before.code, 1, before.stderr)
  assert.match(before.stderr, /the branch worktree-x stays: .*packed-refs\.lock': File exists/)
  assert.match(before.stderr, /agent-isolate gc/)
  assert.match(branches(world), /worktree-x/)
  assert.equal(existsSync(worktree), false)
  assert.ok(existsSync(lock), 'the lock is git’s')
  const left = requireLeaseAt(sandbox, worktree)
  assert.deepEqual(
    left.resources.map(({ kind }) => kind),
    ['branch'],
  )
  assert.equal(left.state, 'removing')
  assert.equal(isPostponed(left), false)

  const again = await runCli(sandbox, repository, ['remove', 'x'])
  assert.equal(again.code, 1, again.stdout)
  assert.match(again.stderr, /the branch worktree-x stays/)
  const garbage = await runCli(sandbox, repository, ['gc'])
  assert.equal(garbage.code, 1)
  assert.match(garbage.stdout, /^failed: x .*the branch worktree-x stays/m)

  rmSync(lock)
  const done = await runCli(sandbox, repository, ['remove', 'x'])
  assert.equal(done.code, 0, done.stderr)
  assert.equal(branches(world), '')
  assert.deepEqual(loadLeases(sandbox), [])
})

test('gc, or a creation under the same name, finishes what a removal had to leave', async (t) => {
  for (const finish of ['gc', 'create'] as const) {
    const sandbox = createSandbox(t)
    const world = await createLocked(sandbox)
    assert.equal((await removeThroughHook(sandbox, world.worktree)).code, 1)
    rmSync(world.lock)
    if (finish === 'gc') sandbox.cli(world.repository, 'gc')
    else {
      await createThroughHook(sandbox, world.repository, 'x')
      assert.equal((await removeThroughHook(sandbox, world.worktree)).code, 0)
    }
    assert.equal(branches(world), '')
    assert.deepEqual(snapshotState(sandbox, world.repository)['leases'], [])
  }
})

test('a lock of git’s that is held for a moment is waited for', async (t) => {
  const sandbox = createSandbox(t)
  const world = await createLocked(sandbox)
  const removal = removeThroughHook(sandbox, world.worktree)
  await sleep(1700)
  rmSync(world.lock)
  const { code, stderr } = await removal
  assert.equal(code, 0, stderr)
  assert.equal(branches(world), '')
})

test('work that is put on a branch after its removal was asked for is not discarded with it', async (t) => {
  const sandbox = createSandbox(t)
  const world = await createLocked(sandbox)
  const { repository, worktree, lock } = world
  sandbox.git(worktree, 'commit', '--quiet', '--allow-empty', '--message=may go')
  const discarded = await runCli(sandbox, repository, ['remove', 'x', '--discard'])
  assert.equal(discarded.code, 1, discarded.stdout)
  rmSync(lock)
  const tree = sandbox.git(repository, 'rev-parse', 'worktree-x^{tree}')
  const commit = sandbox.git(repository, 'commit-tree', '-p', 'worktree-x', '-m', 'new work', tree)
  sandbox.git(repository, 'update-ref', 'refs/heads/worktree-x', commit)
  sandbox.cli(repository, 'gc')
  assert.equal(sandbox.git(repository, 'rev-parse', 'worktree-x'), commit)
  assert.deepEqual(loadLeases(sandbox), [])
})

test('a repository that git cannot read is no answer to whether a branch exists', async (t) => {
  const sandbox = createSandbox(t)
  const commonDir = join(sandbox.repository('repo'), '.git')
  assert.equal(await hasBranch(commonDir, 'main'), true)
  assert.equal(await hasBranch(commonDir, 'none'), false)
  writeFileSync(join(commonDir, 'packed-refs'), 'garbage\n')
  await assert.rejects(hasBranch(commonDir, 'none'), /git show-ref --verify failed .*packed-refs/)
})
