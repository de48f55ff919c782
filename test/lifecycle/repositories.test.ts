import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { loadLeases } from '../support/state.ts'

test('a repository without a commit is a clear error', async (t) => {
  const sandbox = createSandbox(t)
  const repository = join(sandbox.folder, 'empty')
  mkdirSync(repository)
  sandbox.git(repository, 'init', '--quiet')
  const result = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'x' })
  assert.equal(result.code, 1)
  assert.match(result.stderr, /has no commit yet/)
  assert.deepEqual(loadLeases(sandbox), [])
})

test('a detached HEAD is a start like any other', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  sandbox.git(repository, 'checkout', '--quiet', '--detach')
  const worktree = await createThroughHook(sandbox, repository, 'x')
  assert.equal(sandbox.git(worktree, 'branch', '--show-current'), 'worktree-x')
})

test('a bare repository has its worktrees beside a hidden git folder, or inside itself', async (t) => {
  const sandbox = createSandbox(t)
  const origin = sandbox.repository('origin')
  sandbox.git(sandbox.folder, 'clone', '--quiet', '--bare', origin, 'plain.git')
  const plain = join(sandbox.folder, 'plain.git')
  assert.equal(await createThroughHook(sandbox, plain, 'x'), join(plain, '.claude/worktrees/x'))
  mkdirSync(join(sandbox.folder, 'project'))
  sandbox.git(sandbox.folder, 'clone', '--quiet', '--bare', origin, 'project/.bare')
  const hidden = join(sandbox.folder, 'project/.bare')
  sandbox.git(hidden, 'worktree', 'add', '--quiet', '../main')
  const fromLinked = await createThroughHook(sandbox, join(sandbox.folder, 'project/main'), 'y')
  assert.equal(fromLinked, join(sandbox.folder, 'project/.claude/worktrees/y'))
  assert.equal((await removeThroughHook(sandbox, fromLinked)).code, 0)
})

test('a submodule has worktrees of its own; a repository with submodules gets a worktree, and a word about them', async (t) => {
  const sandbox = createSandbox(t)
  const library = sandbox.repository('library')
  const repository = sandbox.repository('repo')
  sandbox.git(repository, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'lib')
  sandbox.git(repository, 'commit', '--quiet', '--message=submodule')
  const inner = await createThroughHook(sandbox, join(repository, 'lib'), 'x')
  assert.equal(inner, join(repository, 'lib/.claude/worktrees/x'))
  assert.equal(await createThroughHook(sandbox, inner, 'y'), join(repository, 'lib/.claude/worktrees/y'))
  const outer = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'x' })
  assert.equal(outer.stdout, `${join(repository, '.claude/worktrees/x')}\n`)
  assert.match(outer.stderr, /submodule/)
  assert.equal((await removeThroughHook(sandbox, outer.stdout.trim())).code, 0)
})

test('paths with spaces, quotes, dollars, unicode and a leading dash are just paths', async (t) => {
  const sandbox = createSandbox(t)
  for (const name of ['with space', "it's", 'say "hi"', '日本 ü', '-rf', 'a;touch x', '#hash', '100%']) {
    const repository = sandbox.repository(name, { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
    const worktree = await createThroughHook(sandbox, repository, 'x')
    assert.equal(worktree, join(repository, '.claude/worktrees/x'))
    assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
    assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
  }
  assert.deepEqual(loadLeases(sandbox), [])
})
