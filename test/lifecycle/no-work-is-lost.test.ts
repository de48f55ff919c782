import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { compiledHook, createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { rounds } from '../support/rounds.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

/** A repository whose fetch hangs for three seconds, and leaves a mark: time for somebody else to get in between. */
function createSlowRepository(t: TestContext): { sandbox: Sandbox; repository: string; mark: string } {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const mark = join(sandbox.folder, 'fetching')
  const ssh = sandbox.write('ssh.sh', `#!/bin/sh\ntouch ${mark}\nexec sleep 3\n`)
  chmodSync(ssh, 0o755)
  Object.assign(sandbox.env, { GIT_SSH_COMMAND: ssh, GIT_SSH_VARIANT: 'ssh' })
  sandbox.git(repository, 'remote', 'add', 'origin', 'ssh://x@127.0.0.1/none')
  sandbox.git(repository, 'update-ref', 'refs/remotes/origin/main', 'HEAD')
  sandbox.git(repository, 'symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main')
  return { sandbox, repository, mark }
}

async function comesToExist(path: string): Promise<void> {
  while (!existsSync(path)) await sleep(10)
}

test('a branch or folder that somebody makes while a creation fetches is never taken for ours', async (t) => {
  const { sandbox, repository, mark } = createSlowRepository(t)
  const branch = runHook(sandbox, 'worktree-create', { cwd: repository, name: 'x' })
  await comesToExist(mark)
  const commit = sandbox.git(repository, 'commit-tree', '-p', 'HEAD', '-m', 'theirs', 'HEAD^{tree}')
  sandbox.git(repository, 'branch', 'worktree-x', commit)
  assert.equal((await branch).code, 1)
  assert.equal(sandbox.git(repository, 'rev-parse', 'worktree-x'), commit)
  rmSync(join(sandbox.folder, 'state/fetched'), { recursive: true, force: true })
  rmSync(mark)
  const folder = runHook(sandbox, 'worktree-create', { cwd: repository, name: 'y' })
  await comesToExist(mark)
  const notes = sandbox.write('repo/.claude/worktrees/y/notes.txt', 'theirs')
  assert.equal((await folder).code, 1)
  assert.equal(readFileSync(notes, 'utf8'), 'theirs')
  assert.deepEqual(loadLeases(sandbox), [])
})

/** A worktree whose set-up was killed, with work done in it since. */
async function createHalfMade(sandbox: Sandbox, repository: string): Promise<string> {
  sandbox.cli(repository, 'trust')
  const [program = '', ...args] = compiledHook('worktree-create')
  const child = spawn(program, args, { env: sandbox.env, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.end(JSON.stringify({ cwd: repository, name: 'half' }))
  const worktree = join(repository, '.claude/worktrees/half')
  await comesToExist(join(worktree, 'set-up-began'))
  child.kill('SIGKILL')
  await once(child, 'exit')
  await sleep(1500)
  return worktree
}

test('a worktree whose set-up was killed keeps the work that was done in it, whatever comes by', async (t) => {
  const sandbox = createSandbox(t)
  const files = { '.gitignore': 'set-up-began\n', 'agent-isolate.json': '{"setup":["touch set-up-began; sleep 1"]}' }
  const repository = sandbox.repository('repo', files)
  const worktree = await createHalfMade(sandbox, repository)
  sandbox.git(worktree, 'commit', '--quiet', '--allow-empty', '--message=work')
  writeFileSync(join(worktree, 'uncommitted.txt'), 'work')
  sandbox.cli(repository, 'gc')
  assert.equal(readFileSync(join(worktree, 'uncommitted.txt'), 'utf8'), 'work')
  assert.equal(requireLeaseAt(sandbox, worktree).state, 'interrupted')
  sandbox.cli(repository, 'remove', 'half', '--discard')
  const again = await createHalfMade(sandbox, repository)
  const session = await runHook(sandbox, 'session-start', { cwd: again })
  assert.equal(session.code, 0, session.stderr)
  assert.equal(requireLeaseAt(sandbox, again).state, 'ready', 'the session goes on with it')
})

test('commits of a detached HEAD outlive a folder that was deleted by hand', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const worktree = await createThroughHook(sandbox, repository, 'one')
  sandbox.git(worktree, 'checkout', '--quiet', '--detach')
  sandbox.git(worktree, 'commit', '--quiet', '--allow-empty', '--message=work')
  const commit = sandbox.git(worktree, 'rev-parse', 'HEAD')
  rmSync(worktree, { recursive: true })
  sandbox.cli(repository, 'gc')
  const saved = sandbox.git(repository, 'for-each-ref', '--format=%(objectname)', 'refs/agent-isolate/saved/one')
  assert.equal(saved, commit)
})

test('two removals at once do not each count on the other’s branch', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  for (let round = 0; round < rounds({ usual: 2, thorough: 5 }); round++) {
    const parent = await createThroughHook(sandbox, repository, `p${round}`)
    sandbox.git(parent, 'commit', '--quiet', '--allow-empty', '--message=work')
    const commit = sandbox.git(parent, 'rev-parse', 'HEAD')
    const child = await createThroughHook(sandbox, parent, `q${round}`)
    await Promise.all([removeThroughHook(sandbox, parent), removeThroughHook(sandbox, child)])
    assert.notEqual(sandbox.git(repository, 'branch', '--contains', commit), '')
  }
})

const hidden: Record<string, (sandbox: Sandbox, worktree: string) => RegExp> = {
  'an unfinished rebase': (sandbox, worktree) => {
    mkdirSync(join(sandbox.git(worktree, 'rev-parse', '--absolute-git-dir'), 'rebase-merge'))
    return /an unfinished rebase/
  },
  'a worktree in an ignored folder': (sandbox, worktree) => {
    sandbox.git(worktree, 'worktree', 'add', '--quiet', '.worktrees/sub')
    return /other checkouts/
  },
  'a repository in an ignored folder': (sandbox, worktree) => {
    mkdirSync(join(worktree, '.worktrees/own'), { recursive: true })
    sandbox.git(join(worktree, '.worktrees/own'), 'init', '--quiet')
    return /other checkouts \(\.worktrees\/own\/\)/
  },
}

for (const [what, make] of Object.entries(hidden)) {
  test(`a worktree with ${what} stays`, async (t) => {
    const sandbox = createSandbox(t)
    const repository = sandbox.repository('repo', { '.gitignore': '.worktrees/\n' })
    const worktree = await createThroughHook(sandbox, repository, 'one')
    const reason = make(sandbox, worktree)
    const refused = await removeThroughHook(sandbox, `${worktree}/`)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, reason)
    assert.ok(existsSync(worktree))
  })
}

test('a worktree without its .git file never makes git work on the main checkout', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const worktree = await createThroughHook(sandbox, repository, 'one')
  appendFileSync(join(repository, 'README.md'), 'uncommitted\n')
  rmSync(join(worktree, '.git'))
  for (const command of [['remove', 'one'], ['remove', 'one', '--discard'], ['gc']]) {
    try {
      sandbox.cli(repository, ...command)
    } catch (error) {
      assert.match(String(error), /Command failed/)
    }
  }
  assert.match(readFileSync(join(repository, 'README.md'), 'utf8'), /uncommitted/)
  assert.ok(existsSync(join(worktree, 'README.md')), 'what is not our worktree any more stays')
})

test('a moved worktree takes its lease along', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'agent-isolate.json': '{"ports":{"range":[24000,24019]}}' })
  const worktree = await createThroughHook(sandbox, repository, 'one')
  const { block } = requireLeaseAt(sandbox, worktree)
  const moved = join(sandbox.folder, 'moved')
  sandbox.git(repository, 'worktree', 'move', worktree, moved)
  const other = await createThroughHook(sandbox, repository, 'two')
  assert.equal(requireLeaseAt(sandbox, moved).block, block)
  assert.notEqual(requireLeaseAt(sandbox, other).block, block)
})

test('what hides a worktree’s files from git stays until the last worktree goes', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const [first = '', second = ''] = await Promise.all(
    ['a', 'b'].map((name) => createThroughHook(sandbox, repository, name)),
  )
  const third = await createThroughHook(sandbox, repository, 'c')
  for (const worktree of [first, second]) assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
  assert.equal(sandbox.git(third, 'status', '--porcelain'), '')
  assert.equal((await removeThroughHook(sandbox, third)).code, 0)
  assert.doesNotMatch(readFileSync(join(repository, '.git/info/exclude'), 'utf8'), /agent-isolate/)
})

test('a folder of the user’s gets no ignore file, and a tracked ignore file stays', async (t) => {
  const sandbox = createSandbox(t)
  const files = { 'src/a.ts': '', 'agent-isolate.json': '{"worktrees":{"folder":"src"}}' }
  const inSource = sandbox.repository('one', files)
  const worktree = await createThroughHook(sandbox, inSource, 'x')
  assert.ok(!existsSync(join(inSource, 'src/.gitignore')))
  assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
  const tracked = sandbox.repository('two', { '.claude/worktrees/.gitignore': '*\n!.gitignore\n' })
  assert.equal((await removeThroughHook(sandbox, await createThroughHook(sandbox, tracked, 'x'))).code, 0)
  assert.equal(sandbox.git(tracked, 'status', '--porcelain'), '')
})

test('a folder of worktrees that leads out through a symlink is refused', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  mkdirSync(join(sandbox.folder, 'outside'))
  symlinkSync('../outside', join(repository, '.claude'))
  const result = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'x' })
  assert.equal(result.code, 1)
  assert.match(result.stderr, /leads out of .* through a symlink/)
  assert.deepEqual(loadLeases(sandbox), [])
})

test('a program that a set-up leaves in the background does not hold the creation up', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'agent-isolate.json': '{"setup":["sleep 8 & echo $! > pid"]}' })
  sandbox.cli(repository, 'trust')
  const worktree = await createThroughHook(sandbox, repository, 'x')
  const pid = Number(readFileSync(join(worktree, 'pid'), 'utf8'))
  // Still running: the creation did not wait for it.
  assert.doesNotThrow(() => process.kill(pid, 'SIGTERM'))
})

test('a session outside of any repository, or one whose environment file cannot be written, starts all the same', async (t) => {
  const sandbox = createSandbox(t)
  const plain = await runHook(sandbox, 'session-start', { cwd: sandbox.folder })
  assert.deepEqual([plain.code, plain.stdout, plain.stderr], [0, '', ''])
  const repository = sandbox.repository('repo')
  const worktree = await createThroughHook(sandbox, repository, 'x')
  const env = { CLAUDE_ENV_FILE: sandbox.folder }
  const session = await runHook(sandbox, 'session-start', { cwd: worktree }, { env })
  assert.equal(session.code, 0)
  assert.match(session.stdout, /SessionStart/)
  assert.match(session.stderr, /shell commands will not have the environment/)
})

test('a branch that was rebased at its creation, and nothing else, is no work', async (t) => {
  const sandbox = createSandbox(t)
  const origin = sandbox.repository('origin')
  sandbox.git(sandbox.folder, 'clone', '--quiet', origin, 'repo')
  const repository = join(sandbox.folder, 'repo')
  sandbox.git(repository, 'config', 'user.name', 'Sample')
  sandbox.git(repository, 'config', 'user.email', 'sample@example.invalid')
  for (const [at, file] of [
    [origin, 'theirs.txt'],
    [repository, 'ours.txt'],
  ] as const) {
    writeFileSync(join(at, file), '')
    sandbox.git(at, 'add', file)
    sandbox.git(at, 'commit', '--quiet', `--message=${file}`)
  }
  const worktree = await createThroughHook(sandbox, repository, 'one')
  assert.ok(existsSync(join(worktree, 'theirs.txt')) && existsSync(join(worktree, 'ours.txt')))
  const removed = await removeThroughHook(sandbox, worktree)
  assert.equal(removed.code, 0, removed.stderr)
  assert.equal(sandbox.git(repository, 'branch', '--list', 'worktree-*'), '')
})
