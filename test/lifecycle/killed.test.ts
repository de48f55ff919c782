import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { compiledHook, createThroughHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { snapshotState } from '../support/state.ts'

/** Starts a hook and kills it, and it alone, after `ms`. Its git children go on, as they would in life. */
async function killHook(sandbox: Sandbox, name: string, payload: unknown, ms: number): Promise<void> {
  const [program = '', ...args] = compiledHook(name)
  const child = spawn(program, args, { env: sandbox.env, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.on('error', () => undefined)
  child.stdin.end(JSON.stringify(payload))
  const ended = once(child, 'exit')
  await Promise.race([ended, sleep(ms)])
  child.kill('SIGKILL')
  await ended
}

/** What must be as before when a killed process's leavings were collected. */
function assertNothingLeft(sandbox: Sandbox, repository: string, before: Record<string, unknown>): void {
  assert.deepEqual(snapshotState(sandbox, repository), { ...before, leases: [], locks: [], temporary: [] })
  sandbox.git(repository, 'fsck', '--strict')
}

test('a creation killed at any moment leaves nothing that gc does not take away', async (t) => {
  const sandbox = createSandbox(t)
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`src/f${index}.txt`, 'x'.repeat(3000)]))
  const repository = sandbox.repository('repo', { ...files, '.gitignore': '.env.local\n' })
  sandbox.cli(repository, 'gc')
  const before = snapshotState(sandbox, repository)
  for (let round = 0; round < 20; round++) {
    await killHook(sandbox, 'worktree-create', { cwd: repository, name: 'doomed' }, 90 + Math.random() * 180)
    // One that got ready in time is a worktree like any other.
    if (sandbox.cli(repository, 'list', '--json').includes('"ready"')) sandbox.cli(repository, 'remove', 'doomed')
    sandbox.cli(repository, 'gc')
    assertNothingLeft(sandbox, repository, before)
  }
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
  const [program = '', ...args] = compiledHook('worktree-create')
  const child = spawn(program, args, { env: sandbox.env, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.end(JSON.stringify({ cwd: repository, name: 'doomed' }))
  while (!existsSync(mark)) await sleep(10)
  child.kill('SIGKILL')
  await once(child, 'exit')
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
  for (let round = 0; round < 8; round++) {
    const worktree = await createThroughHook(sandbox, repository, 'doomed')
    await killHook(sandbox, 'worktree-remove', { cwd: worktree, worktree_path: worktree }, 80 + Math.random() * 120)
    sandbox.cli(repository, 'gc')
    if (sandbox.cli(repository, 'list', '--json').includes('"ready"')) sandbox.cli(repository, 'remove', 'doomed')
    assertNothingLeft(sandbox, repository, before)
  }
})

test('a name whose creation was killed can be created again at once', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n' })
  for (const ms of [120, 150, 180, 210]) {
    await killHook(sandbox, 'worktree-create', { cwd: repository, name: 'again' }, ms)
    const worktree = await createThroughHook(sandbox, repository, 'again')
    assert.equal(sandbox.git(worktree, 'status', '--porcelain', '--untracked-files=no'), '')
  }
})
