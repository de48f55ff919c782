import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, realpathSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { cliAnswer, cliJson, runCli, startCli } from '../support/cli.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

test('exec gives the command the environment of its worktree, in the folder it was started in', async (t) => {
  const { sandbox, repository, path, port } = await createOne(t)
  sandbox.write('repo/.claude/worktrees/x/sub folder/a.txt', '')
  const script = 'console.log(process.env.PORT, process.cwd(), process.argv.slice(1).join("|"))'
  const sub = join(path, 'sub folder')
  const [here, named] = await Promise.all([
    cliAnswer(sandbox, sub, 'exec', '--', process.execPath, '-e', script, '--', '--help', 'a b', '$HOME'),
    cliAnswer(sandbox, repository, 'exec', '--name', 'x', '--', process.execPath, '-e', script),
  ])
  assert.equal(here, `${port} ${sub} --help|a b|$HOME`)
  assert.equal(named.trimEnd(), `${port} ${path}`)
})

test('exec ends as its command did', async (t) => {
  const { sandbox, path } = await createOne(t)
  chmodSync(sandbox.write('plain.txt', 'no program\n'), 0o644)
  const exec = (...command: string[]) => runCli(sandbox, path, ['exec', '--', ...command])
  const [code, terminated, killed, missing, plain, folder] = await Promise.all([
    exec('sh', '-c', 'echo out; echo err >&2; exit 42'),
    exec('sh', '-c', 'kill -TERM $$'),
    exec('sh', '-c', 'kill -KILL $$'),
    exec('no-such-program'),
    exec(join(sandbox.folder, 'plain.txt')),
    exec(sandbox.folder),
  ])
  assert.deepEqual(code, { code: 42, signal: null, stdout: 'out\n', stderr: 'err\n' })
  assert.deepEqual([terminated.code, terminated.signal], [null, 'SIGTERM'])
  assert.deepEqual([killed.code, killed.signal], [137, null])
  assert.equal(missing.code, 127)
  assert.match(missing.stderr, /no program "no-such-program" on PATH/)
  assert.equal(plain.code, 126)
  assert.match(plain.stderr, /plain\.txt" cannot be executed/)
  assert.equal(folder.code, 126)
})

test('exec passes every signal on', { skip: process.platform === 'win32' }, async (t) => {
  const { sandbox, path } = await createOne(t)
  const signals = ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGTERM'] as const
  const script = `
    for (const signal of ${JSON.stringify(signals)}) process.on(signal, () => {
      console.log(signal)
      if (signal === 'SIGTERM') process.exit(3)
    })
    setInterval(() => {}, 1000)
    console.log('ready')`
  const { child, stdout, result } = startCli(sandbox, path, ['exec', '--', process.execPath, '-e', script])
  t.after(() => child.kill('SIGKILL'))
  await until(() => stdout().includes('ready'))
  for (const signal of signals) {
    child.kill(signal)
    await until(() => stdout().includes(signal))
  }
  assert.deepEqual(await result, { code: 3, signal: null, stdout: `ready\n${signals.join('\n')}\n`, stderr: '' })
})

test('exec warns of a stranger on a port of the worktree, and list names it; the worktree’s own server is fine', async (t) => {
  const { sandbox, repository, path, port } = await createOne(t)
  const stranger = await startServer(t, sandbox.folder, port)
  const [warned, shown] = await Promise.all([
    runCli(sandbox, path, ['exec', '--', 'true']),
    cliAnswer(sandbox, repository, 'list'),
  ])
  assert.equal(warned.code, 0)
  assert.match(
    warned.stderr,
    new RegExp(`warning: port ${port} \\(app\\) .*pid ${stranger.pid} in ${sandbox.folder}: `),
  )
  assert.match(shown, new RegExp(`^  ${port}: a stranger, pid ${stranger.pid} in `, 'm'))
  stranger.kill()
  await once(stranger, 'exit')

  const own = await startServer(t, path, port)
  const [quiet, json] = await Promise.all([
    runCli(sandbox, path, ['exec', '--', 'true']),
    cliJson(sandbox, repository, 'list'),
  ])
  assert.deepEqual(quiet, { code: 0, signal: null, stdout: '', stderr: '' })
  assert.ok(Array.isArray(json))
  const [{ listeners }] = json
  assert.equal(listeners.length, 1)
  const { command, ...listener } = listeners[0]
  assert.match(command, /node/)
  assert.deepEqual(listener, { port, pid: own.pid, cwd: path, name: 'app', isStranger: false })
})

test('exec outside a worktree, or in none of that name, starts nothing', async (t) => {
  const { sandbox, repository } = await createOne(t)
  const [main, unknown] = await Promise.all([
    runCli(sandbox, repository, ['exec', '--', 'echo', 'started']),
    runCli(sandbox, repository, ['exec', '--name', 'y', '--', 'echo', 'started']),
  ])
  assert.deepEqual([main.code, main.stdout], [1, ''])
  assert.deepEqual([unknown.code, unknown.stdout], [1, ''])
  assert.match(unknown.stderr, /There are: x/)
})

async function createOne(
  t: TestContext,
): Promise<{ sandbox: Sandbox; repository: string; path: string; port: number }> {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const path = await cliAnswer(sandbox, repository, 'create', 'x')
  const port = Number(/PORT='(\d+)'/.exec(await cliAnswer(sandbox, path, 'env'))?.[1])
  return { sandbox, repository, path: realpathSync(path), port }
}

async function startServer(t: TestContext, cwd: string, port: number) {
  const script = `require('node:http').createServer().listen(${port}, '127.0.0.1', () => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', script], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

/** The test runner's time-out is the end of the patience. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(10)
}
