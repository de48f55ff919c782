/** The plugin as the real Claude Code client takes it: from a marketplace in git, and where a repository's settings ask for it. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { answersTo, knownAtStart, requireClaude, runClaude } from '../support/claude.ts'
import type { Conversation, ToolCall } from '../support/messages-api.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { requireLeaseAt } from '../support/state.ts'

const root = join(import.meta.dirname, '../..')

test('installed from the marketplace, the plugin isolates, and gives the agent its commands and a skill', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = sandbox.repository('my repo')
  const marketplace = publish(sandbox)
  const claude = (...args: string[]) => runClaude(sandbox, { client, cwd, args, conversations: [] })
  const judged = await claude('plugin', 'validate', join(root, 'dist/plugin'))
  assert.equal(judged.code, 0, judged.stdout + judged.stderr)
  for (const args of [
    ['marketplace', 'add', marketplace],
    ['install', 'agent-isolate@agent-isolate'],
  ]) {
    const { code, stdout, stderr } = await claude('plugin', ...args)
    assert.equal(code, 0, stdout + stderr)
  }
  const { known, port, listed } = await visit(sandbox, client, cwd)
  assert.match(known, /agent-isolate:agent-isolate/)
  assert.match(listed, new RegExp(`\\b${port}\\b`))
  assert.ok(!existsSync(join(cwd, '.claude/agent-isolate')) && !existsSync(join(cwd, '.claude/settings.json')))
  // Installed for the user, it is registered; the settings' own hooks beside it would be a second set.
  const examined = (): string[] => [...new Set(findingsOf(sandbox, cwd).filter((id) => /^(settings|hooks)\./.test(id)))]
  assert.deepEqual(examined(), ['settings.ok', 'hooks.ok'])
  sandbox.cli(cwd, 'init', '--yes')
  assert.deepEqual(examined(), ['settings.two-hooks', 'hooks.ok'])
  const advised = JSON.parse(sandbox.cli(cwd, 'init', '--yes', '--json')).notes.join('\n')
  assert.match(advised, /the plugin has these hooks too/)
})

test('init --delivery plugin: who installs what the settings name has it, and uninstall takes them out', async (t) => {
  const client = requireClaude(t)
  if (client === undefined) return
  const sandbox = createSandbox(t)
  const cwd = sandbox.repository('my repo')
  const marketplace = publish(sandbox)
  sandbox.cli(cwd, 'init', '--yes', '--delivery', 'plugin')
  // The project's own address is out of reach of a test.
  const path = join(cwd, '.claude/settings.json')
  const original = readFileSync(path, 'utf8')
  const settings = JSON.parse(original)
  settings.extraKnownMarketplaces['agent-isolate'].source = { source: 'directory', path: marketplace }
  writeFileSync(path, JSON.stringify(settings))
  sandbox.git(cwd, 'add', '--all')
  sandbox.git(cwd, 'commit', '--quiet', '--message=set up')
  const examined = (): string[] => findingsOf(sandbox, cwd).filter((id) => /^(settings|hooks)\./.test(id))
  assert.deepEqual(examined(), ['settings.plugin'])
  const install = ['plugin', 'install', 'agent-isolate@agent-isolate', '--scope', 'project']
  for (const args of [['plugin', 'marketplace', 'add', marketplace], install]) {
    const { code, stdout, stderr } = await runClaude(sandbox, { client, cwd, args, conversations: [] })
    assert.equal(code, 0, stdout + stderr)
  }
  assert.deepEqual(examined(), ['settings.ok', 'hooks.ok'])
  await visit(sandbox, client, cwd)
  writeFileSync(path, original)
  sandbox.cli(cwd, 'uninstall', '--yes')
  assert.ok(!existsSync(join(cwd, '.claude/agent-isolate')) && !existsSync(path))
})

/** A session in a worktree of its own; what the model knew, what it found. */
async function visit(
  sandbox: Sandbox,
  client: string,
  cwd: string,
): Promise<{ known: string; port: number | undefined; listed: string }> {
  const main: Conversation = {
    prompt: 'Look around.',
    calls: [bash('pwd; echo "$PORT"'), bash('agent-isolate list')],
  }
  const args = ['-w', 'a', '-p', main.prompt, '--allowedTools', 'Bash']
  const run = await runClaude(sandbox, { client, cwd, args, conversations: [main] })
  assert.equal(run.code, 0, run.stderr)
  const [environment, listed = ''] = answersTo(run, main)
  const worktree = join(cwd, '.claude/worktrees/a')
  const port = requireLeaseAt(sandbox, worktree).ports['app']
  assert.equal(environment, `${worktree}\n${port}`)
  return { known: knownAtStart(run, main), port, listed }
}

/** What a release does: the built plugin as a branch of a repository. Returns a marketplace that leads there, as ours to GitHub. */
function publish(sandbox: Sandbox): string {
  const release = sandbox.repository('release', { 'README.md': '# the sources\n' })
  sandbox.git(release, 'checkout', '--quiet', '--orphan', 'plugin')
  sandbox.git(release, 'rm', '--quiet', '-r', '--force', '.')
  cpSync(join(root, 'dist/plugin'), release, { recursive: true })
  sandbox.git(release, 'add', '--all')
  sandbox.git(release, 'commit', '--quiet', '--message=0.1.0')
  sandbox.git(release, 'checkout', '--quiet', 'main')
  assert.deepEqual(readdirSync(release).toSorted(), ['.git', 'README.md'])
  const catalogue = JSON.parse(readFileSync(join(root, '.claude-plugin/marketplace.json'), 'utf8'))
  const [plugin] = catalogue.plugins
  assert.equal(plugin.source.ref, 'plugin')
  plugin.source = { source: 'url', url: `file://${release}`, ref: plugin.source.ref }
  sandbox.write('marketplace/.claude-plugin/marketplace.json', JSON.stringify(catalogue))
  return join(sandbox.folder, 'marketplace')
}

function findingsOf(sandbox: Sandbox, cwd: string): string[] {
  const { findings }: { findings: { id: string }[] } = JSON.parse(runDoctor(sandbox, cwd))
  return findings.map(({ id }) => id)
}

function runDoctor(sandbox: Sandbox, cwd: string): string {
  try {
    return sandbox.cli(cwd, 'doctor', '--json')
  } catch (error) {
    // It exits with 1 where it finds something.
    if (error instanceof Error && 'stdout' in error) return String(error.stdout)
    throw error
  }
}

function bash(command: string): ToolCall {
  return { name: 'Bash', input: { command, description: 'a look' } }
}
