/** Worktrees in a folder beside the repository, where tools that walk the main checkout do not meet them. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../lib/project/config.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { runCli } from '../support/cli.ts'
import { runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

function createShop(sandbox: Sandbox, folder: string): string {
  return sandbox.repository('shop', {
    '.gitignore': '.env.local\n.agent-isolate/\n',
    'agent-isolate.json': JSON.stringify({ worktrees: { folder } }),
  })
}

test('worktrees beside the repository are made, listed, judged and removed like those in it, and leave nothing', async (t) => {
  const sandbox = createSandbox(t)
  const root = createShop(sandbox, '../shop-worktrees')
  const exclude = join(root, '.git/info/exclude')
  const before = readFileSync(exclude, 'utf8')
  const untrusted = await runCli(sandbox, root, ['create', 'early'])
  assert.equal(untrusted.stdout.trim(), join(root, '.claude/worktrees/early'))
  assert.match(untrusted.stderr, /warning: "worktrees\.folder" has no effect: this repository is not trusted\. Read/)
  sandbox.cli(root, 'remove', 'early')
  sandbox.cli(root, 'trust')

  const beside = join(sandbox.folder, 'shop-worktrees')
  const one = sandbox.cli(root, 'create', 'one')
  assert.equal(one, join(beside, 'one'))
  // From a worktree the same folder is meant.
  const two = sandbox.cli(one, 'create', 'feat/two')
  assert.equal(two, join(beside, 'feat+two'))
  assert.equal(sandbox.cli(root, 'create', 'one'), one)
  const listed: { name: string; worktree: string }[] = JSON.parse(sandbox.cli(root, 'list', '--json'))
  assert.deepEqual(new Set(listed.map(({ name }) => name)), new Set(['one', 'feat/two']))
  for (const worktree of [root, one, two]) assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  assert.equal(readFileSync(exclude, 'utf8'), before)
  assert.ok(!existsSync(join(beside, '.gitignore')) && !existsSync(join(root, '.claude')))
  assert.match(readFileSync(join(one, '.env.local'), 'utf8'), /PORT=/)
  const { findings }: { findings: { id: string; severity: string }[] } = JSON.parse(
    (await runCli(sandbox, root, ['doctor', '--json'])).stdout,
  )
  assert.deepEqual(
    findings.filter(({ id, severity }) => /^(?:ignore|config|leases|tools)/.test(id) && severity !== 'ok'),
    [],
  )
  sandbox.write('shop-worktrees/one/work.txt', 'mine\n')
  assert.throws(() => sandbox.cli(root, 'remove', 'one'), /stays: it holds 1 changed or new file/)
  sandbox.cli(root, 'remove', 'one', '--discard')
  rmSync(two, { recursive: true })
  sandbox.git(root, 'worktree', 'prune')
  sandbox.cli(root, 'gc')
  assert.deepEqual(JSON.parse(sandbox.cli(root, 'list', '--json')), [])
  assert.ok(!existsSync(beside))
})

test('no folder is taken that lies in another repository, or that a symlink leads elsewhere', async (t) => {
  const sandbox = createSandbox(t)
  sandbox.repository('other')
  mkdirSync(join(sandbox.folder, 'elsewhere'))
  symlinkSync(join(sandbox.folder, 'elsewhere'), join(sandbox.folder, 'link'))
  const root = createShop(sandbox, '../other/trees')
  const refusal = async (folder: string): Promise<string> => {
    sandbox.write('shop/agent-isolate.json', JSON.stringify({ worktrees: { folder } }))
    sandbox.cli(root, 'trust')
    const { code, stderr } = await runHook(sandbox, 'worktree-create', { cwd: root, name: 'one' })
    assert.equal(code, 1, folder)
    return stderr
  }
  assert.match(await refusal('../other/trees'), /is no place for worktrees of .*other is, or holds, a repository/)
  assert.match(await refusal('../shop'), /is no place for worktrees/)
  sandbox.git(sandbox.folder, 'init', '--quiet')
  assert.match(await refusal('../trees'), /is, or holds, a repository/)
  rmSync(join(sandbox.folder, '.git'), { recursive: true })
  symlinkSync(join(sandbox.folder, 'elsewhere'), join(root, '../far'))
  assert.match(await refusal('../link/trees'), /leads out of .* through a symlink/)
  assert.match(await refusal('../far'), /leads out of .* through a symlink/)
  sandbox.write('shop/agent-isolate.json', JSON.stringify({ worktrees: { folder: '../shop/in/it' } }))
  assert.equal(sandbox.cli(root, 'create', 'one'), join(root, 'in/it/one'))
})

test('"worktrees.folder" is in the repository or beside it, and nowhere else', () => {
  for (const right of ['.claude/worktrees', 'trees', '../shop-worktrees', '../trees/shop', '../a/../b']) {
    assert.equal(parse(right), right)
  }
  for (const wrong of [
    '..',
    '../',
    '../..',
    '../../x',
    '../a/../..',
    '/abs',
    '../.git',
    '../.git/x',
    '',
    '.',
    '../a\0b',
  ]) {
    assert.throws(() => parse(wrong), IsolateError, JSON.stringify(wrong))
  }
})

function parse(folder: string): string {
  return parseConfig(JSON.stringify({ worktrees: { folder } }), 'agent-isolate.json').worktrees.folder
}
