/** What `init` writes, as the real Claude Code client takes it, for each scope. */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { answersTo, requireClaude, runClaude } from '../support/claude.ts'
import type { Conversation, ToolCall } from '../support/messages-api.ts'
import { isThorough } from '../support/rounds.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { requireLeaseAt } from '../support/state.ts'

const secret = 'nobody is to read this'

/** Each scope and each delivery. */
const sample = [
  ['project', 'program'],
  ['user', 'program'],
  ['project', 'source'],
  ['local', 'dependency'],
] as const

const others = [
  ['local', 'program'],
  ['project', 'dependency'],
] as const

for (const [scope, delivery] of isThorough ? [...sample, ...others] : sample) {
  test(`after init --yes --scope ${scope} --delivery ${delivery} the client is content, isolates, and reads no dependencies`, (t) =>
    checkScope(t, scope, delivery))
}

async function checkScope(t: TestContext, scope: string, delivery: string): Promise<void> {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = createSample(sandbox)
  if (delivery === 'dependency') {
    cpSync(join(import.meta.dirname, '../../dist/program'), join(cwd, 'node_modules/agent-isolate/dist/program'), {
      recursive: true,
    })
  }
  sandbox.cli(cwd, 'init', '--yes', '--scope', scope, '--delivery', delivery, '--exclude', '**/node_modules/**')
  sandbox.git(cwd, 'add', '--all')
  sandbox.git(cwd, 'commit', '--quiet', '--allow-empty', '--message=set up')
  const { stdout } = await runClaude(sandbox, { client, cwd, args: ['doctor'], conversations: [] })
  assert.match(stdout, /No installation issues found/)
  assert.doesNotMatch(stdout, /Invalid settings/)
  const worktree = join(cwd, '.claude/worktrees/a')
  const dependency = join(worktree, 'node_modules/dependency/index.js')
  const read: ToolCall = { name: 'Read', input: { file_path: dependency } }
  const main: Conversation = {
    prompt: 'Look around.',
    calls: [bash('pwd; echo "$PORT"'), read, bash('cat node_modules/dependency/index.js'), bash('npm test')],
  }
  const args = ['-w', 'a', '-p', main.prompt, '--allowedTools', 'Bash,Read']
  const run = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  assert.equal(run.code, 0, run.stderr)
  const [environment, readAnswer = '', catAnswer = '', testAnswer = ''] = answersTo(run, main)
  assert.equal(environment, `${worktree}\n${requireLeaseAt(sandbox, worktree).ports['app']}`)
  for (const answer of [readAnswer, catAnswer]) {
    assert.match(answer, /denied/)
    assert.doesNotMatch(answer, new RegExp(secret))
  }
  assert.match(testAnswer, /the test has run/)
}

/** Its path holds a space; its one dependency is installed, and ignored by git. */
function createSample(sandbox: Sandbox): string {
  const manifest = { name: 'sample', scripts: { test: 'node test.js' }, dependencies: { dependency: '1.0.0' } }
  const root = sandbox.repository('my repo', {
    'package.json': JSON.stringify(manifest),
    '.gitignore': 'node_modules/\n',
    'test.js': "require('dependency')\nconsole.log('the test has run')\n",
  })
  sandbox.write('my repo/node_modules/dependency/package.json', '{"name":"dependency","version":"1.0.0"}')
  sandbox.write('my repo/node_modules/dependency/index.js', `// ${secret}\n`)
  return root
}

function bash(command: string): ToolCall {
  return { name: 'Bash', input: { command, description: 'a look' } }
}
