/** Checking out where filters and hooks come from somewhere else than the repository's files. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findFailedFilter } from '../../lib/git/check-out.ts'
import { createThroughHook, removeThroughHook, runHook, type HookResult } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases } from '../support/state.ts'

function create(sandbox: Sandbox, cwd: string): Promise<HookResult> {
  return runHook(sandbox, 'worktree-create', { cwd, name: 'x' })
}

/** Skips without the program; where CI is set it has to be there. */
function needsProgram(t: TestContext, name: string): boolean {
  const isThere = spawnSync(name, ['--version']).error === undefined
  if (!isThere && process.env['CI']) throw new Error(`${name} is not installed`)
  if (!isThere) t.skip(`${name} is not installed`)
  return isThere
}

/** A filter whose smudge needs the file `key` in the sandbox. */
function addFilter(sandbox: Sandbox, repository: string): string {
  const key = sandbox.write('key', 'key')
  const script = sandbox.write(
    'filter.sh',
    `#!/bin/sh\ntest -f '${key}' || { echo 'no key' >&2; exit 1; }\nexec tr a-z n-za-m\n`,
  )
  chmodSync(script, 0o755)
  for (const [name, value] of [
    ['clean', script],
    ['smudge', script],
    ['required', 'true'],
  ] as const)
    sandbox.git(repository, 'config', `filter.rot.${name}`, value)
  sandbox.write('repo/.gitattributes', '*.secret filter=rot\n')
  sandbox.write('repo/a.secret', 'hush')
  sandbox.git(repository, 'add', '--all')
  sandbox.git(repository, 'commit', '--quiet', '--message=secret')
  return key
}

test('a filter that fails leaves its files as git stores them, says so, and the worktree is as good as any', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  const key = addFilter(sandbox, repository)
  renameSync(key, `${key}.away`)
  const { code, stdout, stderr } = await create(sandbox, repository)
  assert.equal(code, 0, stderr)
  const worktree = stdout.trim()
  assert.equal(readFileSync(join(worktree, 'a.secret'), 'utf8'), 'uhfu')
  assert.equal(readFileSync(join(worktree, 'a.txt'), 'utf8'), 'a\n')
  assert.match(stderr, /the files of the filter rot are there as git stores them, since it failed \(no key\)/)
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  // What the warning advises works once the filter does.
  renameSync(`${key}.away`, key)
  const [, advice = ''] = /when it works, in \S+: (.+)/.exec(stderr) ?? []
  execFileSync('sh', ['-c', advice], { cwd: worktree, env: sandbox.env })
  assert.equal(readFileSync(join(worktree, 'a.secret'), 'utf8'), 'hush')
  assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
  assert.deepEqual(loadLeases(sandbox), [])
})

test('a worktree with a filter that failed is released like any other', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { '.gitignore': '.env.local\n' })
  const key = addFilter(sandbox, repository)
  rmSync(key)
  const worktree = await createThroughHook(sandbox, repository, 'x')
  const removed = await removeThroughHook(sandbox, worktree)
  assert.equal(removed.code, 0, removed.stderr)
  assert.equal(existsSync(worktree), false)
})

test('the name of a filter that failed, whatever it is called', () => {
  for (const name of ['git-crypt', 'a b']) {
    const stderr = `words\nerror: external filter 'x' failed 1\nfatal: a b: smudge filter ${name} failed\n`
    assert.deepEqual(findFailedFilter(stderr), { name, words: 'words' })
  }
  assert.equal(findFailedFilter('fatal: unable to write new index file\n'), undefined)
})

test('git-crypt: a worktree of an unlocked repository is unlocked, and the key outlives it', async (t) => {
  if (!needsProgram(t, 'git-crypt')) return
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { '.gitattributes': '*.secret filter=git-crypt diff=git-crypt\n' })
  execFileSync('git-crypt', ['init'], { cwd: repository, env: sandbox.env, stdio: 'pipe' })
  sandbox.write('repo/a.secret', 'hush')
  sandbox.git(repository, 'add', '--all')
  sandbox.git(repository, 'commit', '--quiet', '--message=secret')
  assert.match(sandbox.git(repository, 'cat-file', '-p', 'HEAD:a.secret'), /GITCRYPT/)
  const made = await create(sandbox, repository)
  assert.equal(made.code, 0, made.stderr)
  const worktree = made.stdout.trim()
  assert.equal(readFileSync(join(worktree, 'a.secret'), 'utf8'), 'hush')
  assert.doesNotMatch(made.stderr, /filter/)
  sandbox.write('repo/.claude/worktrees/x/b.secret', 'hush, too')
  sandbox.git(worktree, 'add', '--all')
  sandbox.git(worktree, 'commit', '--quiet', '--message=another')
  sandbox.git(worktree, 'push', '--quiet', '.', 'HEAD:refs/heads/kept')
  assert.match(sandbox.git(repository, 'cat-file', '-p', 'kept:b.secret'), /GITCRYPT/)
  const removed = await removeThroughHook(sandbox, worktree)
  assert.equal(removed.code, 0, removed.stderr)
  assert.deepEqual(readdirSync(join(repository, '.git/git-crypt/keys')), ['default'])
  assert.equal(sandbox.git(repository, 'status', '--porcelain'), '')
})

test('Git LFS: an object that cannot be had is a pointer and a warning, the others are there', async (t) => {
  if (!needsProgram(t, 'git-lfs')) return
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n' })
  sandbox.git(repository, 'lfs', 'install', '--local')
  sandbox.write('repo/a.bin', 'one\n')
  sandbox.write('repo/b.bin', 'two\n')
  sandbox.git(repository, 'add', '--all')
  sandbox.git(repository, 'commit', '--quiet', '--message=large')
  const [, oid = ''] = /sha256:(\w+)/.exec(sandbox.git(repository, 'cat-file', '-p', 'HEAD:b.bin')) ?? []
  rmSync(join(repository, '.git/lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid))
  const made = await create(sandbox, repository)
  assert.equal(made.code, 0, made.stderr)
  const worktree = made.stdout.trim()
  assert.equal(readFileSync(join(worktree, 'a.bin'), 'utf8'), 'one\n')
  assert.match(readFileSync(join(worktree, 'b.bin'), 'utf8'), /^version https:\/\/git-lfs/)
  assert.match(made.stderr, /Git LFS has no content for b\.bin; when it can be had: git -C \S+ lfs pull/)
  assert.equal(sandbox.git(worktree, 'status', '--porcelain', '--untracked-files=no'), '')
})

/** Stands in for git 2.54 and newer, which knows hooks that the config defines; all else is the machine's own git. */
function useGitWithConfiguredHooks(sandbox: Sandbox): void {
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  const shim = sandbox.write(
    'bin/git',
    `#!/bin/sh
if [ "$1" = hook ] && [ "$2" = run ]; then
  while [ "$1" != -- ]; do event=$1; shift; done; shift
  exec sh -c "$(${real} config hook.sample.command) \\"\\$@\\"" hook "$@"
fi
exec ${real} "$@"
`,
  )
  chmodSync(shim, 0o755)
  sandbox.env['PATH'] = `${join(sandbox.folder, 'bin')}:${process.env['PATH'] ?? ''}`
}

test('a post-checkout hook that the config defines runs as one in the hooks folder does', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { '.gitignore': '.env.local\n' })
  useGitWithConfiguredHooks(sandbox)
  const log = join(sandbox.folder, 'log')
  sandbox.git(repository, 'config', '--global', 'hook.sample.event', 'post-checkout')
  sandbox.git(repository, 'config', '--global', 'hook.sample.command', `pwd >> '${log}'; echo ran`)
  const worktree = await createThroughHook(sandbox, repository, 'x')
  assert.equal(readFileSync(log, 'utf8'), `${worktree}\n`)
  sandbox.git(repository, 'config', '--global', 'hook.sample.event', 'pre-push')
  await createThroughHook(sandbox, repository, 'y')
  assert.equal(readFileSync(log, 'utf8'), `${worktree}\n`, 'another event is none of it')
})
