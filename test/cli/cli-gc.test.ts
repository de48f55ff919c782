import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { planAction } from '../../lib/lifecycle/collect-garbage.ts'
import { ownPlaceMark } from '../../lib/processes/process-place.ts'
import { cliAnswer, cliJson, runCli } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'

test('gc releases the dead and keeps the living', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const [dead, alive] = [
    await cliAnswer(sandbox, repository, 'create', 'dead'),
    await cliAnswer(sandbox, repository, 'create', 'alive'),
  ]
  rmSync(dead, { recursive: true })
  assert.match(
    await cliAnswer(sandbox, repository, 'list'),
    /^dead .* dead$\n {2}its folder is gone\n {2}Release .*: agent-isolate gc$/m,
  )

  const planned = await cliAnswer(sandbox, repository, 'gc', '--dry-run')
  assert.match(planned, new RegExp(`^would release dead \\(${dead}, ports 2\\d{3}0–2\\d{3}9\\)\nkept: 1 alive$`))
  assert.match(await cliAnswer(sandbox, repository, 'list'), /^dead /m)

  const report = requireRecord(await cliJson(sandbox, sandbox.folder, 'gc'))
  assert.deepEqual([report['damaged'], report['temporaryFiles']], [[], 0])
  assert.ok(Array.isArray(report['leases']))
  const results = report['leases'].map((each: unknown) => {
    const { name, path, repository: root, action, outcome, error } = requireRecord(each)
    return [name, path, root, action, outcome, error]
  })
  assert.deepEqual(
    results.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
    [
      ['alive', alive, repository, 'keep', 'done', null],
      ['dead', dead, repository, 'release', 'done', null],
    ],
  )
  assert.ok(existsSync(alive))
  assert.equal(sandbox.git(repository, 'branch', '--list', 'worktree-dead'), '')
  assert.equal(sandbox.git(repository, 'worktree', 'list').includes('dead'), false)
  assert.equal(await cliAnswer(sandbox, repository, 'gc'), 'nothing to release\nkept: 1 alive')
})

test('a repository that cannot be reached keeps its ports until it is given up', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  await cliAnswer(sandbox, repository, 'create', 'x')
  const away = join(sandbox.folder, 'unplugged')
  renameSync(repository, away)
  assert.match(
    await cliAnswer(sandbox, sandbox.folder, 'list'),
    / unreachable\n {2}its repository is gone from .*\n.*agent-isolate gc --unreachable/,
  )
  assert.match(await cliAnswer(sandbox, sandbox.folder, 'gc'), /^out of reach: x .*gc --unreachable$/)
  // It comes back, as it was.
  renameSync(away, repository)
  assert.match(await cliAnswer(sandbox, repository, 'list'), /ready$/)

  renameSync(repository, away)
  const planned = await cliAnswer(sandbox, sandbox.folder, 'gc', '--unreachable', '--dry-run')
  assert.match(planned, /^would release x /)
  assert.match(await cliAnswer(sandbox, sandbox.folder, 'gc', '--unreachable'), /^released x /)
  assert.match(await cliAnswer(sandbox, sandbox.folder, 'list'), /^no worktrees/)
  assert.ok(existsSync(join(away, '.claude/worktrees/x/README.md')))
})

test('a damaged file of the ledger is named, with what to do, and kept', async (t) => {
  const sandbox = createSandbox(t)
  const file = sandbox.write('state/leases/29990.json', '{ "version": 1, "id"')
  const [text, json, garbage] = await Promise.all([
    cliAnswer(sandbox, sandbox.folder, 'list'),
    cliJson(sandbox, sandbox.folder, 'list'),
    cliAnswer(sandbox, sandbox.folder, 'gc'),
  ])
  const line = `damaged: ${file}; ports 29990–29999 stay taken. If no worktree uses them, delete the file.`
  assert.match(text, /^no worktrees on this machine yet/)
  assert.equal(text.split('\n')[1], line)
  assert.deepEqual(json, [{ state: 'damaged', ledgerFile: file, block: 29990 }])
  assert.equal(garbage, line)
  assert.ok(existsSync(file))
})

test('gc sweeps the temporary files of dead processes', async (t) => {
  const sandbox = createSandbox(t)
  // No pid is that high: pid_max is 2^22 at most.
  const file = sandbox.write(`state/tmp/99999999-${ownPlaceMark()}-abc`, 'half')
  assert.equal(await cliAnswer(sandbox, sandbox.folder, 'gc'), 'removed 1 temporary file of dead processes')
  assert.equal(existsSync(file), false)
})

test('a lease that cannot be released is said, is exit 1, and keeps no other from it', async (t) => {
  const sandbox = createSandbox(t)
  const names = ['one', 'two']
  const repositories = names.map((name) => sandbox.repository(name))
  for (const repository of repositories) await cliAnswer(sandbox, repository, 'create', 'x')
  // As a creation that was killed leaves it. No pid is that high.
  for (const file of readdirSync(join(sandbox.folder, 'state/leases'))) {
    const path = join(sandbox.folder, 'state/leases', file)
    const text = readFileSync(path, 'utf8').replace('"ready"', '"creating"')
    writeFileSync(path, text.replace(/"pid": \d+/, '"pid": 99999999'))
  }
  sandbox.write('one/.git/config', '[core\n')
  const { code, stdout, stderr } = await runCli(sandbox, sandbox.folder, ['gc'])
  assert.equal(code, 1, stderr)
  assert.match(stdout, /^failed: x \(.*one.*\): .*bad config/m)
  assert.match(stdout, /^released x \(.*two.*\)$/m)
})

test('what becomes of a lease follows from the verdict', () => {
  assert.equal(planAction('use', { withUnreachable: true }), 'keep')
  assert.equal(planAction('release', { withUnreachable: false }), 'release')
  assert.equal(planAction('out of reach', { withUnreachable: false }), 'leave')
  assert.equal(planAction('out of reach', { withUnreachable: true }), 'forget')
})

function requireRecord(value: unknown): Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null)
  return { ...value }
}
