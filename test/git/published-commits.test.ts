/** What somebody else may have is never rewritten, and what the upstream has dropped never comes back. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createThroughHook, runHook } from '../support/hook.ts'
import { createRemoteWorld, type RemoteWorld } from '../support/remote.ts'

/** A clone on a pushed branch that is five commits ahead of the upstream's default branch, which has moved on by one. */
function pushBranch(world: RemoteWorld, branch: string): string {
  const checkout = world.clone('checkout')
  world.git(checkout, 'switch', '--quiet', '--create', branch)
  for (const number of [1, 2, 3, 4, 5]) world.commit(checkout, `${branch}-${number}.txt`)
  world.git(checkout, 'push', '--quiet', '--set-upstream', 'origin', branch)
  world.advance('newer.txt')
  return checkout
}

/** "2 1": commits that only the worktree has, commits that only `other` has. */
function compare({ git }: RemoteWorld, worktree: string, other: string): string {
  return git(worktree, 'rev-list', '--left-right', '--count', `HEAD...${other}`).replace('\t', ' ')
}

for (const branch of ['develop', 'feature']) {
  test(`a worktree made on a pushed ${branch} starts at its commits as they are, and says that they are behind`, async (t) => {
    const world = createRemoteWorld(t)
    const checkout = pushBranch(world, branch)
    const made = await runHook(world, 'worktree-create', { cwd: checkout, name: 'x' })
    assert.equal(made.code, 0, made.stderr)
    const worktree = made.stdout.trim()
    assert.equal(compare(world, worktree, `origin/${branch}`), '0 0')
    assert.match(
      made.stderr,
      /starts at pushed commits, which are not rewritten: 1 behind origin\/main; agent-isolate sync/,
    )
    const synced = await runCli(world, worktree, ['sync'])
    assert.equal(synced.code, 0, synced.stderr)
    assert.equal(compare(world, worktree, `origin/${branch}`), '2 0', 'a merge and what it brings in')
    assert.ok(existsSync(join(worktree, 'newer.txt')))
  })
}

test('of commits that are pushed in part none is rewritten', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = pushBranch(world, 'develop')
  const own = world.commit(checkout, 'own.txt')
  const worktree = await createThroughHook(world, checkout, 'x')
  assert.equal(world.git(worktree, 'rev-parse', 'HEAD'), own)
})

/** The upstream has a secret on top, and the clone has it too. */
function pullSecret(world: RemoteWorld, checkout: string): void {
  world.advance('base.txt')
  world.advance('secret.txt')
  world.git(checkout, 'pull', '--quiet', 'origin', 'main')
}

/** It is force-pushed away; with `moved` another commit takes its place. */
function dropSecret(world: RemoteWorld, { moved }: { moved: boolean }): void {
  const colleague = join(world.folder, 'colleague')
  world.git(colleague, 'reset', '--quiet', '--hard', 'HEAD~1')
  world.git(colleague, 'push', '--quiet', '--force', 'origin', 'main')
  if (moved) world.advance('newer.txt')
}

for (const { moved, own } of [
  { moved: true, own: true },
  { moved: true, own: false },
  { moved: false, own: true },
  { moved: false, own: false },
]) {
  const title = `${own ? 'with' : 'without'} commits of its own, the upstream ${moved ? 'moved on' : 'just reset'}`
  test(`what was force-pushed away is in no new worktree: ${title}`, async (t) => {
    const world = createRemoteWorld(t)
    const checkout = world.clone('checkout')
    pullSecret(world, checkout)
    if (own) world.commit(checkout, 'own.txt')
    dropSecret(world, { moved })
    world.git(checkout, 'fetch', '--quiet')
    const made = await runHook(world, 'worktree-create', { cwd: checkout, name: 'x' })
    assert.equal(made.code, 0, made.stderr)
    const worktree = made.stdout.trim()
    assert.equal(compare(world, worktree, 'origin/main'), own ? '1 0' : '0 0')
    assert.equal(world.git(worktree, 'log', '--format=%s', '--', 'secret.txt'), '')
    assert.equal(existsSync(join(worktree, 'own.txt')), own)
    assert.match(made.stderr, /leaves out 1 commit that origin\/main has dropped since/)
    assert.ok(existsSync(join(checkout, 'secret.txt')), 'the main checkout is the user’s')
  })

  test(`what was force-pushed away goes with a sync: ${title}`, async (t) => {
    const world = createRemoteWorld(t)
    const checkout = world.clone('checkout')
    pullSecret(world, checkout)
    const worktree = await createThroughHook(world, checkout, 'x')
    assert.ok(existsSync(join(worktree, 'secret.txt')))
    if (own) world.commit(worktree, 'own.txt')
    dropSecret(world, { moved })
    const { code, stdout, stderr } = await runCli(world, worktree, ['sync'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^rebased onto origin\/main: .*1 commit that it has dropped left out/)
    assert.equal(compare(world, worktree, 'origin/main'), own ? '1 0' : '0 0')
    assert.equal(existsSync(join(worktree, 'secret.txt')), false)
  })
}

test('what a pushed branch still has on its own remote branch is not left out, though the upstream has dropped it', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  pullSecret(world, checkout)
  world.git(checkout, 'switch', '--quiet', '--create', 'develop')
  world.git(checkout, 'push', '--quiet', '--set-upstream', 'origin', 'develop')
  dropSecret(world, { moved: true })
  world.git(checkout, 'fetch', '--quiet')
  const pushed = world.git(checkout, 'rev-parse', 'HEAD')
  assert.equal(world.git(await createThroughHook(world, checkout, 'x'), 'rev-parse', 'HEAD'), pushed)
  const own = world.commit(checkout, 'own.txt')
  const worktree = await createThroughHook(world, checkout, 'y')
  assert.equal(world.git(worktree, 'rev-parse', 'HEAD'), own)
})

test('a pushed branch keeps what its upstream has dropped: it is not ours to rewrite', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  world.git(checkout, 'switch', '--quiet', '--create', 'feature')
  pullSecret(world, checkout)
  world.commit(checkout, 'own.txt')
  world.git(checkout, 'push', '--quiet', 'origin', 'feature')
  dropSecret(world, { moved: true })
  world.git(checkout, 'fetch', '--quiet')
  const pushed = world.git(checkout, 'rev-parse', 'HEAD')
  const worktree = await createThroughHook(world, checkout, 'x')
  assert.equal(world.git(worktree, 'rev-parse', 'HEAD'), pushed)
})
