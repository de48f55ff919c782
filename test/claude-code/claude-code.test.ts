/** The hooks as the real Claude Code client runs them, from the model's side: what its commands see and what it is told. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { answersTo, hookSettings, knownAtEnd, knownAtStart, requireClaude, runClaude } from '../support/claude.ts'
import type { Conversation, ToolCall } from '../support/messages-api.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt, snapshotState } from '../support/state.ts'

const showEnvironment = bash('pwd; echo "${PORT-none}"; echo "${DATABASE_URL-none}"')
const findWorktreeTools: ToolCall = { name: 'ToolSearch', input: { query: 'select:EnterWorktree,ExitWorktree' } }
const enterWorktree: ToolCall = { name: 'EnterWorktree', input: { name: 'two' } }
const removeWorktree: ToolCall = { name: 'ExitWorktree', input: { action: 'remove', discard_changes: true } }
const allowTools = ['--allowedTools', 'Bash,Agent,ToolSearch,EnterWorktree,ExitWorktree']

test('claude -w gives every command of the session its own port and database, also when it is opened again', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  const worktree = join(cwd, '.claude/worktrees/feat+auth')
  const main = converse('Build the log-in.', showEnvironment, bash('cd src && pwd; echo $PORT'))
  const args = ['-w', 'feat/auth', '-p', main.prompt, ...allowTools]
  const first = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  assert.equal(first.code, 0, first.stderr)
  const { ports } = requireLeaseAt(sandbox, worktree)
  const answers = [ownEnvironment(sandbox, worktree), `${worktree}/src\n${ports['app']}`]
  assert.deepEqual(answersTo(first, main), answers)
  assert.match(knownAtStart(first, main), new RegExp(`SessionStart.*Its own port is ${ports['app']} `))
  const second = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  assert.deepEqual(answersTo(second, main), answers)
})

test('Claude Code works in a worktree beside the repository', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  sandbox.write('my repo/agent-isolate.json', '{"worktrees": {"folder": "../trees"}}')
  sandbox.cli(cwd, 'trust')
  const main = converse('Build it.', showEnvironment)
  const run = await runClaude(sandbox, {
    client,
    cwd,
    args: ['-w', 'one', '-p', main.prompt, ...allowTools],
    conversations: [main],
  })
  assert.deepEqual(answersTo(run, main), [ownEnvironment(sandbox, join(sandbox.folder, 'trees/one'))], run.stderr)
})

test('a session in the main checkout is left as it is', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  const before = snapshotState(sandbox, cwd)
  const main = converse('Look around.', showEnvironment)
  const args = ['-p', main.prompt, ...allowTools]
  const run = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  assert.deepEqual(answersTo(run, main), [`${cwd}\nnone\nnone`])
  assert.doesNotMatch(knownAtStart(run, main), /agent-isolate\)/)
  assert.deepEqual(snapshotState(sandbox, cwd), before)
})

test('a subagent with a worktree of its own has its own port, not that of its parent, and is told so', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  const subagent = converse('Validate the user.', showEnvironment)
  const startSubagent: ToolCall = {
    name: 'Agent',
    input: {
      description: 'validation',
      prompt: subagent.prompt,
      subagent_type: 'general-purpose',
      isolation: 'worktree',
      run_in_background: false,
    },
  }
  const main = converse('Share the work out.', showEnvironment, startSubagent, showEnvironment)
  const args = ['-w', 'one', '-p', main.prompt, ...allowTools]
  const run = await runClaude(sandbox, { client, cwd, args, conversations: [main, subagent] })
  const [parent, child] = loadLeases(sandbox).toSorted((a, b) => b.name.localeCompare(a.name))
  assert.ok(parent !== undefined && child !== undefined, run.stderr)
  assert.match(child.worktree, /\/my repo\/\.claude\/worktrees\/agent-\w+$/)
  assert.notEqual(child.block, parent.block)
  assert.deepEqual(answersTo(run, subagent), [ownEnvironment(sandbox, child.worktree)])
  const [before, , after] = answersTo(run, main)
  assert.deepEqual([before, after], Array(2).fill(ownEnvironment(sandbox, parent.worktree)))
  assert.match(knownAtStart(run, subagent), new RegExp(`SubagentStart.*Its own port is ${child.ports['app']} `))
})

test('EnterWorktree gives the session a worktree, ExitWorktree takes all of it back', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  const before = snapshotState(sandbox, cwd)
  const main = converse('Try it.', findWorktreeTools, enterWorktree, showEnvironment, removeWorktree, showEnvironment)
  const args = ['-p', main.prompt, ...allowTools]
  const run = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  const [, , inside = '', removal = '', outside] = answersTo(run, main)
  assert.match(inside, new RegExp(`^${cwd}/\\.claude/worktrees/two\n\\d{5}\nfile:${cwd}/\\.claude/worktrees/two/`))
  assert.match(removal, /^Exited and removed worktree/)
  assert.match(knownAtEnd(run, main), /PostToolUse.*Its own port is \d{5} /)
  assert.equal(outside, `${cwd}\nnone\nnone`)
  assert.deepEqual(snapshotState(sandbox, cwd), before)
})

test('ExitWorktree leaves a worktree that holds work, and the model hears that it is still there', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  const worktree = join(cwd, '.claude/worktrees/two')
  const main = converse('Try it.', findWorktreeTools, enterWorktree, bash('echo x >new.txt'), removeWorktree)
  const args = ['-p', main.prompt, ...allowTools]
  const run = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  // A client that is told "exit 0" says that the worktree was removed, whether or not it was.
  assert.match(answersTo(run, main).at(-1) ?? '', /^Exited worktree but could not remove it\. It is kept at/)
  assert.ok(existsSync(join(worktree, 'new.txt')))
  assert.equal(requireLeaseAt(sandbox, worktree).state, 'ready')
})

test('claude doctor finds nothing wrong with the settings', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  const run = await runClaude(sandbox, { client, cwd, args: ['doctor'], conversations: [] })
  assert.match(run.stdout, /No installation issues found/)
  assert.doesNotMatch(run.stdout, /Invalid settings/)
  sandbox.write('my repo/.claude/settings.json', '{"hooks":{"WorktreeCreate":[{"type":"command","command":"true"}]}}')
  const wrong = await runClaude(sandbox, { client, cwd, args: ['doctor'], conversations: [] })
  assert.match(wrong.stdout, /Invalid settings/, 'the judge can say no')
})

test('a worktree that cannot be made is refused with our reason, and nothing is left', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createRepository(sandbox)
  sandbox.git(cwd, 'checkout', '--quiet', '--orphan', 'fresh')
  sandbox.git(cwd, 'branch', '--quiet', '--delete', '--force', 'main')
  const before = snapshotState(sandbox, cwd)
  const atLaunch = await runClaude(sandbox, { client, cwd, args: ['-w', 'one', '-p', 'Go.'], conversations: [] })
  const reason = /WorktreeCreate hook failed: .*: agent-isolate: .*\/my repo has no commit yet\n {2}Commit something/
  assert.equal(atLaunch.code, 1)
  assert.match(atLaunch.stderr, reason)
  const main = converse('Try it.', findWorktreeTools, enterWorktree)
  const args = ['-p', main.prompt, ...allowTools]
  const run = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  assert.match(answersTo(run, main).at(-1) ?? '', reason)
  assert.deepEqual(snapshotState(sandbox, cwd), before)
})

/** Its settings are not committed, as `claude` leaves them in many repositories: they have to reach the worktree all the same. */
function createRepository(sandbox: Sandbox): string {
  const root = sandbox.repository('my repo', { 'src/index.js': '\n' })
  sandbox.write('my repo/.claude/settings.json', hookSettings())
  return root
}

function converse(prompt: string, ...calls: ToolCall[]): Conversation {
  return { prompt, calls }
}

function bash(command: string): ToolCall {
  return { name: 'Bash', input: { command, description: 'a look' } }
}

/** What `showEnvironment` prints in a worktree, going by the ledger. */
function ownEnvironment(sandbox: Sandbox, worktree: string): string {
  const { ports } = requireLeaseAt(sandbox, worktree)
  return `${worktree}\n${ports['app']}\nfile:${worktree}/.agent-isolate/dev.db`
}
