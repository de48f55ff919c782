import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parseLease, renderLease, type Lease } from '../../lib/ledger/lease.ts'
import { ownIdentity } from '../../lib/processes/process-identity.ts'
import { runCli } from '../support/cli.ts'
import { createThroughHook, runHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

const lessee = join(import.meta.dirname, '../support/lease.ts')

const sample: Lease = {
  id: '0123456789abcdef',
  block: 20410,
  ports: { app: 20410 },
  worktree: '/repo/.claude/worktrees/x',
  commonDir: '/repo/.git',
  root: '/repo',
  name: 'x',
  branch: undefined,
  state: 'ready',
  maker: ownIdentity(),
  resources: [{ kind: 'branch', name: 'worktree-x', start: 'abc' }, { kind: 'worktree' }],
  createdAt: '2026-01-01T00:00:00.000Z',
}

test('many processes at once lease distinct blocks, and duplicates the same one', async (t) => {
  const sandbox = createSandbox(t)
  const names = Array.from({ length: 12 }, (_, index) => [`own-${index}a`, `own-${index}b`, 'shared'])
  const outputs = await Promise.all(
    names.map((args) =>
      promisify(execFile)(process.execPath, ['--import', 'tsx', lessee, ...args], { env: sandbox.env }),
    ),
  )
  const lines = outputs.flatMap(({ stdout }) => stdout.trim().split('\n'))
  const blocks = new Map<string, Set<string>>()
  for (const [name = '', block = ''] of lines.map((line) => line.split(' '))) {
    blocks.set(name, (blocks.get(name) ?? new Set()).add(block))
  }
  assert.equal(blocks.size, 25)
  for (const [name, own] of blocks) assert.equal(own.size, 1, `${name} has two blocks`)
  assert.equal(new Set([...blocks.values()].flatMap((own) => [...own])).size, 25)
})

test('a lease reads back as it was written; anything else is no lease', () => {
  assert.deepEqual(parseLease(renderLease(sample)), sample)
  const text = renderLease(sample)
  const damaged = [
    '',
    '{}',
    'null',
    text.slice(0, 100),
    text.replace('"version": 1', '"version": 2'),
    text.replace('"app": 20410', '"app": 3000'),
    text.replace('"ready"', '"fine"'),
    text.replace('"kind": "worktree"', '"sort": "worktree"'),
  ]
  for (const one of damaged) assert.equal(parseLease(one), undefined, one)
})

test('what a newer version has made is released by that one: until then it stays, with all the rest', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const worktree = await createThroughHook(sandbox, repository, 'one')
  const lease = requireLeaseAt(sandbox, worktree)
  const file = join(sandbox.folder, 'state/leases', `${lease.block}.json`)
  writeFileSync(file, renderLease({ ...lease, resources: [...lease.resources, { kind: 'planet', name: 'Mars' }] }))
  assert.match(sandbox.cli(repository, 'list'), /one .* ready/)
  const removed = await runCli(sandbox, repository, ['remove', 'one'])
  assert.equal(removed.code, 1)
  assert.match(removed.stderr, /unknown kind.*planet\n.*newest version of agent-isolate/)
  assert.ok(existsSync(join(worktree, 'README.md')))
  writeFileSync(file, renderLease(lease))
  sandbox.cli(repository, 'remove', 'one')
  assert.equal(existsSync(worktree), false)
})

test('a damaged lease keeps its ports taken; the worktree gets others', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const worktree = await createThroughHook(sandbox, repository, 'one')
  const { block } = requireLeaseAt(sandbox, worktree)
  const file = join(sandbox.folder, 'state/leases', `${block}.json`)
  writeFileSync(file, '{"version":1,"id":"0123')
  assert.equal(await createThroughHook(sandbox, repository, 'one'), worktree)
  assert.equal(readdirSync(join(sandbox.folder, 'state/leases')).length, 2)
  writeFileSync(file, renderLease({ ...sample, block, ports: { app: block } }))
  assert.notEqual(requireLeaseAt(sandbox, worktree).block, block)
})

test('a state folder that cannot be written is a clear error', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const file = sandbox.write('a file', '')
  for (const home of [join(file, 'state'), '/proc/agent-isolate', 'relative/path']) {
    const result = await runHook(
      sandbox,
      'worktree-create',
      { cwd: repository, name: 'x' },
      { env: { AGENT_ISOLATE_HOME: home } },
    )
    assert.equal(result.code, 1)
    assert.match(result.stderr, /AGENT_ISOLATE_HOME/)
    assert.doesNotMatch(result.stderr, /internal error/)
  }
  assert.deepEqual(loadLeases(sandbox), [])
  assert.equal(sandbox.git(repository, 'branch', '--list', 'worktree-*'), '')
})
