import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createThroughHook } from '../support/hook.ts'
import { creationOf, killAlong, killAt, removalOf, untilThere } from '../support/kill.ts'
import { rounds } from '../support/rounds.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { snapshotState } from '../support/state.ts'

/** What must be as before when a killed process's leavings were collected. */
function assertNothingLeft(sandbox: Sandbox, repository: string, before: Record<string, unknown>, which = ''): void {
  const now = { which, ...snapshotState(sandbox, repository) }
  assert.deepEqual(now, { which, ...before, leases: [], locks: [], temporary: [] })
  sandbox.git(repository, 'fsck', '--strict')
}

test('a creation killed at any moment leaves nothing that gc does not take away', async (t) => {
  const sandbox = createSandbox(t)
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`src/f${index}.txt`, 'x'.repeat(3000)]))
  const repository = sandbox.repository('repo', { ...files, '.gitignore': '.env.local\n' })
  sandbox.cli(repository, 'gc')
  const before = snapshotState(sandbox, repository)
  await killAlong(rounds({ usual: 4, thorough: 20 }), {
    begin: () => creationOf(sandbox, repository, 'doomed'),
    look: (which) => {
      // One that got ready in time is a worktree like any other.
      if (sandbox.cli(repository, 'list', '--json').includes('"ready"')) sandbox.cli(repository, 'remove', 'doomed')
      sandbox.cli(repository, 'gc')
      assertNothingLeft(sandbox, repository, before, which)
    },
  })
})

test('gc waits for a git that outlived its killed creation, though there is no folder yet', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  sandbox.cli(repository, 'gc')
  const before = snapshotState(sandbox, repository)
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  const mark = join(sandbox.folder, 'adding')
  const shim = `#!/bin/sh\ncase "$*" in *"worktree add"*) touch '${mark}'; sleep 1.5 ;; esac\nexec ${real} "$@"\n`
  chmodSync(sandbox.write('bin/git', shim), 0o755)
  const path = sandbox.env['PATH']
  sandbox.env['PATH'] = `${join(sandbox.folder, 'bin')}:${path}`
  assert.equal(await killAt(creationOf(sandbox, repository, 'doomed'), untilThere(mark)), undefined)
  sandbox.env['PATH'] = path
  sandbox.cli(repository, 'gc')
  await sleep(2000)
  assertNothingLeft(sandbox, repository, before)
})

test('a removal killed at any moment is finished by gc', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  sandbox.cli(repository, 'gc')
  const before = snapshotState(sandbox, repository)
  await killAlong(rounds({ usual: 3, thorough: 8 }), {
    begin: async () => removalOf(sandbox, await createThroughHook(sandbox, repository, 'doomed')),
    look: (which) => {
      sandbox.cli(repository, 'gc')
      if (sandbox.cli(repository, 'list', '--json').includes('"ready"')) sandbox.cli(repository, 'remove', 'doomed')
      assertNothingLeft(sandbox, repository, before, which)
    },
  })
})

test('a name whose creation was killed can be created again at once', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n' })
  await killAlong(rounds({ usual: 2, thorough: 6 }), {
    begin: () => creationOf(sandbox, repository, 'again'),
    look: async (which) => {
      const worktree = await createThroughHook(sandbox, repository, 'again')
      assert.equal(sandbox.git(worktree, 'status', '--porcelain', '--untracked-files=no'), '', which)
      sandbox.cli(repository, 'remove', 'again')
    },
  })
})
