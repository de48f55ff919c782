import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt, snapshotState } from '../support/state.ts'

test('a worktree without work goes, with its branch, lease and all', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  sandbox.write('repo/CLAUDE.local.md', 'mine\n')
  sandbox.write('repo/.claude/settings.local.json', '{}\n')
  sandbox.cli(repository, 'gc')
  const before = snapshotState(sandbox, repository)
  const worktree = await createThroughHook(sandbox, repository, 'one')
  assert.ok(existsSync(join(worktree, 'CLAUDE.local.md')))
  const result = await removeThroughHook(sandbox, worktree)
  assert.deepEqual([result.code, result.stdout], [0, ''], result.stderr)
  assert.deepEqual(snapshotState(sandbox, repository), before)
})

const work: Record<string, (worktree: string, git: (...args: string[]) => string) => void> = {
  'a new file': (worktree) => writeFileSync(join(worktree, 'new.txt'), ''),
  'a changed file': (worktree) => writeFileSync(join(worktree, 'README.md'), 'changed'),
  'a staged file': (worktree, git) => {
    writeFileSync(join(worktree, 'staged.txt'), '')
    git('add', 'staged.txt')
  },
  'a commit that no other branch has': (_, git) => git('commit', '--quiet', '--allow-empty', '--message=mine'),
  'a commit on a detached HEAD': (_, git) => {
    git('checkout', '--quiet', '--detach')
    git('commit', '--quiet', '--allow-empty', '--message=mine')
  },
  'a changed copy of a local rule': (worktree) => writeFileSync(join(worktree, 'CLAUDE.local.md'), 'changed'),
}

for (const [what, make] of Object.entries(work)) {
  test(`a worktree with ${what} stays, and that is said; --discard removes it`, async (t) => {
    const sandbox = createSandbox(t)
    const repository = sandbox.repository('repo')
    sandbox.write('repo/CLAUDE.local.md', 'mine\n')
    const worktree = await createThroughHook(sandbox, repository, 'one')
    make(worktree, (...args) => sandbox.git(worktree, ...args))
    const refused = await removeThroughHook(sandbox, worktree)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /one stays: it holds 1 (changed or new file|commit)/)
    assert.ok(existsSync(join(worktree, 'README.md')))
    assert.equal(requireLeaseAt(sandbox, worktree).state, 'ready')
    assert.throws(() => sandbox.cli(repository, 'remove', 'one'), /stays/)
    sandbox.cli(repository, 'remove', 'one', '--discard')
    assert.equal(existsSync(worktree), false)
    assert.equal(sandbox.git(repository, 'branch', '--list', 'worktree-one'), '')
    assert.deepEqual(loadLeases(sandbox), [])
  })
}

test('a merged branch goes with its worktree; work on another branch keeps its branch', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const merged = await createThroughHook(sandbox, repository, 'merged')
  sandbox.git(merged, 'commit', '--quiet', '--allow-empty', '--message=work')
  sandbox.git(repository, 'merge', '--quiet', '--ff-only', 'worktree-merged')
  assert.equal((await removeThroughHook(sandbox, merged)).code, 0)
  const other = await createThroughHook(sandbox, repository, 'other')
  sandbox.git(other, 'commit', '--quiet', '--allow-empty', '--message=on the first branch')
  sandbox.git(other, 'checkout', '--quiet', '-b', 'mine', 'main')
  const result = await removeThroughHook(sandbox, other)
  assert.equal(result.code, 0, result.stderr)
  assert.match(result.stderr, /kept the branch worktree-other/)
  assert.deepEqual(sandbox.git(repository, 'branch', '--format=%(refname:short)').split('\n'), [
    'main',
    'mine',
    'worktree-other',
  ])
})

test('a worktree that is not ours, or is locked, is left alone', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  sandbox.git(repository, 'worktree', 'add', '--quiet', '../foreign')
  const foreign = join(sandbox.folder, 'foreign')
  const result = await removeThroughHook(sandbox, foreign)
  assert.match(result.stderr, /was not made by agent-isolate/)
  assert.ok(existsSync(foreign))
  const locked = await createThroughHook(sandbox, repository, 'locked')
  sandbox.git(repository, 'worktree', 'lock', locked)
  assert.equal((await removeThroughHook(sandbox, locked)).code, 1)
  assert.ok(existsSync(locked))
})

test('what another tool made is set up and released, and the worktree is as it was', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  sandbox.write('repo/CLAUDE.local.md', 'mine')
  sandbox.git(repository, 'worktree', 'add', '--quiet', '../foreign')
  const foreign = join(sandbox.folder, 'foreign')
  writeFileSync(join(foreign, '.env.local'), 'PORT=3000 # theirs\nMINE=1\n')
  sandbox.cli(repository, 'gc')
  const before = snapshotState(sandbox, repository)
  const start = await runHook(sandbox, 'session-start', {
    cwd: foreign,
    hook_event_name: 'SessionStart',
    source: 'startup',
  })
  assert.equal(start.code, 0, start.stderr)
  assert.match(readFileSync(join(foreign, '.env.local'), 'utf8'), /^PORT=\d+\n[^]*^MINE=1$/m)
  sandbox.cli(foreign, 'teardown')
  assert.equal(readFileSync(join(foreign, '.env.local'), 'utf8'), 'PORT=3000 # theirs\nMINE=1\n')
  assert.equal(sandbox.git(foreign, 'status', '--porcelain', '--ignored'), '!! .env.local')
  assert.deepEqual(snapshotState(sandbox, repository), before)
})
