import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createThroughHook, removeThroughHook, type HookResult } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases } from '../support/state.ts'

type World = {
  sandbox: Sandbox
  repository: string
  /** The remote of the submodule `lib`, which holds a submodule `inner` itself. */
  library: string
  worktree: string
  git: (folder: string, ...args: string[]) => string
}

/** A clone whose worktree has its submodules checked out, as our own advice says. */
async function createWorld(t: TestContext, { update = ['--recursive'] }: { update?: string[] } = {}): Promise<World> {
  const sandbox = createSandbox(t)
  const config = '[protocol "file"]\n\tallow = always\n[user]\n\tname = Sample\n\temail = sample@example.invalid\n'
  sandbox.write('home/.gitconfig', config)
  const inner = sandbox.repository('inner')
  const library = sandbox.repository('library', { 'a.txt': 'a\n', '.gitignore': 'ignored/\n' })
  sandbox.git(library, 'submodule', '--quiet', 'add', inner, 'inner')
  sandbox.git(library, 'commit', '--quiet', '--message=inner')
  const origin = sandbox.repository('origin', { 'b.txt': 'b\n', '.gitignore': '.env.local\n' })
  sandbox.git(origin, 'submodule', '--quiet', 'add', library, 'libs/lib')
  sandbox.git(origin, 'commit', '--quiet', '--message=lib')
  sandbox.git(sandbox.folder, 'clone', '--quiet', origin, 'repo')
  const repository = join(sandbox.folder, 'repo')
  const worktree = await createThroughHook(sandbox, repository, 'x')
  sandbox.git(worktree, 'submodule', '--quiet', 'update', '--init', ...update)
  const git = (folder: string, ...args: string[]): string => sandbox.git(join(worktree, folder), ...args)
  return { sandbox, repository, library, worktree, git }
}

function assertGone({ sandbox, repository, worktree }: World, { code, stderr }: HookResult): void {
  assert.equal(code, 0, stderr)
  assert.equal(existsSync(worktree), false)
  assert.deepEqual(loadLeases(sandbox), [])
  assert.equal(existsSync(join(repository, '.git/worktrees')), false)
  assert.equal(sandbox.git(repository, 'branch', '--list', 'worktree-*'), '')
}

test('a clean worktree goes with its submodules, nested ones too', async (t) => {
  const world = await createWorld(t)
  assert.ok(existsSync(join(world.worktree, 'libs/lib/inner/README.md')))
  assertGone(world, await removeThroughHook(world.sandbox, world.worktree))
})

test('a submodule at a commit that no branch of its remote has is as it was fetched, and no work', async (t) => {
  const world = await createWorld(t, { update: ['--depth=1'] })
  const { sandbox, repository, library, worktree } = world
  assertGone(world, await removeThroughHook(sandbox, worktree))
  // The recorded commit is on a tag alone.
  sandbox.git(library, 'tag', 'v1')
  sandbox.git(library, 'branch', '--force', 'other', 'HEAD~1')
  sandbox.git(library, 'checkout', '--quiet', 'other')
  sandbox.git(library, 'branch', '--quiet', '-D', 'main')
  await createThroughHook(sandbox, repository, 'x')
  sandbox.git(worktree, 'submodule', '--quiet', 'update', '--init', '--recursive')
  assertGone(world, await removeThroughHook(sandbox, worktree))
})

const work: Record<string, { make: (world: World) => void; reason: RegExp }> = {
  'a commit on a detached HEAD': {
    make: ({ git }) => git('libs/lib', 'commit', '--quiet', '--allow-empty', '--message=mine'),
    reason: /1 commit in the submodule libs\/lib that exists nowhere else/,
  },
  'two commits on a branch that is not checked out': {
    make: ({ git }) => {
      git('libs/lib', 'checkout', '--quiet', '-b', 'mine')
      for (const message of ['one', 'two']) git('libs/lib', 'commit', '--quiet', '--allow-empty', '--message', message)
      git('libs/lib', 'checkout', '--quiet', '--detach', 'mine~2')
    },
    reason: /2 commits in the submodule libs\/lib that exist nowhere else/,
  },
  'a stash': {
    make: ({ worktree, git }) => {
      writeFileSync(join(worktree, 'libs/lib/a.txt'), 'changed')
      git('libs/lib', 'stash', '--quiet')
    },
    reason: /commits in the submodule libs\/lib/,
  },
  'a commit in a nested one, recorded and pushed above': {
    make: ({ git, library, sandbox }) => {
      git('libs/lib/inner', 'commit', '--quiet', '--allow-empty', '--message=mine')
      git('libs/lib', 'commit', '--quiet', '--all', '--message=inner')
      git('libs/lib', 'push', '--quiet', 'origin', 'HEAD:refs/heads/pushed')
      git('.', 'commit', '--quiet', '--all', '--message=lib')
      git('.', 'push', '--quiet', 'origin', 'HEAD:refs/heads/pushed')
      assert.match(sandbox.git(library, 'branch'), /pushed/)
    },
    reason: /it holds 1 commit in the submodule libs\/lib\/inner that exists nowhere else/,
  },
  'a commit in one that is no longer checked out': {
    make: ({ git }) => {
      git('libs/lib', 'commit', '--quiet', '--allow-empty', '--message=mine')
      git('.', 'submodule', '--quiet', 'deinit', '--force', '--all')
    },
    reason: /1 commit in the submodule libs\/lib that exists nowhere else/,
  },
  'a new file that git is not to show': {
    make: ({ worktree, git }) => {
      git('libs/lib', 'config', 'status.showUntrackedFiles', 'no')
      writeFileSync(join(worktree, 'libs/lib/new.txt'), '')
    },
    reason: /1 changed or new file \(libs\/lib\/new\.txt\)/,
  },
  'an unfinished merge': {
    make: ({ git }) => writeFileSync(join(git('libs/lib', 'rev-parse', '--absolute-git-dir'), 'MERGE_HEAD'), ''),
    reason: /an unfinished merge/,
  },
  'a repository in an ignored folder': {
    make: ({ worktree, git }) => {
      mkdirSync(join(worktree, 'libs/lib/ignored/own'), { recursive: true })
      git('libs/lib/ignored/own', 'init', '--quiet')
    },
    reason: /other checkouts \(libs\/lib\/ignored\/own\/\)/,
  },
  'a worktree of its own': {
    make: ({ git, sandbox }) => git('libs/lib', 'worktree', 'add', '--quiet', join(sandbox.folder, 'away')),
    reason: /other checkouts \(.*away\)/,
  },
}

for (const [what, { make, reason }] of Object.entries(work)) {
  test(`a worktree whose submodule has ${what} stays`, async (t) => {
    const world = await createWorld(t)
    make(world)
    const refused = await removeThroughHook(world.sandbox, world.worktree)
    assert.equal(refused.code, 1, refused.stderr)
    assert.match(refused.stderr, reason)
    world.sandbox.cli(world.repository, 'remove', 'x', '--discard')
    assert.equal(existsSync(world.worktree), false)
  })
}

test('commits that were pushed, or that the main checkout’s own copy has, are safe', async (t) => {
  const world = await createWorld(t)
  const { sandbox, repository, worktree, git } = world
  git('libs/lib', 'commit', '--quiet', '--allow-empty', '--message=pushed')
  git('libs/lib', 'push', '--quiet', 'origin', 'HEAD:refs/heads/pushed')
  git('libs/lib', 'commit', '--quiet', '--allow-empty', '--message=fetched')
  sandbox.git(repository, 'submodule', '--quiet', 'update', '--init', '--recursive')
  const copy = join(repository, 'libs/lib')
  git('.', 'checkout', '--quiet', 'HEAD', '--', '.')
  sandbox.git(copy, 'fetch', '--quiet', join(worktree, 'libs/lib'), 'HEAD:refs/heads/kept')
  git('libs/lib', 'checkout', '--quiet', 'HEAD~2')
  git('libs/lib', 'branch', '--quiet', 'local', sandbox.git(copy, 'rev-parse', 'kept'))
  assertGone(world, await removeThroughHook(sandbox, worktree))
})

test('a repository that was put in place of a submodule keeps its commits, whoever merged the record of it', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { '.gitignore': '.env.local\n' })
  const worktree = await createThroughHook(sandbox, repository, 'x')
  const own = sandbox.repository('repo/.claude/worktrees/x/own')
  sandbox.git(worktree, '-c', 'advice.addEmbeddedRepo=false', 'add', 'own')
  sandbox.git(worktree, 'commit', '--quiet', '--message=own')
  sandbox.git(repository, 'merge', '--quiet', '--ff-only', 'worktree-x')
  const refused = await removeThroughHook(sandbox, worktree)
  assert.match(refused.stderr, /1 commit in the submodule own that exists nowhere else/)
  assert.equal(refused.code, 1)
  rmSync(own, { recursive: true })
  sandbox.git(worktree, 'checkout', '--quiet', 'HEAD', '--', 'own')
  const removed = await removeThroughHook(sandbox, worktree)
  assert.equal(removed.code, 0, removed.stderr)
})
