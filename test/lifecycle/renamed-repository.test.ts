import assert from 'node:assert/strict'
import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { renderLease, type Lease } from '../../lib/ledger/lease.ts'
import { runCli } from '../support/cli.ts'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, readEnv, requireLeaseAt } from '../support/state.ts'

type World = { sandbox: Sandbox; renamed: string; blocks: Record<string, number> }

/** A repository with two worktrees inside and one that another tool made outside, and then renamed. */
async function createRenamed(t: TestContext, { repaired }: { repaired: readonly string[] }): Promise<World> {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  const foreign = join(sandbox.folder, 'foreign')
  sandbox.git(repository, 'worktree', 'add', '--quiet', foreign)
  sandbox.cli(foreign, 'setup')
  const worktrees = { x: '', y: '', foreign }
  for (const name of ['x', 'y'] as const) worktrees[name] = await createThroughHook(sandbox, repository, name)
  const blocks = Object.entries(worktrees).map(([name, path]) => [name, requireLeaseAt(sandbox, path).block])
  const renamed = join(sandbox.folder, 'renamed')
  renameSync(repository, renamed)
  const places = repaired.map((name) => (name === 'foreign' ? foreign : join(renamed, '.claude/worktrees', name)))
  if (places.length > 0) sandbox.git(renamed, 'worktree', 'repair', ...places)
  return { sandbox, renamed, blocks: Object.fromEntries(blocks) }
}

const all = ['x', 'y', 'foreign']

test('a renamed repository takes its leases along, with ports and all; its worktrees can be removed', async (t) => {
  const { sandbox, renamed, blocks } = await createRenamed(t, { repaired: all })
  const [x, y] = [join(renamed, '.claude/worktrees/x'), join(renamed, '.claude/worktrees/y')]
  const foreign = join(sandbox.folder, 'foreign')
  const listed: unknown = JSON.parse(sandbox.cli(renamed, 'list', '--json'))
  assert.ok(Array.isArray(listed))
  assert.deepEqual(
    listed.map((entry: { name: string; path: string; state: string; advice: { what: string } }) => [
      entry.name,
      entry.path,
      entry.state,
      entry.advice.what,
    ]),
    [
      ['foreign', foreign, 'ready', 'it was moved'],
      ['x', x, 'ready', 'it was moved'],
      ['y', y, 'ready', 'it was moved'],
    ],
  )
  assert.match(sandbox.cli(x, 'env'), new RegExp(`PORT='${blocks['x']}'`))
  assert.deepEqual(
    [x, y, foreign].map((path) => requireLeaseAt(sandbox, path).block),
    all.map((name) => blocks[name]),
  )
  const removed = await removeThroughHook(sandbox, x)
  assert.equal(removed.code, 0, removed.stderr)
  assert.equal(existsSync(x), false)
  sandbox.cli(renamed, 'remove', 'y')
  sandbox.cli(foreign, 'teardown')
  assert.equal(sandbox.git(renamed, 'branch', '--list', 'worktree-*'), '')
  assert.deepEqual(loadLeases(sandbox), [])
})

const firsts: Record<string, (sandbox: Sandbox, renamed: string) => Promise<unknown>> = {
  'the removal hook': (sandbox, renamed) => removeThroughHook(sandbox, join(renamed, '.claude/worktrees/x')),
  'a creation that opens it again': (sandbox, renamed) => createThroughHook(sandbox, renamed, 'x'),
  'a session': (sandbox, renamed) => runHook(sandbox, 'session-start', { cwd: join(renamed, '.claude/worktrees/x') }),
  setup: async (sandbox, renamed) => sandbox.cli(join(renamed, '.claude/worktrees/x'), 'setup'),
  remove: async (sandbox, renamed) => sandbox.cli(renamed, 'remove', 'x'),
  gc: async (sandbox, renamed) => sandbox.cli(renamed, 'gc', '--unreachable'),
}

for (const [what, run] of Object.entries(firsts)) {
  test(`whatever comes first to a renamed repository finds its leases: ${what}`, async (t) => {
    const { sandbox, renamed, blocks } = await createRenamed(t, { repaired: all })
    await run(sandbox, renamed)
    const y = requireLeaseAt(sandbox, join(renamed, '.claude/worktrees/y'))
    assert.deepEqual([y.block, y.commonDir, y.root], [blocks['y'], join(renamed, '.git'), renamed])
    assert.equal(requireLeaseAt(sandbox, join(sandbox.folder, 'foreign')).block, blocks['foreign'])
    const x = loadLeases(sandbox).filter(({ name }) => name === 'x')
    const isRemoval = what.includes('remov')
    assert.deepEqual(
      x.map(({ block, worktree }) => [block, worktree]),
      isRemoval ? [] : [[blocks['x'], join(renamed, '.claude/worktrees/x')]],
    )
  })
}

test('what the worktrees of a renamed repository share comes along, and so does one whose folder is gone', async (t) => {
  const { sandbox, renamed, blocks } = await createRenamed(t, { repaired: all })
  const old = join(sandbox.folder, 'repo/.git')
  const y = join(renamed, '.claude/worktrees/y')
  rmSync(y, { recursive: true })
  const lease = loadLeases(sandbox).find(({ name }) => name === 'foreign')
  assert.ok(lease !== undefined)
  const place = { worktree: join(old, 'agent-isolate-shared-database'), commonDir: old, ports: { db: 29990 } }
  const shared: Lease = { ...lease, ...place, id: '0123456789abcdef', block: 29990, isShared: true, resources: [] }
  sandbox.write('state/leases/29990.json', renderLease(shared))
  sandbox.cli(renamed, 'env', '--name', 'x')
  const moved = requireLeaseAt(sandbox, join(renamed, '.git/agent-isolate-shared-database'))
  assert.deepEqual([moved.commonDir, moved.root, moved.isMoved], [join(renamed, '.git'), renamed, undefined])
  assert.equal(requireLeaseAt(sandbox, y).block, blocks['y'])
  sandbox.cli(renamed, 'gc')
  assert.deepEqual(
    loadLeases(sandbox)
      .map(({ name }) => name)
      .toSorted(),
    ['foreign', 'x'],
  )
})

test('a session in a worktree that was moved brings its environment up to date', async (t) => {
  const { sandbox, renamed } = await createRenamed(t, { repaired: all })
  const worktree = join(renamed, '.claude/worktrees/x')
  const url = (): string | undefined => readEnv(join(worktree, '.env.local'))['DATABASE_URL']
  assert.doesNotMatch(url() ?? '', /renamed/)
  const session = await runHook(sandbox, 'session-start', { cwd: worktree })
  assert.equal(session.code, 0, session.stderr)
  assert.match(url() ?? '', /\/renamed\/\.claude\/worktrees\/x\//)
  assert.equal(requireLeaseAt(sandbox, worktree).isMoved, undefined)
})

test('worktrees that git was not told of yet keep what they have, and the command that tells git is named', async (t) => {
  const { sandbox, renamed, blocks } = await createRenamed(t, { repaired: ['x'] })
  const y = join(renamed, '.claude/worktrees/y')
  writeFileSync(join(y, 'work.txt'), 'work')
  sandbox.cli(renamed, 'gc', '--unreachable')
  const repair = new RegExp(`git -C ${renamed} worktree repair ${y}`)
  assert.match(sandbox.cli(renamed, 'list'), repair)
  for (const args of [
    ['remove', 'y'],
    ['remove', 'y', '--discard'],
    ['create', 'y'],
    ['env', '--name', 'y'],
  ])
    assert.throws(() => sandbox.cli(renamed, ...args), repair)
  assert.ok(existsSync(join(y, 'work.txt')))
  sandbox.git(renamed, 'worktree', 'repair', y)
  assert.equal(requireLeaseAt(sandbox, y).block, blocks['y'])
  assert.throws(() => sandbox.cli(renamed, 'remove', 'y'), /work\.txt/)
})

test('a copy of a repository takes no lease of the original, and gets its own', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  const original = await createThroughHook(sandbox, repository, 'x')
  const { id, block } = requireLeaseAt(sandbox, original)
  const copy = join(sandbox.folder, 'copy')
  cpSync(repository, copy, { recursive: true, verbatimSymlinks: true })
  const copied = join(copy, '.claude/worktrees/x')
  // It names the git folder of the original.
  assert.throws(() => sandbox.cli(copied, 'setup'), /it was copied, or moved by hand/)
  // By hand: "git worktree repair" would change the original.
  const gitDir = join(copy, '.git/worktrees/x')
  writeFileSync(join(copied, '.git'), `gitdir: ${gitDir}\n`)
  writeFileSync(join(gitDir, 'gitdir'), `${join(copied, '.git')}\n`)
  sandbox.cli(copy, 'list')
  sandbox.cli(copied, 'setup')
  assert.notEqual(requireLeaseAt(sandbox, copied).block, block)
  assert.equal(requireLeaseAt(sandbox, original).id, id)
  const removed = await removeThroughHook(sandbox, original)
  assert.equal(removed.code, 0, removed.stderr)
  assert.ok(existsSync(copied))
})

test('a new clone in the place of the renamed one takes none of its leases', async (t) => {
  const { sandbox, renamed, blocks } = await createRenamed(t, { repaired: all })
  const clone = join(sandbox.folder, 'repo')
  sandbox.git(sandbox.folder, 'clone', '--quiet', renamed, 'repo')
  sandbox.cli(renamed, 'env', '--name', 'x')
  await createThroughHook(sandbox, clone, 'z')
  assert.equal(requireLeaseAt(sandbox, join(renamed, '.claude/worktrees/x')).block, blocks['x'])
  assert.equal(requireLeaseAt(sandbox, join(clone, '.claude/worktrees/z')).root, clone)
  rmSync(renamed, { recursive: true })
})

test('a clone where a renamed repository was takes nothing of it, whatever is run there', async (t) => {
  const { sandbox, renamed, blocks } = await createRenamed(t, { repaired: [] })
  const clone = join(sandbox.folder, 'repo')
  sandbox.git(sandbox.folder, 'clone', '--quiet', renamed, clone)
  await createThroughHook(sandbox, clone, 'z')
  for (const args of [
    ['remove', 'y', '--discard'],
    ['exec', '--name', 'y', '--', 'true'],
  ]) {
    assert.match((await runCli(sandbox, clone, args)).stderr, /no agent-isolate worktree "y"/)
  }
  const own = await createThroughHook(sandbox, clone, 'x')
  assert.notEqual(readEnv(join(own, '.env.local'))['PORT'], String(blocks['x']))
  assert.match(sandbox.cli(clone, 'list'), / unreachable\n {2}its repository is gone from /)
  sandbox.cli(clone, 'gc')
  assert.equal((await removeThroughHook(sandbox, own)).code, 0)
  assert.equal(existsSync(own), false)
  sandbox.git(renamed, 'worktree', 'repair', ...['x', 'y'].map((name) => join(renamed, '.claude/worktrees', name)))
  sandbox.git(renamed, 'worktree', 'repair', join(sandbox.folder, 'foreign'))
  sandbox.cli(renamed, 'gc')
  for (const name of ['x', 'y']) {
    const lease = requireLeaseAt(sandbox, join(renamed, '.claude/worktrees', name))
    assert.deepEqual([lease.block, lease.commonDir], [blocks[name], join(renamed, '.git')])
  }
  const foreign = requireLeaseAt(sandbox, join(sandbox.folder, 'foreign'))
  assert.deepEqual([foreign.block, foreign.commonDir], [blocks['foreign'], join(renamed, '.git')])
  assert.equal(loadLeases(sandbox).length, 4)
})

test('what a clone at the path of a repository that is gone for good does not own can be given up', async (t) => {
  const { sandbox, renamed } = await createRenamed(t, { repaired: [] })
  const clone = join(sandbox.folder, 'repo')
  sandbox.git(sandbox.folder, 'clone', '--quiet', renamed, clone)
  rmSync(renamed, { recursive: true })
  rmSync(join(sandbox.folder, 'foreign'), { recursive: true })
  await createThroughHook(sandbox, clone, 'z')
  sandbox.cli(clone, 'gc', '--unreachable')
  assert.deepEqual(
    loadLeases(sandbox).map(({ name }) => name),
    ['z'],
  )
  await createThroughHook(sandbox, clone, 'x')
})
