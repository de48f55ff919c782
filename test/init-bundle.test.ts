/** The copied program, started by `run` as Claude Code starts it, with nothing on PATH but one runtime and git. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { applyPlan } from '../init/apply.ts'
import { detectRepository } from '../init/detect.ts'
import { hookCommands } from '../init/installation.ts'
import { planInit } from '../init/plan.ts'
import { runtimes, skipReason } from './_runtimes.ts'
import { createSandbox, type Sandbox } from './_sandbox.ts'

const starters = runtimes.map((runtime) =>
  runtime.name === 'tsx' ? { name: 'Node', command: [process.execPath] } : runtime,
)

for (const runtime of starters) {
  test(`with ${runtime.name} alone the copied hooks make a worktree`, { skip: skipReason(runtime) }, async (t) => {
    const sandbox = createSandbox(t)
    const root = await createInstalled(sandbox)
    const env = environmentWith(sandbox, root, runtime.command?.[0] ?? '', programOf(runtime.name))
    const answer = execFileSync('/bin/sh', ['-c', hookCommands('repository').WorktreeCreate], {
      cwd: root,
      env,
      encoding: 'utf8',
      input: JSON.stringify({ cwd: root, name: 'one', hook_event_name: 'WorktreeCreate' }),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const worktree = join(root, '.claude/worktrees/one')
    assert.equal(answer, `${worktree}\n`)
    assert.ok(existsSync(join(worktree, '.env.local')))
  })
}

for (const runtime of starters.slice(1)) {
  test(`with ${runtime.name} alone and no dist/ the sources run`, { skip: skipReason(runtime) }, async (t) => {
    const sandbox = createSandbox(t)
    const root = await createInstalled(sandbox)
    rmSync(join(root, '.claude/agent-isolate/dist'), { recursive: true })
    const env = environmentWith(sandbox, root, runtime.command?.[0] ?? '', programOf(runtime.name))
    const run = startHook(sandbox, root, env, 'subagent-start')
    assert.deepEqual([run.status, run.stderr], [0, ''])
  })
}

test('a repository of CommonJS modules does not break the hooks', async (t) => {
  const sandbox = createSandbox(t)
  const root = await createInstalled(sandbox, { 'package.json': '{ "type": "commonjs" }\n' })
  const run = startHook(sandbox, root, environmentWith(sandbox, root, process.execPath, 'node'), 'session-start')
  assert.deepEqual([run.status, run.stderr], [0, ''])
})

test('without any runtime the hook fails and says what to do', async (t) => {
  const sandbox = createSandbox(t)
  const root = await createInstalled(sandbox)
  const run = startHook(sandbox, root, environmentWith(sandbox, root, '/bin/true', 'true'), 'session-start')
  assert.equal(run.status, 1)
  assert.match(run.stderr, /no node, bun or deno on PATH can run .*\n {2}Install Node 20\.12 or newer/)
})

async function createInstalled(sandbox: Sandbox, files: Record<string, string> = {}): Promise<string> {
  const root = sandbox.repository('my repo', { 'README.md': '# sample\n', ...files })
  const answers = {
    scope: 'project',
    database: { provider: 'none' },
    portNames: [],
    dependencies: { node_modules: 'none', '.venv': 'none' },
    excludePatterns: [],
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
