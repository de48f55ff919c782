import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, runHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { loadLeases, readEnv, requireLeaseAt, snapshotState } from '../support/state.ts'

test('the hook answers the path alone and gives the worktree a port, a database and an env file of its own', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('my repo ü', { 'a.txt': 'a\n', '.gitignore': '.env.local\n' })
  const result = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'feat/auth' })
  const worktree = join(repository, '.claude/worktrees/feat+auth')
  assert.deepEqual([result.code, result.stdout], [0, `${worktree}\n`], result.stderr)
  assert.equal(readFileSync(join(worktree, 'a.txt'), 'utf8'), 'a\n')
  assert.equal(sandbox.git(worktree, 'branch', '--show-current'), 'worktree-feat+auth')
  const lease = requireLeaseAt(sandbox, worktree)
  const env = join(worktree, '.env.local')
  assert.equal(readEnv(env)['PORT'], String(lease.ports['app']))
  assert.equal(readEnv(env)['DATABASE_URL'], `'file:${worktree}/.agent-isolate/dev.db'`)
  assert.equal(statSync(env).mode & 0o777, 0o600)
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  assert.equal(sandbox.git(repository, 'status', '--porcelain'), '')
})

test('an existing name is opened again with the ports and the database it had, from wherever it is asked for', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'deep/down/a.txt': 'a\n' })
  const first = await createThroughHook(sandbox, repository, 'one')
  const before = requireLeaseAt(sandbox, first)
  writeFileSync(join(first, '.agent-isolate/dev.db'), 'what the agent wrote')
  writeFileSync(join(first, '.env.local'), `MINE=1\n${readFileSync(join(first, '.env.local'), 'utf8')}`)
  const fromSubfolder = await createThroughHook(sandbox, join(repository, 'deep/down'), 'one')
  const fromWorktree = await createThroughHook(sandbox, join(first, 'deep'), 'one')
  assert.deepEqual([fromSubfolder, fromWorktree], [first, first])
  const after = requireLeaseAt(sandbox, first)
  assert.deepEqual([after.id, after.ports], [before.id, before.ports])
  assert.equal(readFileSync(join(first, '.agent-isolate/dev.db'), 'utf8'), 'what the agent wrote')
  assert.equal(readEnv(join(first, '.env.local'))['MINE'], '1')
  const sibling = await createThroughHook(sandbox, first, 'two')
  assert.equal(sibling, join(repository, '.claude/worktrees/two'), 'never nested')
})

test('bad payloads and hostile names get one line on stderr, exit 1, and change nothing', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const before = snapshotState(sandbox, repository)
  const payloads: unknown[] = [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"a":1} {"b":2}',
    {},
    { cwd: repository },
    { name: 'x' },
    { cwd: join(sandbox.folder, 'nowhere'), name: 'x' },
    { cwd: sandbox.folder, name: 'x' },
    ...['../x', 'a b', '-rf', '', 'x'.repeat(300), 'größe', "a'b", 'a"b', 'a\nb', '.git', 'a/../b'].map((name) => ({
      cwd: repository,
      name,
    })),
  ]
  for (const payload of payloads) {
    const result = await runHook(sandbox, 'worktree-create', payload)
    assert.deepEqual([result.code, result.stdout], [1, ''], JSON.stringify(payload))
    const [line = '', hint = '', ...rest] = result.stderr.trimEnd().split('\n')
    assert.match(line, /^agent-isolate: \S/)
    assert.match(hint, /^( {2}\S.*)?$/)
    assert.deepEqual(rest, [])
  }
  assert.deepEqual(snapshotState(sandbox, repository), before)
})

test('a branch that exists is used as it is, and one that is checked out elsewhere is a clear error', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  sandbox.git(repository, 'branch', 'worktree-old')
  sandbox.git(repository, 'checkout', '--quiet', '-b', 'worktree-busy')
  sandbox.git(repository, 'commit', '--quiet', '--allow-empty', '--message=second')
  const old = await createThroughHook(sandbox, repository, 'old')
  assert.equal(sandbox.git(old, 'log', '--format=%s'), 'first')
  const before = snapshotState(sandbox, repository)
  const busy = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'busy' })
  assert.equal(busy.code, 1)
  assert.match(busy.stderr, /worktree-busy is checked out already, at /)
  assert.deepEqual(snapshotState(sandbox, repository), before)
})

test('a folder in the way is an error, and stays', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  sandbox.write('repo/.claude/worktrees/taken/work.txt', 'mine')
  const result = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'taken' })
  assert.equal(result.code, 1)
  assert.match(result.stderr, /taken is there already, and is no worktree/)
  assert.equal(readFileSync(join(repository, '.claude/worktrees/taken/work.txt'), 'utf8'), 'mine')
  assert.deepEqual(loadLeases(sandbox), [])
})

test('a worktree folder that was deleted by hand is made anew', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const worktree = await createThroughHook(sandbox, repository, 'gone')
  execFileSync('rm', ['-rf', worktree])
  assert.equal(await createThroughHook(sandbox, repository, 'gone'), worktree)
  assert.ok(existsSync(join(worktree, 'README.md')))
  assert.equal(loadLeases(sandbox).length, 1)
})

test('the post-checkout hook runs as git would run it, and its failure is a warning', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const hook = join(repository, '.git/hooks/post-checkout')
  mkdirSync(join(repository, '.git/hooks'), { recursive: true })
  writeFileSync(hook, '#!/bin/sh\necho "$@" > post-checkout-was-here\necho loud\nexit 3\n')
  chmodSync(hook, 0o755)
  const result = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'hooked' })
  const worktree = join(repository, '.claude/worktrees/hooked')
  assert.deepEqual([result.code, result.stdout], [0, `${worktree}\n`])
  assert.match(result.stderr, /post-checkout hook .* failed: loud/)
  const head = sandbox.git(worktree, 'rev-parse', 'HEAD')
  assert.equal(readFileSync(join(worktree, 'post-checkout-was-here'), 'utf8'), `${'0'.repeat(40)} ${head} 1\n`)
})

test('set-up commands run in the worktree with its environment once trusted; one that fails takes everything back', async (t) => {
  const sandbox = createSandbox(t)
  const config = JSON.stringify({ setup: ['echo "$PORT" > port.txt', 'test ! -e stop'] })
  const repository = sandbox.repository('repo', { 'agent-isolate.json': config })
  const distrusted = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'a' })
  assert.match(distrusted.stderr, /not trusted/)
  assert.ok(!existsSync(join(repository, '.claude/worktrees/a/port.txt')))
  sandbox.cli(repository, 'trust')
  const trusted = await createThroughHook(sandbox, repository, 'b')
  const port = requireLeaseAt(sandbox, trusted).ports['app']
  assert.equal(readFileSync(join(trusted, 'port.txt'), 'utf8'), `${port}\n`)
  sandbox.write('repo/stop', '')
  sandbox.git(repository, 'add', 'stop')
  sandbox.git(repository, 'commit', '--quiet', '--message=stop')
  const before = snapshotState(sandbox, repository)
  const failed = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'c' })
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /the command "test ! -e stop" failed \(1\)/)
  assert.deepEqual(snapshotState(sandbox, repository), before)
  sandbox.write('repo/agent-isolate.json', JSON.stringify({ setup: ['touch changed'] }))
  const changed = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'd' })
  assert.match(changed.stderr, /not trusted/, 'trust is in the exact text')
})

test('the template decides what the env file says; the main checkout’s other keys stay', async (t) => {
  const sandbox = createSandbox(t)
  const template =
    'API_PORT=$AGENT_PORT_API\nDATABASE_URL="sqlite:///$AGENT_SQLITE_PATH"\nKEEP=$HOME_PAGE\nNODE_ENV="test"\n'
  const repository = sandbox.repository('repo', { '.env.agent.template': template, '.gitignore': '.env.local\n' })
  sandbox.write('repo/.env.local', 'SECRET="s p a c e"\nAPI_PORT=1\n')
  const worktree = await createThroughHook(sandbox, repository, 'one')
  const lease = requireLeaseAt(sandbox, worktree)
  const env = readEnv(join(worktree, '.env.local'))
  assert.deepEqual(Object.keys(lease.ports), ['app', 'api'])
  assert.equal(env['API_PORT'], String(lease.ports['api']))
  assert.equal(env['SECRET'], '"s p a c e"')
  assert.equal(env['KEEP'], '$HOME_PAGE')
  sandbox.write('repo/.env.agent.template', `${template}X=$AGENT_NONSENSE\n`)
  const before = snapshotState(sandbox, repository)
  const faulty = await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'two' })
  assert.equal(faulty.code, 1)
  assert.match(faulty.stderr, /line 5: \$AGENT_NONSENSE is not known/)
  assert.deepEqual(snapshotState(sandbox, repository), before)
})
