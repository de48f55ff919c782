/** The real Claude Code client in a sandbox: no account, no network but loopback, and this package's compiled hooks. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { ClaudeJob, ClaudeRun } from './claude-process.ts'
import { compiledHook } from './hook.ts'
import { toolResults, type Conversation, type ModelRequest } from './messages-api.ts'
import type { Sandbox } from './sandbox.ts'

/** The client that AGENT_ISOLATE_TEST_CLAUDE names; undefined, and the test skipped, without one. */
export function requireClaude(t: TestContext): string | undefined {
  const client = process.env['AGENT_ISOLATE_TEST_CLAUDE']
  if (client !== undefined) return client
  const reason = 'no Claude Code client is named by AGENT_ISOLATE_TEST_CLAUDE'
  // The client that CI installs is the one for this platform.
  assert.ok(!process.env['CI'] || process.platform !== 'linux' || process.arch !== 'x64', reason)
  t.skip(reason)
  return undefined
}

/** The text of a settings.json that registers the hooks. */
export function hookSettings(): string {
  const hooks = {
    WorktreeCreate: registration('worktree-create'),
    WorktreeRemove: registration('worktree-remove'),
    SessionStart: registration('session-start'),
    SubagentStart: registration('subagent-start'),
    PostToolUse: registration('worktree-enter', 'EnterWorktree'),
  }
  return JSON.stringify({ hooks })
}

/** Runs the client in `cwd` with a model that plays `conversations`. */
export async function runClaude(sandbox: Sandbox, { cwd, ...job }: ClaudeJob & { cwd: string }): Promise<ClaudeRun> {
  const command = [
    ...ownNetwork(),
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    join(import.meta.dirname, 'claude-process.ts'),
    JSON.stringify(job satisfies ClaudeJob),
  ]
  const [program = '', ...args] = command
  const { stdout } = await promisify(execFile)(program, args, { cwd, env: clientEnv(sandbox), maxBuffer: 50_000_000 })
  return JSON.parse(stdout)
}

/** What the tools answered in the conversation that opened with `prompt`, in order. */
export function answersTo(run: ClaudeRun, { prompt }: Conversation): string[] {
  return toolResults(requestsOf(run, prompt).at(-1)?.messages ?? [])
}

/** All that the model knew when the conversation that opens with `prompt` began. */
export function knownAtStart(run: ClaudeRun, { prompt }: Conversation): string {
  return JSON.stringify(requestsOf(run, prompt)[0])
}

/** All that the model knew at the end of that conversation. */
export function knownAtEnd(run: ClaudeRun, { prompt }: Conversation): string {
  return JSON.stringify(requestsOf(run, prompt).at(-1))
}

function requestsOf({ requests }: ClaudeRun, prompt: string): ModelRequest[] {
  return requests.filter((request) => request.prompt === prompt)
}

/** A hook as a shell command line: its path may hold spaces. */
function registration(hook: string, matcher?: string): unknown {
  const command = compiledHook(hook).map((part) => `"${part}"`)
  return [{ ...(matcher === undefined ? {} : { matcher }), hooks: [{ type: 'command', command: command.join(' ') }] }]
}

/** What goes before a command to give it loopback and nothing else; empty where this machine does not allow that. */
function ownNetwork(): string[] {
  const command = ['unshare', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  const [program = '', ...args] = command
  return spawnSync(program, [...args, 'true']).status === 0 ? command : []
}

/** Nothing of the surrounding session, which may be Claude Code's own, and nothing sent home. */
function clientEnv({ folder, env }: Sandbox): NodeJS.ProcessEnv {
  const inherited = ['PATH', 'HOME', 'AGENT_ISOLATE_HOME', 'GIT_CONFIG_NOSYSTEM', 'GIT_CONFIG_GLOBAL']
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary, { recursive: true })
  return {
    ...Object.fromEntries(inherited.map((name) => [name, env[name]])),
    TMPDIR: temporary,
    CLAUDE_CODE_TMPDIR: temporary,
    TERM: 'xterm',
    // The client runs as root only where it is told that this is a sandbox.
    IS_SANDBOX: '1',
    ANTHROPIC_API_KEY: 'none',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_ERROR_REPORTING: '1',
    DISABLE_TELEMETRY: '1',
  }
}
