import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  claudeEnvironmentMarker,
  claudeEnvironmentSnippet,
  expandEntries,
  renderShellEnvironment,
  shellEnvironmentPath,
} from '../../lib/env-text/shell-environment.ts'
import { renderTemplate } from '../../lib/env-text/template.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const variables = {
  AGENT_DYNAMIC_PORT: '20410',
  AGENT_WORKTREE: `/a b/it's "c" \`d\` $e }\\`,
  AGENT_DB_NAME: '',
}

const template = [
  'PORT=$AGENT_DYNAMIC_PORT',
  'HERE=$AGENT_WORKTREE',
  'export LINES_2="one\\ntwo"',
  `EMPTY=`,
  `RUN='$(touch ran)\`touch ran\`'`,
  'SELF=http://localhost:$PORT/$UNSET_NAME/${UNSET_NAME:-none}',
  'NESTED="${UNSET_NAME:-it\'s $AGENT_WORKTREE $(touch ran) ${PORT}}!"',
  `LITERAL='$PORT'`,
  'NODE_ENV=test',
  'not.a-name=1',
].join('\n')

const expected = {
  PORT: '20410',
  HERE: variables.AGENT_WORKTREE,
  LINES_2: 'one\ntwo',
  EMPTY: '',
  RUN: '$(touch ran)`touch ran`',
  SELF: 'http://localhost:20410//none',
  NESTED: `it's ${variables.AGENT_WORKTREE} $(touch ran) 20410!`,
  LITERAL: '$PORT',
}

const { entries } = renderTemplate(template, variables)
const shells = ['sh', 'bash', 'zsh', ...['dash', 'busybox'].filter(isInstalled)].map((name) => ({
  name,
  args: name === 'busybox' ? ['sh'] : [],
  skip: process.env['CI'] !== undefined || isInstalled(name) ? false : `there is no ${name} on this machine`,
}))

test('a process is given the values with references filled in', () => {
  const values = expandEntries(entries, { PORT: '1', UNSET_NAME: '' })
  assert.deepEqual(values, { ...expected, NODE_ENV: 'test', 'not.a-name': '1' })
})

test('a reference is looked up among earlier entries, then in the environment, then it is its default', () => {
  const { entries: some } = renderTemplate('A=$B\nB=$C-${D:-d}\nC=2\nE=$C', {})
  assert.deepEqual(expandEntries(some, { C: '1' }), { A: '', B: '1-d', C: '2', E: '2' })
})

for (const { name, args, skip } of shells) {
  test(`${name} gets the values literally, even under set -eu, and runs nothing`, { skip }, (t) => {
    const { write, folder, env } = createSandbox(t)
    const file = write('environment.sh', renderShellEnvironment(entries, { omit: new Set(['NODE_ENV']) }))
    const print = 'process.stdout.write(JSON.stringify(process.env))'
    const script = `set -eu; . "${file}"; exec "$0" -e '${print}'`
    const output = execFileSync(name, [...args, '-c', script, process.execPath], { cwd: folder, env, encoding: 'utf8' })
    const read: Record<string, string> = JSON.parse(output)
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, read[key]])), expected)
    assert.equal(read['NODE_ENV'], undefined)
    assert.equal(existsSync(join(folder, 'ran')), false)
  })

  test(`${name} finds the worktree's environment from wherever a command runs`, { skip }, (t) => {
    const world = createWorld(t)
    for (const [folder, port] of world.expectations) {
      assert.equal(source(world.sandbox, [name, ...args], folder), `status=0 PORT=${port}\n`, folder)
    }
  })
}

test('the text for CLAUDE_ENV_FILE starts on a line of its own, with its marker', () => {
  const lines = claudeEnvironmentSnippet().split('\n')
  assert.deepEqual([lines[0], lines[1], lines.at(-1)], ['', claudeEnvironmentMarker, ''])
})

/** A main checkout with a submodule, and worktrees whose `.git` files take every form there is. */
function createWorld(t: TestContext): { sandbox: Sandbox; expectations: [folder: string, port: string][] } {
  const sandbox = createSandbox(t)
  const library = sandbox.repository('library')
  const main = sandbox.repository(`main it's "ünï" $x`)
  sandbox.git(main, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'modules/sub')
  sandbox.git(main, 'commit', '--quiet', '--message=submodule')
  const inside = join(main, '.claude', 'worktrees', 'in side')
  const outside = join(sandbox.folder, 'out `side`')
  const bare = join(sandbox.folder, 'no lease')
  for (const worktree of [inside, outside, bare]) sandbox.git(main, 'worktree', 'add', '--quiet', '--detach', worktree)
  sandbox.git(inside, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'update', '--init')
  writeEnvironment(sandbox, inside, '1')
  writeEnvironment(sandbox, outside, '2')
  const file = join(outside, '.git')
  const admin = readFileSync(file, 'utf8').trim().replace('gitdir: ', '')
  writeFileSync(file, `gitdir: ${relative(outside, admin)}`)
  const deep = join(outside, 'a', 'b c', 'd')
  mkdirSync(deep, { recursive: true })
  const expectations: [string, string][] = [
    [inside, '1'],
    [join(inside, 'modules', 'sub'), '1'],
    [outside, '2'],
    [deep, '2'],
    [bare, 'none'],
    [main, 'none'],
    [join(main, 'modules', 'sub'), 'none'],
    [join(main, '.claude'), 'none'],
    [sandbox.folder, 'none'],
    ['/', 'none'],
  ]
  return { sandbox, expectations }
}

function writeEnvironment(sandbox: Sandbox, worktree: string, port: string): void {
  const path = join(sandbox.git(worktree, 'rev-parse', '--absolute-git-dir'), shellEnvironmentPath)
  mkdirSync(dirname(path))
  const { entries: some } = renderTemplate('PORT=$AGENT_DYNAMIC_PORT\nURL=http://$HOST_NAME/', {
    AGENT_DYNAMIC_PORT: port,
  })
  writeFileSync(path, renderShellEnvironment(some))
}

/** The port that a shell has after the snippet, which runs without a PATH: no program can start. No variable of its own is left. */
function source({ env, write }: Sandbox, [shell = '', ...args]: string[], cwd: string): string {
  const snippet = write('claude-env.sh', claudeEnvironmentSnippet())
  const script = [
    'set -eu',
    'programs=$PATH PATH=',
    `. "${snippet}"`,
    'result=$? PATH=$programs',
    `if set | grep -a ^_agent_isolate; then exit 1; fi`,
    'echo "status=$result PORT=${PORT-none}"',
  ]
  const { stdout, stderr, status } = spawnSync(shell, [...args, '-c', script.join('\n')], {
    cwd,
    env,
    encoding: 'utf8',
  })
  assert.deepEqual([stderr, status], ['', 0])
  return stdout
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
}
