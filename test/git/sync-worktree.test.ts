import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { syncWorktree, type SyncResult } from '../../lib/git/sync.ts'
import { loadGitConfig } from '../../lib/git/git-config.ts'
import { addWorktree, createRemoteWorld, placeOf, rememberingReporter, type RemoteWorld } from '../support/remote.ts'

type SyncWorld = RemoteWorld & {
  checkout: string
  worktree: string
  sync: () => Promise<SyncResult>
  warnings: string[]
}

function createSyncWorld(t: TestContext): SyncWorld {
  const world = createRemoteWorld(t, 'trunk')
  const checkout = world.clone('checkout')
  const worktree = addWorktree(world, checkout, 'x')
  const reporter = rememberingReporter()
  const limits = { mode: 'always' as const, staleAfterMs: 0, timeoutMs: 20_000 }
  const options = {
    worktree,
    place: placeOf(checkout),
    commonDir: join(checkout, '.git'),
    configured: undefined,
    ...limits,
  }
  return {
    ...world,
    checkout,
    worktree,
    sync: async () => syncWorktree({ ...options, config: await loadGitConfig(placeOf(checkout)), reporter }),
    warnings: reporter.warnings,
  }
}

function stateOf({ git, worktree }: SyncWorld): string {
  return [git(worktree, 'rev-parse', 'HEAD'), git(worktree, 'status', '--porcelain', '--branch')].join('\n')
}

test('a branch without commits of its own is fast-forwarded, once', async (t) => {
  const world = createSyncWorld(t)
  world.advance('a.txt')
  const base = world.advance('b.txt')
  writeFileSync(join(world.worktree, 'untracked.txt'), 'mine')
  const result = { behind: 2, ahead: 0, dropped: 0, upstream: 'origin/trunk', base }
  assert.deepEqual(await world.sync(), { ...result, status: 'fast-forwarded' })
  assert.equal(stateOf(world), `${base}\n## worktree-x\n?? untracked.txt`)
  assert.deepEqual(await world.sync(), { ...result, behind: 0, status: 'up-to-date' })
})

test('commits that nobody has seen are rebased', async (t) => {
  const world = createSyncWorld(t)
  world.commit(world.worktree, 'mine.txt')
  const base = world.advance('a.txt')
  const result = await world.sync()
  assert.deepEqual(result, { status: 'rebased', behind: 1, ahead: 1, dropped: 0, upstream: 'origin/trunk', base })
  assert.equal(world.git(world.worktree, 'rev-parse', 'HEAD^'), base)
  assert.deepEqual(await world.sync(), { ...result, behind: 0, status: 'up-to-date' })
})

test('commits that were pushed are kept as they are: the upstream is merged', async (t) => {
  const world = createSyncWorld(t)
  const { worktree } = world
  const pushed = world.commit(worktree, 'mine.txt')
  world.git(worktree, 'push', '--quiet', '--set-upstream', 'origin', 'HEAD')
  world.commit(worktree, 'more.txt')
  world.git(worktree, 'config', 'merge.ff', 'only')
  const base = world.advance('a.txt')
  assert.deepEqual(await world.sync(), {
    status: 'merged',
    behind: 1,
    ahead: 2,
    dropped: 0,
    upstream: 'origin/trunk',
    base,
  })
  assert.equal(world.git(worktree, 'rev-parse', 'HEAD^1^'), pushed)
  assert.equal(world.git(worktree, 'log', '-1', '--format=%s'), 'Merge origin/trunk into worktree-x')
  world.git(worktree, 'push', '--quiet')
})

for (const method of ['rebase', 'merge']) {
  test(`a conflict is an error that names the files, and the ${method} is undone`, async (t) => {
    const world = createSyncWorld(t)
    world.commit(world.worktree, 'same.txt', 'ours')
    if (method === 'merge') world.git(world.worktree, 'push', '--quiet', 'origin', 'HEAD')
    world.advance('same.txt', 'theirs')
    const before = stateOf(world)
    await assert.rejects(world.sync(), {
      name: 'IsolateError',
      message: `could not ${method} ${world.worktree} with origin/trunk: conflict in same.txt`,
      hint: `Nothing was changed. By hand: git ${method} origin/trunk, resolve, then git ${method} --continue.`,
    })
    assert.equal(stateOf(world), before)
  })
}

test('an untracked file in the way of a new one is an error, and is kept', async (t) => {
  const world = createSyncWorld(t)
  world.advance('a.txt', 'theirs')
  writeFileSync(join(world.worktree, 'a.txt'), 'mine')
  const before = stateOf(world)
  await assert.rejects(world.sync(), { message: /would be overwritten by checkout: a\.txt/ })
  assert.equal(stateOf(world), before)
  assert.equal(readFileSync(join(world.worktree, 'a.txt'), 'utf8'), 'mine')
})

test('uncommitted changes, a detached HEAD and an unfinished merge or rebase are refused', async (t) => {
  const world = createSyncWorld(t)
  const { worktree, git } = world
  world.advance('a.txt')
  appendFileSync(join(worktree, 'README.md'), 'change')
  const uncommitted = { message: `${worktree} has uncommitted changes to tracked files` }
  await assert.rejects(world.sync(), uncommitted)
  git(worktree, 'add', '--all')
  await assert.rejects(world.sync(), uncommitted)
  git(worktree, 'reset', '--quiet', '--hard')
  git(worktree, 'switch', '--quiet', '--detach')
  await assert.rejects(world.sync(), { message: `${worktree} is on no branch (detached HEAD)` })
  git(worktree, 'switch', '--quiet', 'worktree-x')
  world.commit(worktree, 'a.txt', 'ours')
  git(worktree, 'fetch', '--quiet')
  for (const method of ['rebase', 'merge']) {
    assert.throws(() => git(worktree, method, 'origin/trunk'))
    await assert.rejects(world.sync(), { message: `${worktree} is in the middle of a ${method}` })
    git(worktree, method, '--abort')
  }
})

test('offline is a warning, and what was fetched before is used', async (t) => {
  const world = createSyncWorld(t)
  const base = world.advance('a.txt')
  world.git(world.checkout, 'fetch', '--quiet')
  world.git(world.checkout, 'remote', 'set-url', 'origin', join(world.folder, 'gone'))
  assert.deepEqual(await world.sync(), {
    status: 'fast-forwarded',
    behind: 1,
    ahead: 0,
    dropped: 0,
    upstream: 'origin/trunk',
    base,
  })
  assert.match(world.warnings.join(), /^origin\/trunk could not be fetched/)
})

test('a repository without a remote has nothing to sync with', async (t) => {
  const world = createSyncWorld(t)
  world.git(world.checkout, 'remote', 'remove', 'origin')
  await assert.rejects(world.sync(), { message: /^there is nothing to bring .* up to date with/ })
})

test("the repository's own hooks run, and a refusal of pre-rebase is the error", async (t) => {
  const world = createSyncWorld(t)
  const before = world.commit(world.worktree, 'mine.txt')
  world.advance('a.txt')
  const hook = world.write('checkout/.git/hooks/pre-rebase', '#!/bin/sh\necho "not on a Friday" >&2\nexit 1\n')
  chmodSync(hook, 0o755)
  await assert.rejects(world.sync(), { message: /not on a Friday/ })
  assert.equal(world.git(world.worktree, 'rev-parse', 'HEAD'), before)
})

test('ten worktrees of one repository sync at once', async (t) => {
  const world = createSyncWorld(t)
  const { checkout } = world
  const names = Array.from({ length: 10 }, (_, index) => `w${index}`)
  const worktrees = names.map((name) => addWorktree(world, checkout, name))
  for (const worktree of worktrees) world.commit(worktree, 'mine.txt')
  const base = world.advance('a.txt')
  const config = await loadGitConfig(placeOf(checkout))
  const results = await Promise.all(
    worktrees.map((worktree) =>
      syncWorktree({
        worktree,
        place: placeOf(checkout),
        config,
        commonDir: join(checkout, '.git'),
        configured: 'origin/trunk',
        mode: 'stale',
        staleAfterMs: 60_000,
        timeoutMs: 20_000,
        reporter: rememberingReporter(),
      }),
    ),
  )
  assert.deepEqual(new Set(results.map((result) => `${result.status} ${result.base}`)), new Set([`rebased ${base}`]))
  for (const worktree of worktrees) assert.ok(existsSync(join(worktree, 'a.txt')))
})
