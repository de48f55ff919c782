import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from '../../cli/commands.ts'
import { cliAnswer, runCli } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'

test('without arguments it explains itself', async (t) => {
  const sandbox = createSandbox(t)
  const text = await cliAnswer(sandbox, sandbox.folder)
  for (const name of commands.keys()) assert.match(text, new RegExp(`^  ${name} `, 'm'))
  assert.match(text, /First steps/)
  assert.equal(await cliAnswer(sandbox, sandbox.folder, '--help'), text)
  assert.ok(text.split('\n').every((line) => line.length <= 80))
})

test('every command has a help text with its usage, an example and its exit codes', async (t) => {
  for (const [name, entry] of commands) {
    const { help } = await entry.load()
    assert.ok(help.startsWith(`agent-isolate ${name}`), name)
    assert.match(help, /\nExample:\n {2}\S/, name)
    assert.match(help, /\nExit codes: /, name)
    assert.deepEqual(
      help.split('\n').filter((line) => line.length > 88),
      [],
      name,
    )
  }
  const sandbox = createSandbox(t)
  const text = await cliAnswer(sandbox, sandbox.folder, 'remove', '--help')
  assert.match(text, /^agent-isolate remove NAME/)
  assert.equal(await cliAnswer(sandbox, sandbox.folder, 'help', 'remove'), text)
})

test('--version prints the version alone', async (t) => {
  const sandbox = createSandbox(t)
  assert.match(await cliAnswer(sandbox, sandbox.folder, '--version'), /^\d+\.\d+\.\d+$/)
})

test('wrong usage is exit 2, said on stderr with what was probably meant', async (t) => {
  const sandbox = createSandbox(t)
  const run = (...args: string[]) => runCli(sandbox, sandbox.folder, args)
  const [command, option, exec, db] = await Promise.all([
    run('crate', 'x'),
    run('remove', 'x', '--disard'),
    run('exec', 'npm', 'test'),
    run('db', 'drop'),
  ])
  for (const { code, stdout } of [command, option, exec, db]) assert.deepEqual([code, stdout], [2, ''])
  assert.match(command.stderr, /no command "crate"\n {2}Did you mean: agent-isolate create\?/)
  assert.match(option.stderr, /no option --disard\n {2}Did you mean --discard\?/)
  assert.match(exec.stderr, /agent-isolate exec -- npm test/)
  assert.match(db.stderr, /db url, db reset, or db psql/)
  assert.equal(existsSync(join(sandbox.folder, 'state')), false)
})

test('with --json a failure is JSON on stdout, with the same exit code', async (t) => {
  const sandbox = createSandbox(t)
  const failed = await runCli(sandbox, sandbox.folder, ['env', '--json'])
  assert.equal(failed.code, 1)
  assert.equal(failed.stderr, '')
  assert.deepEqual(JSON.parse(failed.stdout), {
    error: {
      message: `not in a git repository: ${sandbox.folder}`,
      hint: 'Run this inside a repository, or make one: git init',
    },
  })
  const misused = await runCli(sandbox, sandbox.folder, ['create', '--json'])
  assert.equal(misused.code, 2)
  assert.match(misused.stdout, /"message": "agent-isolate create needs NAME"/)
})

test('outside a repository it fails clearly, and without a stack', async (t) => {
  const sandbox = createSandbox(t)
  for (const args of [['create', 'x'], ['trust'], ['exec', '--', 'true']]) {
    const { code, stdout, stderr } = await runCli(sandbox, sandbox.folder, args)
    assert.deepEqual([code, stdout], [1, ''], args.join(' '))
    assert.match(stderr, /^agent-isolate: not in a git repository: .*\n {2}Run this inside a repository/)
    assert.doesNotMatch(stderr, /\n\s+at /)
  }
})

test('a folder that is not there is said to be that', async (t) => {
  const sandbox = createSandbox(t)
  const { code, stderr } = await runCli(sandbox, sandbox.folder, ['-C', 'nowhere', 'list'])
  assert.equal(code, 1)
  assert.match(stderr, /cannot go to the folder nowhere: there is none/)
})

test('-C works before the command and after it', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const before = await cliAnswer(sandbox, sandbox.folder, '-C', repository, 'list')
  assert.match(before, /^no worktrees of this repository yet/)
  assert.equal(await cliAnswer(sandbox, sandbox.folder, 'list', '--directory', 'repo'), before)
  assert.match(await cliAnswer(sandbox, sandbox.folder, 'list'), /^no worktrees on this machine yet/)
})

test('in a folder that has been removed it says so', { skip: process.platform === 'win32' }, async (t) => {
  const sandbox = createSandbox(t)
  const gone = join(sandbox.folder, 'gone')
  mkdirSync(gone)
  // The runtime that strips types cannot start there, so the folder goes after the start.
  const { runCommandLine } = await import('../../cli/run-command-line.ts')
  const before = process.cwd()
  t.after(() => process.chdir(before))
  const said: string[] = []
  t.mock.method(process.stderr, 'write', (text: string) => said.push(text))
  process.chdir(gone)
  rmSync(gone, { recursive: true })
  assert.equal(await runCommandLine(['list']), 1)
  assert.match(said.join(''), /the current folder no longer exists/)
})
