/** Claude Code ends a hook that takes too long, and what it has made would stay: the hook ends by itself before that, and takes it back. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { deadlineAt, noDeadline, timeIsUp, timeLimit } from '../../lib/report/deadline.ts'
import { startStopwatch } from '../../lib/report/stopwatch.ts'
import { runHook, type HookResult } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

test('a set-up command that takes too long fails the creation in time, and nothing stays', async (t) => {
  const { sandbox, repository } = configured(t, { setup: ['sleep 60'] })
  const late = /the \d+ s of a hook were over before "set-up commands" was done: the command "sleep 60"/
  const result = await create(sandbox, repository, late)
  assert.match(result.stderr, /\n {2}A terminal has no such limit: agent-isolate create NAME/)
  assertNothingStays(sandbox, repository)
  // And without a limit the same creation is whole.
  sandbox.write('repo/agent-isolate.json', JSON.stringify({ setup: ['sleep 5'] }))
  sandbox.cli(repository, 'trust')
  const env = { AGENT_ISOLATE_DEADLINE_SECONDS: '' }
  assert.equal((await runHook(sandbox, 'worktree-create', { cwd: repository, name: 'x' }, { env })).code, 0)
})

test('several set-up commands share one limit', async (t) => {
  const { sandbox, repository } = configured(t, {
    setup: Array.from({ length: 4 }, () => 'sleep $((AGENT_ISOLATE_DEADLINE_SECONDS / 2))'),
  })
  await create(sandbox, repository, /before "set-up commands" was done/)
  assertNothingStays(sandbox, repository)
})

test('a filter that hangs while files are checked out is ended, and nothing stays', async (t) => {
  const { sandbox, repository } = configured(t, {}, { '.gitattributes': '*.bin filter=slow\n', 'a.bin': 'a\n' })
  sandbox.git(repository, 'config', 'filter.slow.smudge', 'sleep 60')
  await create(sandbox, repository, /before "check out" was done: git reset --quiet did not end in /)
  assertNothingStays(sandbox, repository)
})

test('a post-checkout hook that hangs, which is but a warning, has used up the time all the same', async (t) => {
  const { sandbox, repository } = configured(t, {})
  sandbox.write('hooks/post-checkout', '#!/bin/sh\nsleep 60\n')
  sandbox.git(repository, 'config', 'core.hooksPath', join(sandbox.folder, 'hooks'))
  chmodSync(join(sandbox.folder, 'hooks/post-checkout'), 0o755)
  await create(sandbox, repository, /before "post-checkout" was done/)
  assertNothingStays(sandbox, repository)
})

test('a worktree that another process works on is waited for no longer than that', async (t) => {
  const go = join(mkdtempSync(join(tmpdir(), 'agent-isolate-test-')), 'go')
  t.after(() => rmSync(dirname(go), { recursive: true, force: true }))
  const untilGo = `until [ -e '${go}' ] || [ ! -e '${dirname(go)}' ]; do sleep 0.1; done`
  const { sandbox, repository } = configured(t, { setup: [untilGo] })
  const first = runHook(sandbox, 'worktree-create', { cwd: repository, name: 'x' })
  while (!existsSync(join(repository, '.claude/worktrees/x/README.md'))) await sleep(20)
  await create(sandbox, repository, /waited \d+ s for the worktree .*, held by process/)
  writeFileSync(go, '')
  assert.equal((await first).code, 0)
})

test('what a wait may take is what is left, never nothing; without a deadline it is all that it asks for', () => {
  let now = 0
  const deadline = deadlineAt(1000, () => now)
  const asked = [0, 400, 999, 1000, 5000].map((time) => {
    now = time
    return [deadline.remainingMs(700), deadline.hasPassed()]
  })
  assert.deepEqual(asked, [
    [700, false],
    [600, false],
    [1, false],
    [1, true],
    [1, true],
  ])
  assert.deepEqual([noDeadline.remainingMs(700), noDeadline.hasPassed(), timeLimit(noDeadline)], [700, false, {}])
})

test('a step which is done too late names the one that took most of the time', async () => {
  const steps = [
    { step: 'dependencies', ms: 560_000 },
    { step: 'set-up commands', ms: 10_000 },
  ]
  const { message } = timeIsUp(deadlineAt(570_000), steps, new IsolateError('it took too long'))
  assert.equal(
    message,
    'the 570 s of a hook were over ("dependencies" took 560 s of them) before "set-up commands" was done: it took too long',
  )
  // A bug stays one.
  const late = startStopwatch(deadlineAt(0))
  await assert.rejects(
    late.measure('x', () => Promise.reject(new TypeError('bug'))),
    TypeError,
  )
  await assert.rejects(
    late.measure('x', () => Promise.resolve()),
    IsolateError,
  )
})

function configured(t: TestContext, config: object, files: Record<string, string> = {}) {
  const sandbox = createSandbox(t)
  const json = JSON.stringify({ database: { provider: 'none' }, ...config })
  const repository = sandbox.repository('repo', { 'README.md': '# sample\n', ...files, 'agent-isolate.json': json })
  sandbox.cli(repository, 'trust')
  return { sandbox, repository }
}

/**
 * Creates with a limit, which has to end it where `expected` says. On a slow machine what comes before may take all of it:
 * then there is more.
 */
async function create(sandbox: Sandbox, cwd: string, expected: RegExp): Promise<HookResult> {
  for (let seconds = 4; ; seconds *= 3) {
    const began = performance.now()
    const env = { AGENT_ISOLATE_DEADLINE_SECONDS: String(seconds) }
    const result = await runHook(sandbox, 'worktree-create', { cwd, name: 'x' }, { env })
    // What hangs would go on for a minute.
    assert.ok(performance.now() - began < 58_000)
    assert.equal(result.code, 1)
    if (expected.test(result.stderr) || seconds > 30) {
      assert.match(result.stderr, expected)
      return result
    }
  }
}

function assertNothingStays({ cli, git }: Sandbox, repository: string): void {
  assert.deepEqual(JSON.parse(cli(repository, 'list', '--json')).worktrees ?? [], [])
  assert.equal(git(repository, 'worktree', 'list', '--porcelain').match(/^worktree /gm)?.length, 1)
  assert.equal(git(repository, 'branch', '--list', '--format=%(refname:short)'), 'main')
  assert.ok(!existsSync(join(repository, '.claude')) || readdirSync(join(repository, '.claude')).length === 0)
}
