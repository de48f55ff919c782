import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, runHook, type HookOptions } from '../support/hook.ts'
import { hookSource, runtimes, skipReason } from '../support/runtimes.ts'
import { createSandbox } from '../support/sandbox.ts'
import { hasTheRow, writeTinyDatabase } from '../support/tiny-database.ts'
import { loadLeases, readEnv, requireLeaseAt, snapshotState } from '../support/state.ts'

for (const runtime of runtimes) {
  const title = `the hooks as they stand on ${runtime.name}: create at once, seed, open again, start a session, refuse, remove`
  test(title, { skip: skipReason(runtime) }, async (t) => {
    assert.ok(runtime.command !== undefined, `no ${runtime.name}`)
    const sandbox = createSandbox(t)
    const on = (hook: string): HookOptions => ({
      command: [...(runtime.command ?? []), hookSource(hook)],
      keepStdinOpen: true,
    })
    const repository = sandbox.repository('my repo', {
      '.gitignore': '.env.local\n*.db\n',
      'agent-isolate.json': '{"database":{"path":"dev.db"}}',
    })
    writeTinyDatabase(join(repository, 'dev.db'))
    const before = snapshotState(sandbox, repository)

    const names = ['one', 'two']
    const worktrees = await Promise.all(
      names.map((name) => createThroughHook(sandbox, repository, name, on('worktree-create'))),
    )
    const ports = worktrees.map((worktree) => readEnv(join(worktree, '.env.local'))['PORT'])
    assert.equal(new Set(ports).size, 2)
    const [one = ''] = worktrees
    assert.ok(hasTheRow(join(one, 'dev.db')))
    assert.equal(await createThroughHook(sandbox, repository, 'one', on('worktree-create')), one)

    const envFile = join(sandbox.folder, 'environment.sh')
    const env = { CLAUDE_ENV_FILE: envFile }
    const session = await runHook(
      sandbox,
      'session-start',
      { cwd: one, source: 'startup' },
      { ...on('session-start'), env },
    )
    assert.equal(session.code, 0, session.stderr)
    assert.ok(session.stdout.includes(String(requireLeaseAt(sandbox, one).ports['app'])))
    assert.match(readFileSync(envFile, 'utf8'), /agent-isolate/)
    const subagent = await runHook(sandbox, 'subagent-start', { cwd: one }, on('subagent-start'))
    assert.equal(JSON.parse(subagent.stdout).hookSpecificOutput.hookEventName, 'SubagentStart')

    const hostile = await runHook(sandbox, 'worktree-create', { cwd: repository, name: '../x' }, on('worktree-create'))
    assert.deepEqual([hostile.code, hostile.stdout, hostile.stderr.trim().split('\n').length], [1, '', 1])

    writeFileSync(join(one, 'work.txt'), '')
    const remove = (worktree: string) =>
      runHook(sandbox, 'worktree-remove', { cwd: worktree, worktree_path: worktree }, on('worktree-remove'))
    assert.match((await remove(one)).stderr, /stays: it holds 1 changed or new file \(work\.txt\)/)
    rmSync(join(one, 'work.txt'))
    for (const worktree of worktrees) assert.equal((await remove(worktree)).code, 0)
    assert.ok(!existsSync(one))
    assert.deepEqual(loadLeases(sandbox), [])
    assert.deepEqual(snapshotState(sandbox, repository), { ...before, leases: [], locks: [], temporary: [] })
  })
}
