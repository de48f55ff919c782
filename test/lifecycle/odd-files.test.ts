/**
 * A FIFO, a device or a folder where a file is expected: nothing that we run waits for it, none of it crashes, and what the
 * user has to know is said.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { compiledHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases } from '../support/state.ts'

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')
/** In ms; a process that has not ended by then waits for ever. */
const patience = 60_000

type Ended = { code: number | null; stdout: string; stderr: string; isHung: boolean }

function end(sandbox: Sandbox, cwd: string, argv: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(process.execPath, argv, { cwd, env: sandbox.env, detached: true })
  const ended: Ended = { code: null, stdout: '', stderr: '', isHung: false }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ended.stderr += text))
  child.stdin.end(input)
  const timer = setTimeout(() => {
    ended.isHung = true
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  }, patience)
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ ...ended, code })
    })
  })
}

function cli(sandbox: Sandbox, cwd: string, ...args: string[]): Promise<Ended> {
  return end(sandbox, cwd, [program, ...args])
}

function create(sandbox: Sandbox, cwd: string, name: string): Promise<Ended> {
  return end(sandbox, cwd, compiledHook('worktree-create').slice(1), JSON.stringify({ cwd, name }))
}

/** It came to an end, and in words that are meant for a user. */
function requireEnd(ended: Ended, what: string): void {
  assert.equal(ended.isHung, false, `${what} hangs\n${ended.stderr}`)
  assert.doesNotMatch(ended.stderr, /internal error|\n\s+at /, what)
}

const oddities: Record<string, (path: string) => void> = {
  FIFO: (path) => execFileSync('mkfifo', [path]),
  folder: (path) => mkdirSync(path),
  device: (path) => symlinkSync('/dev/zero', path),
  'link to a FIFO': (path) => {
    rmSync(`${path}.pipe`, { force: true })
    execFileSync('mkfifo', [`${path}.pipe`])
    symlinkSync(`${path}.pipe`, path)
  },
  socket: (path) => {
    // Its path may have some hundred characters at most. A process that is killed leaves it.
    const script = `require('net').createServer().listen(${JSON.stringify(basename(path))}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script], { cwd: dirname(path) })
    assert.ok(lstatSync(path).isSocket())
  },
}

function place(sandbox: Sandbox, path: string, kind: string): void {
  const file = join(sandbox.folder, path)
  rmSync(file, { recursive: true, force: true })
  mkdirSync(dirname(file), { recursive: true })
  oddities[kind]?.(file)
}

/** The files of others that we look at in passing; a worktree comes to be without them. */
const passed = [
  'repo/.env',
  'repo/.env.local',
  'repo/CLAUDE.md',
  'repo/CLAUDE.local.md',
  'repo/.claude/settings.json',
  'repo/.claude/settings.local.json',
  'repo/.worktreeinclude',
  'repo/package.json',
  'repo/package-lock.json',
  'repo/compose.yaml',
  'repo/.gitignore',
  'repo/.agent-isolate/dev.db',
  'repo/prisma/schema.prisma',
  'home/.docker/config.json',
  'home/.claude/settings.json',
]

for (const kind of Object.keys(oddities)) {
  test(`a ${kind} in the place of somebody's file keeps no worktree from coming to be`, async (t) => {
    const sandbox = createSandbox(t)
    const main = sandbox.repository('repo', { 'a.txt': 'a\n' })
    for (const path of passed) place(sandbox, path, kind)
    if (kind !== 'folder') rmSync(join(sandbox.folder, 'repo/.worktreeinclude'))
    writeFileSync(join(main, 'agent-isolate.json'), '{"copy": [".env"]}')
    const created = await create(sandbox, main, 'one')
    requireEnd(created, 'create')
    assert.equal(created.code, 0, created.stderr)
    assert.match(created.stderr, /\.env\.local is a /)
    if (kind === 'FIFO') assert.match(created.stderr, /"\.env", which is neither a file nor a folder/)
    for (const [cwd, ...args] of [
      [main, 'list'],
      [main, 'gc'],
      [main, 'doctor', '--no-run'],
      [main, 'init', '--yes', '--dry-run'],
      [created.stdout.trim(), 'env'],
      [created.stdout.trim(), 'setup'],
      [main, 'remove', 'one'],
    ] as const) {
      const ended = await cli(sandbox, cwd, ...args)
      requireEnd(ended, args.join(' '))
      if (!['doctor', 'init'].includes(args[0])) assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.stderr}`)
    }
    assert.deepEqual(loadLeases(sandbox), [])
  })

  test(`a ${kind} in the place of what we are asked by is an error that names it, and leaves nothing half-made`, async (t) => {
    const sandbox = createSandbox(t)
    const main = sandbox.repository('repo', { 'a.txt': 'a\n' })
    for (const [path, config] of [
      ['agent-isolate.json', undefined],
      ['.env.agent.template', undefined],
      ['seed.sql', { database: { seed: 'seed.sql' } }],
      ['seed.db', { database: { seed: 'seed.db' } }],
      ['.claude/worktrees', undefined],
    ] as const) {
      if (kind === 'folder' && path === '.claude/worktrees') continue
      if (config !== undefined) writeFileSync(join(main, 'agent-isolate.json'), JSON.stringify(config))
      place(sandbox, join('repo', path), kind)
      const created = await create(sandbox, main, 'one')
      requireEnd(created, `create with ${path}`)
      assert.equal(created.code, 1, `${path}: ${created.stderr}`)
      assert.ok(created.stderr.includes(path), created.stderr)
      for (const args of [['list'], ['gc'], ['doctor'], ['init', '--yes', '--dry-run'], ['uninstall', '--dry-run']]) {
        requireEnd(await cli(sandbox, main, ...args), `${args.join(' ')} with ${path}`)
      }
      assert.deepEqual(loadLeases(sandbox), [], path)
      assert.equal(sandbox.git(main, 'worktree', 'list').split('\n').length, 1)
      for (const each of [path, `${path}.pipe`, 'agent-isolate.json'])
        rmSync(join(main, each), { recursive: true, force: true })
    }
  })

  test(`a ${kind} where a worktree's env file would be is left alone, and shells have the environment`, async (t) => {
    const sandbox = createSandbox(t)
    const main = sandbox.repository('repo', { 'a.txt': 'a\n', '.gitignore': '.env*\n' })
    const worktree = join(sandbox.folder, 'other')
    sandbox.git(main, 'worktree', 'add', '--quiet', worktree)
    for (const path of ['.env', '.env.local', 'package.json', 'compose.yaml', '.agent-isolate'])
      if (kind !== 'folder' || path !== '.agent-isolate') place(sandbox, join('other', path), kind)
    rmSync(join(worktree, '.agent-isolate'), { recursive: true, force: true })
    const set = await cli(sandbox, worktree, 'setup')
    requireEnd(set, 'setup')
    assert.equal(set.code, 0, set.stderr)
    assert.match(set.stderr, /\.env\.local is a .* left as it is/)
    const env = await cli(sandbox, worktree, 'env')
    requireEnd(env, 'env')
    assert.match(env.stdout, /export PORT=/)
    const torn = await cli(sandbox, worktree, 'teardown')
    requireEnd(torn, 'teardown')
    assert.equal(torn.code, 0, torn.stderr)
  })
}

test('a worktree in which git itself would wait for ever is not removed, and the reason is said', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('repo', { 'a.txt': 'a\n' })
  const worktree = (await create(sandbox, main, 'one')).stdout.trim()
  place(sandbox, join('repo/.claude/worktrees/one/.gitignore'), 'FIFO')
  const removed = await cli(sandbox, main, 'remove', 'one')
  requireEnd(removed, 'remove')
  assert.equal(removed.code, 1)
  assert.match(removed.stderr, /\.gitignore is a FIFO/)
  rmSync(join(worktree, '.gitignore'))
  assert.equal((await cli(sandbox, main, 'remove', 'one')).code, 0)
})

test('where our folder or database would be there is something else: an error, and nothing half-made', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('repo', { 'a.txt': 'a\n', '.agent-isolate': 'a file\n' })
  const created = await create(sandbox, main, 'one')
  requireEnd(created, 'create')
  assert.equal(created.code, 1)
  assert.match(created.stderr, /\.agent-isolate cannot be made/)
  assert.deepEqual(loadLeases(sandbox), [])
})

test('the variable files of a PostgreSQL server are not waited for', async (t) => {
  const sandbox = createSandbox(t)
  const config = { database: { provider: 'postgres-server', url: '$SERVER_URL' } }
  const main = sandbox.repository('repo', { 'agent-isolate.json': JSON.stringify(config) })
  sandbox.cli(main, 'trust')
  place(sandbox, 'repo/.env', 'FIFO')
  const created = await create(sandbox, main, 'one')
  requireEnd(created, 'create')
  assert.equal(created.code, 1)
  assert.match(created.stderr, /\.env was not read: it is a FIFO/)
})

for (const path of ['.git/info/exclude', '.git/info/attributes']) {
  test(`a FIFO as ${path}, at which git would wait for ever, is an error that names it, and leaves nothing half-made`, async (t) => {
    const sandbox = createSandbox(t)
    const main = sandbox.repository('repo', { 'a.txt': 'a\n' })
    place(sandbox, join('repo', path), 'FIFO')
    const created = await create(sandbox, main, 'one')
    requireEnd(created, 'create')
    assert.equal(created.code, 1)
    assert.ok(created.stderr.includes(`${path} is a FIFO`), created.stderr)
    assert.deepEqual(loadLeases(sandbox), [])
    assert.equal(existsSync(join(main, '.claude')), false)
    assert.equal(sandbox.git(main, 'branch', '--list', 'worktree-*'), '')
  })
}

test('a FIFO in a folder of the worktree where git looks for a .gitignore ends in an error that says so, and nothing is lost', async (t) => {
  const sandbox = createSandbox(t)
  sandbox.env['AGENT_ISOLATE_GIT_SECONDS'] = '2'
  const repository = sandbox.repository('repo', { 'docs/a.md': 'a\n' })
  const worktree = sandbox.cli(repository, 'create', 'one').trim()
  const pipe = join(worktree, 'docs/.gitignore')
  execFileSync('mkfifo', [pipe])
  for (const args of [['remove', 'one'], ['doctor']]) {
    const ended = await cli(sandbox, repository, ...args)
    requireEnd(ended, args[0] ?? '')
    if (args[0] !== 'doctor') assert.match(ended.stderr, /git status .*did not end in .*one\n.*FIFO/)
  }
  assert.ok(existsSync(pipe))
  rmSync(pipe)
  assert.equal((await cli(sandbox, repository, 'remove', 'one')).code, 0)
})
