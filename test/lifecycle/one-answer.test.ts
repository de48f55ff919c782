import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCli } from '../support/cli.ts'
import { compiledHook, createThroughHook, runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

type World = { sandbox: Sandbox; repository: string; worktree: string }

function createWorld(t: TestContext, config = '{}'): World {
  const sandbox = createSandbox(t)
  const files = { 'a.txt': 'a\n', '.gitignore': '.env.local\nbegan\n', 'agent-isolate.json': config }
  const repository = sandbox.repository('repo', files)
  sandbox.cli(repository, 'trust')
  return { sandbox, repository, worktree: join(repository, '.claude/worktrees/x') }
}

/** Runs a hook until `mark` is there, which holds the pid of what it waits for, and kills both. */
async function killAt(sandbox: Sandbox, hook: string, payload: unknown, mark: string): Promise<void> {
  const [program = '', ...args] = compiledHook(hook)
  const env = { ...sandbox.env, PATH: `${join(sandbox.folder, 'bin')}${delimiter}${sandbox.env['PATH']}` }
  const child = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.end(JSON.stringify(payload))
  while (!existsSync(mark) || readFileSync(mark, 'utf8').trim() === '') await sleep(10)
  child.kill('SIGKILL')
  await once(child, 'exit')
  process.kill(Number(readFileSync(mark, 'utf8')), 'SIGKILL')
  await sleep(100)
}

/** A git that hangs at a command, and writes its pid to the mark that is answered. */
function hangAt({ sandbox }: World, command: string): string {
  const mark = join(sandbox.folder, 'reached')
  const git = join(sandbox.git(sandbox.folder, '--exec-path'), 'git')
  const hang = `case " $* " in *" ${command} "*) echo $$ >${mark}; exec sleep 30;; esac`
  chmodSync(sandbox.write('bin/git', `#!/bin/sh\n${hang}\nexec ${git} "$@"\n`), 0o755)
  return mark
}

const setUpHangs = '{"setup":["echo $$ > began; exec sleep 30"]}'

async function killInSetUp({ sandbox, repository, worktree }: World): Promise<void> {
  await killAt(sandbox, 'worktree-create', { cwd: repository, name: 'x' }, join(worktree, 'began'))
  sandbox.write('repo/agent-isolate.json', '{}')
  sandbox.git(repository, 'commit', '--quiet', '--all', '--message=fixed')
  sandbox.cli(repository, 'trust')
}

/** What each command says of the worktree, and that all say the same. Returns the state that `list` shows. */
async function askAll({ sandbox, repository }: World): Promise<{ state: string; what: string; hint: string }> {
  const [entry]: { state: string; advice: { what: string; hint: string } }[] = JSON.parse(
    sandbox.cli(repository, 'list', '--json'),
  )
  assert.ok(entry !== undefined)
  const { what, hint } = entry.advice
  const shown = sandbox.cli(repository, 'list')
  const asked = await Promise.all([
    runCli(sandbox, repository, ['env', '--name', 'x']),
    runCli(sandbox, repository, ['exec', '--name', 'x', '--', 'true']),
    runCli(sandbox, repository, ['db', 'url', '--name', 'x']),
    runCli(sandbox, repository, ['doctor', '--json']),
  ])
  for (const { code, stdout, stderr } of asked) {
    assert.equal(code, 1)
    for (const words of [what, hint]) assert.ok(`${stdout}${stderr}`.includes(words), `${words}\n${stdout}${stderr}`)
  }
  for (const words of [what, hint]) assert.ok(shown.includes(words), shown)
  return { state: entry.state, what, hint }
}

test('a set-up that was killed is interrupted, whoever is asked; setup, a session or a creation finishes it', async (t) => {
  const finishers: ((world: World) => Promise<unknown>)[] = [
    async ({ sandbox, worktree }) => sandbox.cli(worktree, 'setup'),
    ({ sandbox, worktree }) => runHook(sandbox, 'session-start', { cwd: worktree }),
    ({ sandbox, repository }) => createThroughHook(sandbox, repository, 'x'),
  ]
  for (const finish of finishers) {
    const world = createWorld(t, setUpHangs)
    const { sandbox, repository, worktree } = world
    await killInSetUp(world)
    const { block } = requireLeaseAt(sandbox, worktree)
    const { state, what, hint } = await askAll(world)
    assert.deepEqual([state, what], ['interrupted', 'its set-up was interrupted'])
    assert.match(hint, new RegExp(`^Finish it: agent-isolate setup -C ${worktree};`))
    assert.ok(sandbox.cli(repository, 'gc', '--dry-run').includes(`: ${what}. ${hint}`))
    await finish(world)
    assert.match(sandbox.cli(worktree, 'env'), new RegExp(`PORT='${block}'`))
    assert.match(sandbox.cli(repository, 'list'), / ready$/m)
  }
})

test('gc releases a set-up that was killed; one that holds work stays interrupted, and gc says so beforehand', async (t) => {
  const world = createWorld(t, setUpHangs)
  const { sandbox, repository, worktree } = world
  await killInSetUp(world)
  writeFileSync(join(worktree, 'work.txt'), 'work')
  assert.match(sandbox.cli(repository, 'gc', '--dry-run'), /^nothing to release\nkept: 1 alive$/)
  assert.match(sandbox.cli(repository, 'gc'), /^nothing to release\nkept: 1 alive$/)
  assert.equal((await askAll(world)).state, 'interrupted')
  await createThroughHook(sandbox, repository, 'other')
  assert.ok(existsSync(join(worktree, 'work.txt')))
  rmSync(join(worktree, 'work.txt'))
  assert.match(sandbox.cli(repository, 'gc', '--dry-run'), /^would release x /)
  assert.match(sandbox.cli(repository, 'gc'), /^released x /)
  assert.deepEqual(
    loadLeases(sandbox).map(({ name }) => name),
    ['other'],
  )
})

test('a creation that was killed before its files were there is to be made again, and nobody works in half of it', async (t) => {
  const world = createWorld(t)
  const { sandbox, repository, worktree } = world
  await killAt(sandbox, 'worktree-create', { cwd: repository, name: 'x' }, hangAt(world, 'reset'))
  const { state, what, hint } = await askAll(world)
  assert.deepEqual([state, what], ['dead', 'its creation was interrupted'])
  assert.match(hint, /agent-isolate gc; or make it again: agent-isolate create x$/)
  for (const command of [runCli(sandbox, worktree, ['setup']), runHook(sandbox, 'session-start', { cwd: worktree })]) {
    const { code, stderr } = await command
    assert.equal(code, 1, stderr)
    assert.ok(stderr.includes(what) && stderr.includes(hint), stderr)
  }
  assert.match(sandbox.cli(repository, 'gc', '--dry-run'), /^would release x /)
  assert.equal(await createThroughHook(sandbox, repository, 'x'), worktree)
  assert.equal(readFileSync(join(worktree, 'a.txt'), 'utf8'), 'a\n')
})

test('a removal that was killed is finished by gc, by remove, and by a creation, which makes it anew', async (t) => {
  const finishers: ((world: World) => Promise<unknown>)[] = [
    async ({ sandbox, repository }) => sandbox.cli(repository, 'gc'),
    async ({ sandbox, repository }) => sandbox.cli(repository, 'remove', 'x'),
    async ({ sandbox, repository }) => {
      await createThroughHook(sandbox, repository, 'x')
      sandbox.cli(repository, 'remove', 'x')
    },
  ]
  for (const finish of finishers) {
    const world = createWorld(t)
    const { sandbox, repository } = world
    const worktree = await createThroughHook(sandbox, repository, 'x')
    await killAt(sandbox, 'worktree-remove', { cwd: repository, worktree_path: worktree }, hangAt(world, 'remove'))
    const { state, what, hint } = await askAll(world)
    assert.deepEqual([state, what], ['dead', 'its removal was interrupted'])
    assert.equal(hint, 'Release what is left of it: agent-isolate gc')
    assert.match(sandbox.cli(repository, 'gc', '--dry-run'), /^would release x /)
    await finish(world)
    assert.deepEqual(loadLeases(sandbox), [])
    assert.equal(sandbox.git(repository, 'branch', '--list', 'worktree-*'), '')
  }
})

/** As one leaves it that was killed before the folder went. No pid is that high. */
function interruptRemoval({ sandbox, worktree }: World): void {
  const path = join(sandbox.folder, `state/leases/${requireLeaseAt(sandbox, worktree).block}.json`)
  const text = readFileSync(path, 'utf8').replace('"ready"', '"removing"')
  writeFileSync(path, text.replace(/"pid": \d+/, '"pid": 99999999'))
}

test('a creation finishes a removal that was killed before the folder went, unless it holds work by now', async (t) => {
  const world = createWorld(t)
  const { sandbox, repository, worktree } = world
  await createThroughHook(sandbox, repository, 'x')
  interruptRemoval(world)
  const { id } = requireLeaseAt(sandbox, worktree)
  await createThroughHook(sandbox, repository, 'x')
  assert.notEqual(requireLeaseAt(sandbox, worktree).id, id)
  interruptRemoval(world)
  writeFileSync(join(worktree, 'work.txt'), 'work')
  await createThroughHook(sandbox, repository, 'x')
  assert.ok(existsSync(join(worktree, 'work.txt')))
  assert.equal(requireLeaseAt(sandbox, worktree).state, 'ready')
})

test('a locked worktree whose folder is away is missing, and is not removed for it', async (t) => {
  const world = createWorld(t)
  const { sandbox, repository } = world
  const worktree = await createThroughHook(sandbox, repository, 'x')
  sandbox.git(repository, 'worktree', 'lock', worktree)
  rmSync(worktree, { recursive: true })
  const { state, hint } = await askAll(world)
  assert.equal(state, 'missing')
  const removal = await runCli(sandbox, repository, ['remove', 'x'])
  assert.equal(removal.code, 1, removal.stdout)
  assert.ok(removal.stderr.includes(hint), removal.stderr)
  assert.match(sandbox.cli(repository, 'gc'), /kept: 1 alive/)
  for (const command of hint.replace(/^.*?: /, '').split('; ')) {
    const [program, ...args] = command.split(' ')
    if (program === 'git') sandbox.git(repository, ...args)
    else sandbox.cli(repository, ...args)
  }
  assert.deepEqual(loadLeases(sandbox), [])
})

test('list in a subfolder shows the worktrees of that repository alone', async (t) => {
  const { sandbox, repository } = createWorld(t)
  const other = sandbox.repository('other', { 'src/a.txt': 'a\n' })
  await createThroughHook(sandbox, repository, 'x')
  await createThroughHook(sandbox, other, 'y')
  assert.deepEqual(
    JSON.parse(sandbox.cli(join(other, 'src'), 'list', '--json')).map(({ name }: { name: string }) => name),
    ['y'],
  )
})
