import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

/** What a Bash tool call of the session prints, run in `cwd`. */
function shell(sandbox: Sandbox, envFile: string, cwd: string, command: string): string {
  const script = `. "${envFile}"; ${command}`
  return execFileSync('bash', ['-c', script], { cwd, env: { ...sandbox.env, PWD: cwd }, encoding: 'utf8' })
}

test('each shell command has the environment of the worktree it runs in, and none in the main checkout', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('my repo', { 'deep/down/a.txt': 'a\n' })
  const [one, two] = await Promise.all(['one', 'two'].map((name) => createThroughHook(sandbox, repository, name)))
  assert.ok(one !== undefined && two !== undefined)
  const envFile = join(sandbox.folder, 'session environment.sh')
  for (const source of ['startup', 'resume', 'compact']) {
    const payload = { cwd: one, hook_event_name: 'SessionStart', source }
    const result = await runHook(sandbox, 'session-start', payload, { env: { CLAUDE_ENV_FILE: envFile } })
    assert.equal(result.code, 0, result.stderr)
  }
  assert.equal(readFileSync(envFile, 'utf8').split('# agent-isolate: end').length, 2, 'appended once')
  const portOf = (worktree: string): string => `${requireLeaseAt(sandbox, worktree).ports['app']}\n`
  const echo = 'echo "${PORT-none}"'
  assert.equal(shell(sandbox, envFile, one, echo), portOf(one))
  assert.equal(shell(sandbox, envFile, join(one, 'deep/down'), echo), portOf(one))
  assert.equal(shell(sandbox, envFile, two, echo), portOf(two))
  assert.equal(shell(sandbox, envFile, repository, echo), 'none\n')
})

test('the model is told its ports, its database, and that EADDRINUSE is not a bug of the application', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const worktree = await createThroughHook(sandbox, repository, 'one')
  for (const [hook, event] of [
    ['session-start', 'SessionStart'],
    ['subagent-start', 'SubagentStart'],
  ] as const) {
    const result = await runHook(sandbox, hook, { cwd: worktree, hook_event_name: event })
    const { hookSpecificOutput } = JSON.parse(result.stdout)
    assert.equal(hookSpecificOutput.hookEventName, event)
    const text: string = hookSpecificOutput.additionalContext
    assert.match(text, new RegExp(`port is ${requireLeaseAt(sandbox, worktree).ports['app']}`))
    assert.ok(text.includes(`file:${worktree}/.agent-isolate/dev.db`))
    assert.match(text, /EADDRINUSE/)
    assert.ok(text.split('\n').length <= 8)
  }
})

test('in the main checkout nothing is said and nothing is leased', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const result = await runHook(sandbox, 'session-start', { cwd: repository, hook_event_name: 'SessionStart' })
  assert.deepEqual([result.code, result.stdout, result.stderr], [0, '', ''])
  assert.deepEqual(loadLeases(sandbox), [])
})

test('a linked worktree that another tool made is adopted at its session start', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'src/a.txt': 'a\n' })
  const foreign = join(sandbox.folder, 'elsewhere', 'repo')
  mkdirSync(join(sandbox.folder, 'elsewhere'))
  sandbox.git(repository, 'worktree', 'add', '--quiet', '--detach', foreign)
  const result = await runHook(sandbox, 'session-start', { cwd: join(foreign, 'src'), hook_event_name: 'SessionStart' })
  assert.equal(result.code, 0, result.stderr)
  const lease = requireLeaseAt(sandbox, foreign)
  assert.equal(lease.state, 'ready')
  assert.ok(result.stdout.includes(String(lease.ports['app'])))
  assert.equal(sandbox.git(foreign, 'status', '--porcelain'), '')
})
