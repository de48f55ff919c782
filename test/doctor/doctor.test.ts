import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { chooseNames } from '../../detect/source/port-names.ts'
import { isAtLeast } from '../../doctor/check-hooks.ts'
import { isOurHook, runtimesOf, scriptsOf } from '../../doctor/hook-command.ts'
import { parseSettings } from '../../doctor/settings-shape.ts'
import { cliAnswer, runCli } from '../support/cli.ts'
import { createThroughHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

type Finding = { id: string; severity: string; message: string; file: string | null; line: number | null }

async function diagnose(sandbox: Sandbox, root: string, ...args: string[]) {
  const { code, stdout, stderr } = await runCli(sandbox, root, ['doctor', '--json', ...args])
  assert.equal(stderr, '')
  const { ok, findings, fixed }: { ok: boolean; findings: Finding[]; fixed: string[] } = JSON.parse(stdout)
  assert.equal(code, ok ? 0 : 1)
  const faults = findings.filter(({ severity }) => severity !== 'ok')
  return { ok, faults, ids: faults.map(({ id }) => id), fixed, all: findings.map(({ id }) => id) }
}

/** Settings with this package's compiled hooks, under a path by which they are known for ours. */
function registerHooks(sandbox: Sandbox, command?: string): string {
  const copy = join(sandbox.folder, 'agent-isolate')
  symlinkSync(join(import.meta.dirname, '../..'), copy)
  const register = (hook: string) => [
    { hooks: [{ type: 'command', command: command ?? `/bin/sh "${copy}/dist/program/run" ${hook}` }] },
  ]
  return JSON.stringify({
    hooks: {
      WorktreeCreate: register('worktree-create'),
      WorktreeRemove: register('worktree-remove'),
      SessionStart: register('session-start'),
      SubagentStart: register('subagent-start'),
      PostToolUse: register('worktree-enter'),
    },
  })
}

const ignored = '.env.local\n.agent-isolate/\n.claude/worktrees/\n.claude/settings.local.json\n'

test('where all is in place there is nothing to say, and nothing is left behind', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { '.gitignore': ignored })
  sandbox.write('repo/.claude/settings.local.json', registerHooks(sandbox))
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('agent-isolate-doctor-'))
  const { faults, all } = await diagnose(sandbox, root)
  assert.deepEqual(faults, [])
  assert.ok(all.includes('hooks.ok'), 'the hook was run')
  const after = readdirSync(tmpdir()).filter((name) => name.startsWith('agent-isolate-doctor-'))
  assert.ok(after.length <= before.length)
  assert.equal(sandbox.git(root, 'worktree', 'list').split('\n').length, 1)
  assert.deepEqual(readdirSync(join(sandbox.folder, 'state', 'leases')), [])
  assert.match(
    await cliAnswer(sandbox, root, 'doctor'),
    /^✓ git \d[\s\S]*\nall is well in what was read: no file of code or settings$/,
  )
})

test('a hook that fails when it is run is an error, with its own words', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { '.gitignore': ignored })
  const script = sandbox.write('x/agent-isolate/run', '#!/bin/sh\necho "no such runtime: error 7" >&2\nexit 7\n')
  sandbox.write('home/.claude/settings.json', registerHooks(sandbox, `sh "${script}" worktree-create`))
  const { ok, faults } = await diagnose(sandbox, root)
  assert.equal(ok, false)
  const trial = faults.find(({ id }) => id === 'hooks.trial')
  assert.match(trial?.message ?? '', /exit code 7: no such runtime: error 7/)
  writeFileSync(script, '#!/bin/sh\necho /tmp\n')
  const outside = (await diagnose(sandbox, root)).faults.find(({ id }) => id === 'hooks.trial')
  assert.match(outside?.message ?? '', /outside the repository: \/tmp/)
  rmSync(script)
  const gone = await diagnose(sandbox, root)
  assert.ok(gone.ids.includes('hooks.file') && !gone.ids.includes('hooks.trial'))
})

test('a hook that came with the repository is run only where the repository is trusted', async (t) => {
  const sandbox = createSandbox(t)
  const proof = join(sandbox.folder, 'it-ran')
  const root = sandbox.repository('repo', {
    '.gitignore': ignored,
    '.claude/settings.json': registerHooks(sandbox, `touch "${proof}"; exit 1 # /agent-isolate/run worktree-create`),
  })
  assert.ok((await diagnose(sandbox, root)).ids.includes('hooks.untried'))
  assert.ok(!readdirSync(sandbox.folder).includes('it-ran'))
  await cliAnswer(sandbox, root, 'trust')
  assert.ok((await diagnose(sandbox, root)).ids.includes('hooks.trial'))
  assert.ok(readdirSync(sandbox.folder).includes('it-ran'))
})

test('hooks of two scopes with different commands, and a stranger’s beside ours, are errors', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { '.gitignore': ignored })
  const settings = registerHooks(sandbox)
  sandbox.write('home/.claude/settings.json', settings)
  sandbox.write('repo/.claude/settings.local.json', settings)
  assert.deepEqual((await diagnose(sandbox, root)).ids, [])
  sandbox.write('repo/.claude/settings.local.json', settings.replaceAll('/bin/sh', 'exec /bin/sh'))
  assert.deepEqual((await diagnose(sandbox, root)).ids, ['settings.two-hooks'])
  const other = { hooks: { WorktreeCreate: [{ hooks: [{ type: 'command', command: 'mine' }] }] } }
  sandbox.write('repo/.claude/settings.local.json', JSON.stringify(other))
  assert.deepEqual((await diagnose(sandbox, root)).ids, ['settings.two-hooks'])
})

test('--fix fixes ignore rules and stale leases, and touches no code', async (t) => {
  const sandbox = createSandbox(t)
  const code = 'require("http").createServer().listen(3000)\n'
  const root = sandbox.repository('repo', { '.gitignore': 'dist/', 'server.js': code, 'agent-isolate.json': '{}\n' })
  const worktree = await createThroughHook(sandbox, root, 'gone')
  rmSync(worktree, { recursive: true })
  const before = await diagnose(sandbox, root)
  for (const id of ['ignore.missing', 'leases.stale', 'ports.listen']) assert.ok(before.ids.includes(id), id)
  const { ids, fixed } = await diagnose(sandbox, root, '--fix')
  assert.deepEqual(
    ids.filter((id) => /^(ignore|leases)/.test(id)),
    [],
  )
  assert.ok(ids.includes('ports.listen'))
  assert.ok(fixed.includes('ignore.missing') && fixed.includes('leases.stale'))
  assert.equal(readFileSync(join(root, 'server.js'), 'utf8'), code)
  const rules = readFileSync(join(root, '.gitignore'), 'utf8')
  assert.match(rules, /^dist\/\n/)
  for (const line of ['.claude/worktrees/', '.env.local']) assert.ok(rules.split('\n').includes(line), line)
  assert.deepEqual((await diagnose(sandbox, root, '--fix')).fixed, [])
  assert.equal(readFileSync(join(root, '.gitignore'), 'utf8'), rules)
})

test('a faulty config, template, seed and upstream are findings, and the other checks go on', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', {
    '.gitignore': `${ignored}node_modules/\n`,
    '.env.agent.template': 'A=1\nPORT=$AGENT_DYNAMIC_PROT\n',
    'agent-isolate.json': '{"database": {"seed": "no.db"}, "dependencies": {"node_modules": "symlink"}}\n',
  })
  const first = await diagnose(sandbox, root)
  for (const id of ['template.invalid', 'database.seed', 'ignore.missing']) assert.ok(first.ids.includes(id), id)
  assert.equal(first.faults.find(({ id }) => id === 'template.invalid')?.line, 2)
  sandbox.git(root, 'remote', 'add', 'origin', root)
  sandbox.write('repo/agent-isolate.json', '{"sync": {"upstream": "upstream/main"}}\n')
  assert.ok((await diagnose(sandbox, root)).ids.includes('upstream.unknown'))
  sandbox.write('repo/agent-isolate.json', '{"databse": {}}\n')
  const { ids, all } = await diagnose(sandbox, root)
  assert.ok(ids.includes('config.invalid') && all.includes('git.ok'))
})

test('it works in a linked worktree and a subfolder, and not outside a repository', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { '.gitignore': ignored, 'sub/server.js': 'app.listen(3000)\n' })
  sandbox.git(root, 'worktree', 'add', '-q', '../other')
  mkdirSync(join(root, 'sub', 'deep'))
  for (const folder of [join(root, 'sub', 'deep'), join(dirname(root), 'other')]) {
    const { faults } = await diagnose(sandbox, folder)
    assert.ok(
      faults.some(({ file }) => file === 'sub/server.js'),
      folder,
    )
  }
  const { code, stderr } = await runCli(sandbox, sandbox.folder, ['doctor'])
  assert.equal(code, 1)
  assert.match(stderr, /not in a git repository/)
})

const handler = '{ "type": "command", "command": "x" }'

for (const [title, text, rules] of [
  ['the nested form', `{"hooks": {"WorktreeCreate": [{"hooks": [${handler}]}]}}`, []],
  ['a byte order mark', `\uFEFF{"hooks": {}}`, []],
  ['no hooks', '{"model": "x", "unknown": 1}', []],
  ['hooks of other types', '{"hooks": {"Stop": [{"hooks": [{"type": "prompt", "prompt": "?"}]}]}}', []],
  ['nothing', '', ['json']],
  ['broken JSON', '{"hooks": ', ['json']],
  ['a comment', '{ // ours\n}', ['json']],
  ['a trailing comma', '{"hooks": {},}', ['json']],
  ['a list', '[]', ['shape']],
  ['the flat form', `{"hooks": {"WorktreeCreate": [${handler}]}}`, ['shape']],
  ['groups that are no list', `{"hooks": {"WorktreeCreate": {"hooks": [${handler}]}}}`, ['shape']],
  ['hooks that are a list', `{"hooks": [${handler}]}`, ['shape']],
  ['a handler without a type', '{"hooks": {"Stop": [{"hooks": [{"command": "x"}]}]}}', ['shape']],
  ['a handler without a command', '{"hooks": {"Stop": [{"hooks": [{"type": "command"}]}]}}', ['shape']],
  ['args that are text', `{"hooks": {"Stop": [{"hooks": [${handler.replace(' }', ', "args": "a" }')}]}]}}`, ['shape']],
  ['an unknown event', `{"hooks": {"worktreeCreate": [{"hooks": [${handler}]}]}}`, ['event']],
] as const) {
  test(`settings with ${title}: ${rules.length === 0 ? 'accepted' : `a fault of ${rules.join()}`}`, () => {
    assert.deepEqual(
      parseSettings(text).faults.map(({ rule }) => rule),
      rules,
    )
  })
}

test('a fault in the settings comes with its line', () => {
  const text = `{\n  "hooks": {\n    "Stop": [\n      ${handler}\n    ]\n  }\n}`
  assert.deepEqual(
    parseSettings(text).faults.map(({ line }) => line),
    [4],
  )
})

test('the files and runtimes of a hook command are told from its text', () => {
  const places = { projectDir: '/my repo', home: '/home/me' }
  const table: [string, string[], string[]][] = [
    ['"$CLAUDE_PROJECT_DIR"/.claude/agent-isolate/run worktree-create', ['/my repo/.claude/agent-isolate/run'], []],
    [
      'node "${CLAUDE_PROJECT_DIR}/x/agent-isolate/hooks/worktree-create.ts"',
      ['/my repo/x/agent-isolate/hooks/worktree-create.ts'],
      ['node'],
    ],
    [
      'npx tsx ~/.claude/agent-isolate/hooks/worktree-create.ts',
      ['/home/me/.claude/agent-isolate/hooks/worktree-create.ts'],
      ['npx', 'tsx'],
    ],
    ['deno run -A $where/agent-isolate/hooks/worktree-create.ts', [], ['deno']],
  ]
  for (const [command, scripts, runtimes] of table) {
    const each = { event: 'WorktreeCreate', command, args: undefined, line: 1, timeout: undefined }
    assert.deepEqual(scriptsOf(each, places), scripts, command)
    assert.deepEqual(runtimesOf(each), runtimes, command)
    assert.ok(isOurHook(each), command)
    assert.ok(!isOurHook({ ...each, event: 'Stop' }))
  }
})

test('versions are compared as numbers', () => {
  assert.deepEqual(
    ['2.36.0', '2.39', '3.0.1', '2.9.5', '2.35.9', '1.99'].map((version) => isAtLeast(version, [2, 36])),
    [true, true, true, false, false, false],
  )
})

test('PORT is for the port that is met most; another server gets a variable of its own, or the one it has already', () => {
  const met = [8787, 3000, 3000, 5432, 4000].map((port) => ({ port, path: 'apps/x/a.ts', listens: true }))
  const variables = (settings: Parameters<typeof chooseNames>[1]) =>
    [3000, 8787, 5432, 4000].map((port) => chooseNames(met, settings)(port).variable)
  const nothing = { remap: {}, names: [], template: undefined }
  assert.deepEqual(variables(nothing), ['PORT', 'PORT_8787', 'DB_PORT', 'PORT_4000'])
  assert.deepEqual(variables({ ...nothing, remap: { 4000: 'api', 8787: 'app' } }), [
    'PORT_3000',
    'PORT',
    'DB_PORT',
    'API_PORT',
  ])
  const template = 'BACKEND=$AGENT_PORT_API\n'
  assert.equal(variables({ ...nothing, remap: { 4000: 'api' }, template })[3], 'BACKEND')
  assert.equal(
    chooseNames([{ port: 4000, path: 'apps/api/main.ts', listens: true }], {
      ...nothing,
      remap: { 3000: 'app' },
      names: ['api'],
    })(4000).variable,
    'API_PORT',
  )
})
