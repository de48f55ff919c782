/** Other tools give their worktrees one and the same folder name: none is ever taken for another. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findNamed } from '../../lib/lifecycle/require-lease.ts'
import { chooseName, parseWorktreeName } from '../../lib/git/worktree-name.ts'
import { cliAnswer, cliJson, runCli } from '../support/cli.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

function addOther(sandbox: Sandbox, main: string, path: string, branch: string): string {
  const worktree = join(sandbox.folder, path)
  sandbox.git(main, 'worktree', 'add', '--quiet', '-b', branch, worktree)
  return worktree
}

test('worktrees of another tool with one folder name get names that tell them apart, and keep them', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('app')
  const paths = ['1a2b', '3c4d', '5e6f', '7a8b'].map((id) => addOther(sandbox, main, `codex/worktrees/${id}/app`, id))
  const results = await Promise.all(paths.map((path) => runCli(sandbox, path, ['setup'])))
  for (const { code, stderr } of results) assert.equal(code, 0, stderr)
  const names = paths.map((path) => requireLeaseAt(sandbox, path).name)
  assert.equal(new Set(names).size, 4, names.join(' '))
  for (const [index, name] of names.entries()) {
    assert.ok(name === 'app' || name === `${['1a2b', '3c4d', '5e6f', '7a8b'][index]}-app`, name)
    const path = paths[index] ?? ''
    assert.equal(await cliAnswer(sandbox, main, 'exec', '--name', name, '--', 'pwd'), path)
    assert.equal(await cliAnswer(sandbox, main, 'db', 'url', '--name', path), `file:${path}/.agent-isolate/dev.db`)
    await cliAnswer(sandbox, path, 'setup')
    assert.equal(requireLeaseAt(sandbox, path).name, name)
  }
})

test('a name that two worktrees have is an error that names both, and a path settles it', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('repo')
  const other = addOther(sandbox, main, 'elsewhere/app', 'topic')
  await cliAnswer(sandbox, other, 'setup')
  const own = await cliAnswer(sandbox, main, 'create', 'app')
  for (const args of [
    ['exec', '--name', 'app', '--', 'true'],
    ['env', '--name', 'app'],
    ['db', 'url', '--name', 'app'],
    ['db', 'reset', '--name', 'app'],
    ['remove', 'app'],
    ['remove', 'app', '--discard'],
  ]) {
    const { code, stderr } = await runCli(sandbox, main, args)
    assert.equal(code, 1, args.join(' '))
    assert.ok(stderr.includes(own) && stderr.includes(other), stderr)
  }
  assert.equal(loadLeases(sandbox).length, 2)
  assert.deepEqual(await cliJson(sandbox, main, 'remove', './.claude/worktrees/app'), {
    name: 'app',
    path: own,
    branch: 'worktree-app',
    removed: true,
  })
  assert.equal(await cliAnswer(sandbox, main, 'exec', '--name', 'app', '--', 'pwd'), other)
  assert.equal(await cliAnswer(sandbox, main, 'exec', '--name', 'topic', '--', 'pwd'), other)
})

test('a worktree that is called as another’s branch is meant by its name', () => {
  const a = { worktree: '/w/a', name: 'a', branch: 'b' }
  const b = { worktree: '/w/b', name: 'b', branch: 'c' }
  const b2 = { worktree: '/x/b', name: 'b', branch: 'd' }
  const flat = { worktree: '/w/feat+x', name: 'feat/x', branch: 'worktree-feat+x' }
  const table: [string, string | undefined, unknown[]][] = [
    ['b', undefined, [b, b2]],
    ['c', undefined, [b]],
    ['/w/b', '/w/b', [b]],
    ['feat+x', undefined, [flat]],
    ['feat/x', undefined, [flat]],
    ['worktree-feat+x', undefined, [flat]],
    ['nothing', '/w/nothing', []],
  ]
  for (const [name, path, found] of table) assert.deepEqual(findNamed([a, b, b2, flat], name, path), found, name)
  assert.deepEqual(findNamed([a, b], 'b'), [b])
})

test('names for the worktrees of other tools', () => {
  const table: [string, string[], string][] = [
    ['/home/me/.codex/worktrees/1a2b/app', [], 'app'],
    ['/home/me/.codex/worktrees/3c4d/app', ['app'], '3c4d-app'],
    ['/home/me/.codex/worktrees/3c4d/app', ['APP', '3c4d/app'], 'worktrees-3c4d-app'],
    ['/w/my app (2)', [], 'my-app-2'],
    ['/w/x.lock', [], 'x'],
    ['/w/機能', [], 'w'],
    ['/w/-rf', [], 'rf'],
    ['/w/a..b', [], 'a.b'],
  ]
  for (const [path, taken, name] of table) assert.equal(chooseName(path, taken), name, path)
  const last = chooseName('/a/b', ['b', 'a-b'])
  assert.match(last, /^worktree-[0-9a-f]{8}$/)
  assert.equal(chooseName(`/${'x'.repeat(250)}`, []), parseWorktreeName('x'.repeat(100)).name)
})

test('a worktree whose folder has an unusable name is set up under one that can be used', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('repo')
  const other = addOther(sandbox, main, 'my app', 'topic')
  await cliAnswer(sandbox, other, 'setup')
  writeFileSync(join(other, 'x'), '')
  assert.equal(await cliAnswer(sandbox, main, 'exec', '--name', 'my-app', '--', 'pwd'), other)
})
