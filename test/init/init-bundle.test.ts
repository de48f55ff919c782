/** The copied program, started by `run` as Claude Code starts it, with nothing on PATH but one runtime and git. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answers } from '../../init/answers.ts'
import { applyPlan } from '../../init/apply.ts'
import { detectRepository } from '../../detect/detect.ts'
import { hookCommands } from '../../init/installation.ts'
import { planInit } from '../../init/plan.ts'
import { runtimes, skipReason } from '../support/runtimes.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { hasTheRow, writeTinyDatabase } from '../support/tiny-database.ts'

const starters = runtimes.map((runtime) =>
  runtime.name === 'tsx' ? { name: 'Node', command: [process.execPath] } : runtime,
)

for (const runtime of starters) {
  test(
    `with ${runtime.name} alone the one file makes a worktree, a snapshot of the database in it, and clones its dependencies`,
    { skip: skipReason(runtime) },
    async (t) => {
      const sandbox = createSandbox(t)
      const root = await createInstalled(sandbox, { files: withDependency, database: sqlite })
      writeTinyDatabase(join(root, 'dev.db'))
      const env = environmentWith(sandbox, root, runtime.command?.[0] ?? '', programOf(runtime.name))
      const answer = execFileSync('/bin/sh', ['-c', hookCommands('repository', 'program').WorktreeCreate], {
        cwd: root,
        env,
        encoding: 'utf8',
        input: JSON.stringify({ cwd: root, name: 'one', hook_event_name: 'WorktreeCreate' }),
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      const worktree = join(root, '.claude/worktrees/one')
      assert.equal(answer, `${worktree}\n`)
      assert.ok(existsSync(join(worktree, '.env.local')))
      assert.ok(hasTheRow(join(worktree, 'dev.db')))
      await settled(worktree)
      assert.equal(readFileSync(join(worktree, 'node_modules/one/index.js'), 'utf8'), 'one\n')
      assert.ok(!lstatSync(join(worktree, 'node_modules/one')).isSymbolicLink())
    },
  )
}

for (const runtime of starters.slice(1)) {
  test(`with ${runtime.name} alone and no compiled file the sources run`, { skip: skipReason(runtime) }, async (t) => {
    const sandbox = createSandbox(t)
    const root = await createInstalled(sandbox, { delivery: 'source' })
    rmSync(join(root, '.claude/agent-isolate/agent-isolate'))
    const env = environmentWith(sandbox, root, runtime.command?.[0] ?? '', programOf(runtime.name))
    const run = startHook(sandbox, root, env, 'subagent-start')
    assert.deepEqual([run.status, run.stderr], [0, ''])
  })
}

for (const type of ['commonjs', 'module']) {
  test(`a repository of the type ${type} does not break the hooks`, async (t) => {
    const sandbox = createSandbox(t)
    const root = await createInstalled(sandbox, { files: { 'package.json': `{ "type": "${type}" }\n` } })
    const run = startHook(sandbox, root, environmentWith(sandbox, root, process.execPath, 'node'), 'session-start')
    assert.deepEqual([run.status, run.stderr], [0, ''])
  })
}
test('without any runtime the hook fails and says what to do', async (t) => {
  const sandbox = createSandbox(t)
  const root = await createInstalled(sandbox)
  const run = startHook(sandbox, root, environmentWith(sandbox, root, '/bin/true', 'true'), 'session-start')
  assert.equal(run.status, 1)
  assert.match(run.stderr, /no node, bun or deno on PATH can run .*\n {2}Install Node 20\.12 or newer/)
})

const sqlite = { provider: 'sqlite', path: 'dev.db', seed: undefined, hasTest: false } as const

/** One package, which is installed: `createInstalled` writes it, since git ignores it. */
const withDependency = {
  'package.json': '{ "name": "sample", "dependencies": { "one": "1.0.0" } }\n',
  '.gitignore': 'node_modules\n*.db\n',
}

/** The links that a worktree has at first are replaced by a process that outlives the hook. */
async function settled(worktree: string): Promise<void> {
  const folder = join(worktree, 'node_modules', 'one')
  for (let waitedMs = 0; waitedMs < 120_000; waitedMs += 20) {
    if (!lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) return
    await sleep(20)
  }
  assert.fail(`${folder} stays a link`)
}

type Sample = { files?: Record<string, string>; delivery?: Answers['delivery']; database?: Answers['database'] }

async function createInstalled(
  sandbox: Sandbox,
  { files = {}, delivery = 'program', database = { provider: 'none' } }: Sample = {},
): Promise<string> {
  const root = sandbox.repository('my repo', { 'README.md': '# sample\n', ...files })
  if (files['package.json'] !== undefined) {
    sandbox.write('my repo/node_modules/one/package.json', '{"name":"one","version":"1.0.0"}')
    sandbox.write('my repo/node_modules/one/index.js', 'one\n')
  }
  const answers = {
    scope: 'project',
    delivery,
    database,
    portNames: [],
    dependencies: { node_modules: 'auto', '.venv': 'none' },
    excludePatterns: [],
    toolIgnores: true,
    setup: [],
  } as const
  applyPlan(await planInit({ root, home: undefined }, answers, await detectRepository(root)))
  return root
}

function startHook(sandbox: Sandbox, root: string, env: NodeJS.ProcessEnv, name: string) {
  const run = join(root, '.claude/agent-isolate/run')
  const input = JSON.stringify({ cwd: root, session_id: 'x', source: 'startup' })
  return spawnSync(run, [name], { cwd: sandbox.folder, env, input, encoding: 'utf8' })
}

/** PATH holds git and the one program. */
function environmentWith(sandbox: Sandbox, root: string, program: string, name: string): NodeJS.ProcessEnv {
  const bin = join(sandbox.folder, 'bin')
  mkdirSync(bin)
  symlinkSync(program, join(bin, name))
  symlinkSync(execFileSync('which', ['git'], { encoding: 'utf8' }).trim(), join(bin, 'git'))
  return { ...sandbox.env, PATH: bin, CLAUDE_PROJECT_DIR: root }
}

function programOf(runtime: string): string {
  return runtime.startsWith('Node') ? 'node' : runtime.toLowerCase()
}
