/** Git hooks that an install has put into an ignored folder (husky's `.husky/_`) run in a worktree as they do in the main checkout. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

/** What `husky` 9.1 writes into `.husky/_`, for the one hook that counts here. */
function installHusky(sandbox: Sandbox, root: string): void {
  sandbox.write('shop/.husky/_/.gitignore', '*')
  sandbox.write(
    'shop/.husky/_/h',
    '#!/usr/bin/env sh\nn=$(basename "$0")\ns=$(dirname "$(dirname "$0")")/$n\n[ ! -f "$s" ] && exit 0\n' +
      'export PATH="node_modules/.bin:$PATH"\nsh -e "$s" "$@"\nc=$?\n' +
      '[ $c != 0 ] && echo "husky - $n script failed (code $c)"\nexit $c\n',
  )
  const hook = sandbox.write('shop/.husky/_/pre-commit', '#!/usr/bin/env sh\n. "$(dirname "$0")/h"')
  chmodSync(hook, 0o755)
  sandbox.git(root, 'config', 'core.hooksPath', '.husky/_')
}

/** The exit code of `git commit` of one new file, and all that was said. */
function commit(sandbox: Sandbox, worktree: string, content: string): { status: number | null; said: string } {
  sandbox.write(join('shop', worktree.slice(join(sandbox.folder, 'shop').length), 'new.txt'), content)
  sandbox.git(worktree, 'add', 'new.txt')
  const options = { cwd: worktree, env: sandbox.env, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync('git', ['commit', '--message=new'], options)
  return { status, said: stdout + stderr }
}

test('a commit in a worktree runs the hooks of husky, which leave no trace and keep no worktree', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', { '.husky/pre-commit': '! grep -q SECRET new.txt\n' })
  installHusky(sandbox, root)
  const worktree = await createThroughHook(sandbox, root, 'one')
  assert.equal(sandbox.git(worktree, 'status', '--porcelain', '--untracked-files=all'), '')
  const refused = commit(sandbox, worktree, 'SECRET\n')
  assert.equal(refused.status, 1, refused.said)
  assert.match(refused.said, /husky - pre-commit script failed/)
  assert.equal(commit(sandbox, worktree, 'fine\n').status, 0)
  sandbox.git(root, 'merge', '--quiet', '--ff-only', 'worktree-one')
  assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
  assert.equal(sandbox.git(root, 'worktree', 'list').split('\n').length, 1)
})

test('a worktree without the hooks that core.hooksPath names is told of in one line, unless set-up makes them', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', { 'agent-isolate.json': '{"setup": ["mkdir -p $MADE .husky"]}\n' })
  const create = async (name: string): Promise<string> => {
    const { code, stderr } = await runHook(sandbox, 'worktree-create', { cwd: root, name })
    assert.equal(code, 0, stderr)
    return stderr
  }
  sandbox.git(root, 'config', 'core.hooksPath', '.husky/_')
  const told = /warning: core\.hooksPath is \.husky\/_, which is not there: git runs no hooks in .*one\b.*\n/
  assert.match(await create('one'), told)
  // husky 5 to 8: the hooks are tracked, and the script that they all read is not.
  sandbox.git(root, 'config', 'core.hooksPath', '.husky')
  chmodSync(sandbox.write('shop/.husky/pre-commit', '#!/bin/sh\n. "$(dirname -- "$0")/_/husky.sh"\n'), 0o755)
  sandbox.git(root, 'add', '.husky')
  sandbox.git(root, '-c', 'core.hooksPath=/dev/null', 'commit', '--quiet', '--message=hooks')
  sandbox.write('shop/.husky/_/.gitignore', '*')
  sandbox.write('shop/.husky/_/husky.sh', 'echo husky ran\n')
  sandbox.write('shop/.husky/draft', 'untracked, and nobody ignores it\n')
  assert.doesNotMatch(await create('two'), /hooksPath/)
  const worktree = join(root, '.claude/worktrees/two')
  assert.match(commit(sandbox, worktree, 'fine\n').said, /husky ran/)
  assert.equal(sandbox.git(worktree, 'status', '--porcelain', '--untracked-files=all'), '')
  // Made by a set-up command; named by its whole path; switched off.
  sandbox.git(root, 'config', 'core.hooksPath', '.made/hooks')
  await runCli(sandbox, root, ['trust'])
  assert.doesNotMatch(
    (await runHook(sandbox, 'worktree-create', { cwd: root, name: 'three' }, { env: { MADE: '.made/hooks' } })).stderr,
    /hooksPath/,
  )
  rmSync(join(root, '.husky/_'), { recursive: true })
  for (const [name, path] of [
    ['four', join(sandbox.folder, 'hooks')],
    ['five', '/dev/null'],
  ] as const) {
    sandbox.git(root, 'config', 'core.hooksPath', path)
    assert.doesNotMatch(await create(name), /hooksPath/, path)
  }
})
