import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  mkdirSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestLinkFolder, removeDependencyLinks } from '../../lib/dependencies/links.ts'
import { startSettling, stopSettling } from '../../lib/dependencies/settle.ts'
import { settleFolders } from '../../lib/dependencies/settle-folders.ts'
import { saveSettleRequest, settleLockName } from '../../lib/dependencies/settle-request.ts'
import { findLockHolder } from '../../lib/state/lock.ts'
import { stderrReporter } from '../../lib/report/reporter.ts'
import {
  createCheckout,
  createInstalled,
  fingerprint,
  layPackages,
  requireRuntime,
  settled,
  until,
  type Checkout,
} from '../support/dependencies.ts'

const npm = ['npm', 'install', '--offline', '--no-audit', '--no-fund']

/** Folders of links, whatever the size of the project, and no background process at work on them. */
async function applyLinks(checkout: Checkout): Promise<void> {
  const decisions = await checkout.decide()
  await checkout.apply(decisions.map((decision) => ({ ...decision, action: 'links' as const })))
}

/** Tries commands one after the other on fresh dependencies; none may change the main checkout's. */
async function withstand(
  checkout: Checkout,
  isSettled: boolean,
  commands: readonly (readonly string[])[],
): Promise<void> {
  const { main, worktree, gitFolder, run } = checkout
  const before = fingerprint(join(main, 'node_modules'))
  for (const [command = '', ...args] of commands) {
    rmSync(join(worktree, 'node_modules'), { recursive: true, force: true })
    await applyLinks(checkout)
    if (isSettled) await settled(checkout)
    else await stopSettling(gitFolder)
    assert.equal(lstatSync(join(worktree, 'node_modules', 'aa')).isSymbolicLink(), !isSettled)
    run(worktree, command, ...args)
    assert.deepEqual(fingerprint(join(main, 'node_modules')), before, `${command} ${args.join(' ')}`)
  }
}

const npmCommands = [
  ['npm', 'ci', '--offline', '--no-audit', '--no-fund'],
  ['npm', 'install', '--offline', '--no-audit', '--no-fund', './tarballs/aa-2.0.0.tgz'],
  ['rm', '-rf', 'node_modules/'],
  ['git', 'add', '-A'],
  ['git', 'clean', '-fdxq'],
  ['git', '-C', '../../..', 'worktree', 'remove', '--force', '.claude/worktrees/one'],
]

test('installs and removals in a worktree of links leave the main checkout as it is', async (t) => {
  await withstand(createInstalled(t, npm), false, npmCommands)
})

test('installs and removals in a settled worktree leave the main checkout as it is', async (t) => {
  await withstand(createInstalled(t, npm), true, npmCommands)
})

test('bun in a worktree leaves the main checkout as it is, settled or not', async (t) => {
  if (requireRuntime(t, 'AGENT_ISOLATE_TEST_BUN') === undefined) return
  const commands = [
    ['bun', 'install', '--force'],
    ['bun', 'add', './tarballs/aa-2.0.0.tgz'],
    ['bun', 'remove', 'bb'],
  ]
  for (const isSettled of [false, true]) await withstand(createInstalled(t, ['bun', 'install']), isSettled, commands)
})

test('a worktree starts with links and soon has a node_modules of its own', async (t) => {
  const checkout = createCheckout(t, { 'package.json': '{}', 'package-lock.json': '{}' })
  const { main, worktree, gitFolder, sandbox, write } = checkout
  layPackages(checkout, 300)
  write('node_modules/.prisma/client/index.js', 'main')
  write('node_modules/.cache/x', 'cache')
  write('node_modules/.package-lock.json', '{}')
  const decisions = await checkout.decide()
  assert.deepEqual(
    decisions.map(({ action }) => action),
    ['links'],
  )
  await checkout.apply(decisions)
  assert.deepEqual(readdirSync(join(worktree, 'node_modules')).includes('.cache'), false)
  // Before it has settled, a tool generates code and another one makes its cache.
  writeFileSync(join(worktree, 'node_modules', '.prisma', 'client', 'index.js'), 'worktree')
  mkdirSync(join(worktree, 'node_modules', '.vite'))
  await settled(checkout)

  const [own, original] = [fingerprint(join(worktree, 'node_modules')), fingerprint(join(main, 'node_modules'))]
  assert.equal(Object.values(own).filter((what) => what.startsWith('->')).length, 0)
  const differing = new Set(
    [...Object.keys(own), ...Object.keys(original)].filter((path) => own[path] !== original[path]),
  )
  assert.deepEqual([...differing].toSorted(), ['.cache', '.cache/x', '.prisma/client/index.js', '.vite'])
  assert.equal(readFileSync(join(worktree, 'node_modules', '.prisma', 'client', 'index.js'), 'utf8'), 'worktree')
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  assert.deepEqual(checkout.lines.length, 1)
  assert.equal(existsSync(join(gitFolder, 'settle.log')), false)
})

test('killed half-way, the background copy leaves working links, and the next preparation completes it', async (t) => {
  const checkout = await withRunningCopy(t)
  const { worktree, gitFolder } = checkout
  process.kill(holderOf(checkout) ?? 0, 'SIGKILL')
  await until(() => holderOf(checkout) === undefined, 'its death')
  assert.equal(requireInNode(checkout, 'p1'), '1')
  await checkout.apply(await checkout.decide())
  await settled(checkout)
  assert.equal(lstatSync(join(worktree, 'node_modules', 'p1')).isSymbolicLink(), false)
  assert.equal(requireInNode(checkout, 'p1'), '1')
  await stopSettling(gitFolder)
  assert.deepEqual(readdirSync(gitFolder, { recursive: true }), ['staging'])
})

test('stopped while it runs, the background copy is gone and the links are whole', async (t) => {
  const checkout = await withRunningCopy(t)
  const { worktree, gitFolder } = checkout
  await stopSettling(gitFolder)
  assert.equal(holderOf(checkout), undefined)
  assert.deepEqual(readdirSync(gitFolder, { recursive: true }), ['staging'])
  assert.equal(lstatSync(join(worktree, 'node_modules', 'p1')).isSymbolicLink(), true)
  await stopSettling(gitFolder)
  await removeDependencyLinks(worktree, ['node_modules', 'nowhere'])
  assert.equal(existsSync(join(worktree, 'node_modules')), false)
  assert.equal(existsSync(join(checkout.main, 'node_modules', 'p1', 'f0.js')), true)
})

test('stopped before it has begun, the background copy never begins', async (t) => {
  const checkout = createCheckout(t, { 'package.json': '{}', 'package-lock.json': '{}' })
  layPackages(checkout, 300)
  await checkout.apply(await checkout.decide())
  await stopSettling(checkout.gitFolder)
  await startSettling(checkout.gitFolder, { source: '', worktree: '', folders: [] }, stderrReporter)
  assert.equal(lstatSync(join(checkout.worktree, 'node_modules', 'p1')).isSymbolicLink(), true)
  assert.deepEqual(readdirSync(checkout.gitFolder, { recursive: true }), ['staging'])
})

test('what an agent has installed meanwhile is never replaced', async (t) => {
  const checkout = await withRunningCopy(t)
  const { worktree } = checkout
  rmSync(join(worktree, 'node_modules', 'p1'))
  mkdirSync(join(worktree, 'node_modules', 'p1'))
  writeFileSync(join(worktree, 'node_modules', 'p1', 'index.js'), 'module.exports = "installed"')
  await settled(checkout)
  assert.equal(requireInNode(checkout, 'p1'), 'installed')
  assert.equal(lstatSync(join(worktree, 'node_modules', 'p2')).isSymbolicLink(), true)
})

test('a whole symlink, where it is configured, is removed without what it leads to', async (t) => {
  const checkout = createCheckout(t, { 'package.json': '{}' })
  layPackages(checkout, 3)
  const { main, worktree } = checkout
  await checkout.apply(await checkout.decide({ strategy: 'symlink' }))
  assert.equal(lstatSync(join(worktree, 'node_modules')).isSymbolicLink(), true)
  await removeDependencyLinks(worktree, ['node_modules'])
  assert.equal(existsSync(join(worktree, 'node_modules')), false)
  assert.equal(existsSync(join(main, 'node_modules', 'p1')), true)
})

/** A worktree of links whose background process has begun, and has enough to do to be met at it. */
async function withRunningCopy(t: Parameters<typeof createCheckout>[0]): Promise<Checkout> {
  const checkout = createCheckout(t, { 'package.json': '{}', 'package-lock.json': '{}' })
  layPackages(checkout, 400, 20)
  await checkout.apply(await checkout.decide())
  await until(() => holderOf(checkout) !== undefined, 'the background copy to begin')
  return checkout
}

function holderOf({ gitFolder }: Checkout): number | undefined {
  return findLockHolder(settleLockName(gitFolder))?.pid
}

function requireInNode({ worktree, run }: Checkout, name: string): string {
  return run(worktree, process.execPath, '-p', `require('${name}')`).trim()
}

test("a folder that has become a symlink into the main checkout keeps the main checkout's dependencies from us", async (t) => {
  const files = { 'package.json': '{}', 'packages/a/package.json': '{}', 'packages/a/package-lock.json': '{}' }
  const checkout = createCheckout(t, files)
  const { main, worktree, gitFolder, write, lines } = checkout
  const folder = 'packages/a/node_modules'
  // A package manager's own links: what such a folder holds cannot tell it from one of ours.
  write('store/aa/index.js', '')
  mkdirSync(join(main, folder), { recursive: true })
  symlinkSync('../../../store/aa', join(main, folder, 'aa'))
  const before = fingerprint(join(main, 'packages'))
  const decisions = await checkout.decide()
  rmSync(join(worktree, 'packages/a'), { recursive: true })
  symlinkSync(join(main, 'packages/a'), join(worktree, 'packages/a'))
  await checkout.apply(decisions.map((decision) => ({ ...decision, folders: ['packages/a/other'] })))
  assert.match(lines.join('\n'), /packages\/a\/other is not made: a symlink on the way/)
  await removeDependencyLinks(worktree, [folder])
  const digest = digestLinkFolder(join(worktree, folder)) ?? ''
  saveSettleRequest(gitFolder, { source: main, worktree, folders: [{ folder, digest }] })
  const { ino } = lstatSync(join(main, folder))
  await settleFolders(gitFolder, new AbortController().signal)
  assert.equal(lstatSync(join(main, folder)).ino, ino, 'no clone has taken its place')
  assert.deepEqual(fingerprint(join(main, 'packages')), before)
})
