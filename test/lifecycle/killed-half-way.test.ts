/** A process that is killed while it writes one file leaves nothing that counts as anybody's work, and nothing for good. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createThroughHook, runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { snapshotState } from '../support/state.ts'

/** NODE_OPTIONS with which a process kills itself when it is about to give `path` its finished content. */
function killBefore(sandbox: Sandbox, path: string, syscall = 'renameSync'): NodeJS.ProcessEnv {
  const preload = sandbox.write(
    `kill-${syscall}.mjs`,
    `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const original = fs.${syscall}
fs.${syscall} = (...args) => {
  if (String(args.at(-1)).endsWith(process.env.KILL_BEFORE)) process.kill(process.pid, 'SIGKILL')
  return original(...args)
}
syncBuiltinESMExports()
`,
  )
  return { NODE_OPTIONS: `--import ${preload}`, KILL_BEFORE: path }
}

/** Everything below `folder`, git's and ours left out. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/(?:^|\/)\.git\/(?!info)/.test(path) && !lstatSync(join(folder, path)).isDirectory())
    .toSorted()
}

test('a creation killed between the writes of its environment is taken away whole by gc', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n' })
  sandbox.write('repo/CLAUDE.local.md', 'mine\n')
  sandbox.cli(repository, 'gc')
  const before = snapshotState(sandbox, repository)
  for (const path of ['/.env.local', '.origin', '/environment.sh', '/copied.json']) {
    const payload = { cwd: repository, name: 'doomed' }
    const { signal } = await runHook(sandbox, 'worktree-create', payload, { env: killBefore(sandbox, path) })
    assert.equal(signal, 'SIGKILL', path)
    sandbox.cli(repository, 'gc')
    assert.deepEqual(snapshotState(sandbox, repository), { ...before, leases: [], locks: [], temporary: [] }, path)
    assert.deepEqual(JSON.parse(sandbox.cli(repository, 'list', '--json')), [])
    assert.equal(existsSync(join(repository, '.claude')), false, path)
  }
})

test('what a killed process left of our exclude rules goes with the next worktree, wherever the file is kept', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n' })
  const kept = sandbox.write('dotfiles/exclude', '# mine\n')
  const exclude = join(repository, '.git', 'info', 'exclude')
  execFileSync('rm', [exclude])
  symlinkSync(kept, exclude)
  const { signal } = await runHook(
    sandbox,
    'worktree-create',
    { cwd: repository, name: 'one' },
    { env: killBefore(sandbox, kept) },
  )
  assert.equal(signal, 'SIGKILL')
  sandbox.write('dotfiles/.notes.123-0123456789ab.tmp', 'my own\n')
  sandbox.cli(repository, 'gc')
  await createThroughHook(sandbox, repository, 'two')
  sandbox.cli(repository, 'remove', 'two')
  assert.deepEqual(readdirSync(dirname(kept)).toSorted(), ['.notes.123-0123456789ab.tmp', 'exclude'])
  assert.equal(readFileSync(kept, 'utf8'), '# mine\n')
})

test('a worktree that was killed while its env file came back to what it was keeps what the user wrote', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  const worktree = join(sandbox.folder, 'other')
  sandbox.git(repository, 'worktree', 'add', '--quiet', worktree)
  writeFileSync(join(worktree, '.env.local'), 'MINE=1\nPORT=3000\n')
  sandbox.cli(worktree, 'setup')
  const env = { ...sandbox.env, ...killBefore(sandbox, '/.env.local') }
  const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')
  assert.throws(() => execFileSync(process.execPath, [program, 'teardown'], { cwd: worktree, env, stdio: 'pipe' }))
  sandbox.cli(repository, 'gc')
  assert.equal(readFileSync(join(worktree, '.env.local'), 'utf8'), 'MINE=1\nPORT=3000\n')
  assert.deepEqual(listFiles(worktree), ['.env.local', '.git', '.gitignore', 'a.txt'])
})

test('an ignore file of ours that was cut off is finished by the next creation, and no work', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'a.txt': 'a\n' })
  const worktree = await createThroughHook(sandbox, repository, 'one')
  writeFileSync(join(worktree, '.agent-isolate', '.gitignore'), '')
  assert.match(sandbox.git(worktree, 'status', '--porcelain'), /agent-isolate/)
  sandbox.cli(repository, 'remove', 'one')
  mkdirSync(join(repository, '.claude', 'worktrees'), { recursive: true })
  writeFileSync(join(repository, '.claude', 'worktrees', '.gitignore'), '# made by')
  await createThroughHook(sandbox, repository, 'two')
  assert.equal(sandbox.git(repository, 'status', '--porcelain'), '')
  sandbox.cli(repository, 'remove', 'two')
  assert.equal(existsSync(join(repository, '.claude')), false)
})

test('an init killed half-way leaves nothing once it has been run again, and no file of the user’s goes', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', {
    'a.txt': 'a\n',
    '.claude/settings.json': '{}\n',
    '.mine.0123456789ab.tmp': 'my own\n',
  })
  const killed = await runCli(sandbox, repository, ['init', '--yes'], killBefore(sandbox, '/settings.json'))
  assert.equal(killed.signal, 'SIGKILL')
  const again = await runCli(sandbox, repository, ['init', '--yes'])
  assert.equal(again.code, 0, again.stderr)
  const left = listFiles(repository).filter((path) => path.endsWith('.tmp'))
  assert.deepEqual(left, ['.mine.0123456789ab.tmp'])
})
