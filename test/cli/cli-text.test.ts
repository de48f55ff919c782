import assert from 'node:assert/strict'
import { test } from 'node:test'
import picocolors from 'picocolors'
import { wantsColors } from '../../cli/colors.ts'
import { stateOf, type ListEntry } from '../../cli/list-entries.ts'
import { formatAge, formatBytes, renderEntries } from '../../cli/list-table.ts'
import { nearest } from '../../cli/nearest.ts'
import { parseArguments } from '../../cli/parse-arguments.ts'
import { listenersOf } from '../../cli/port-listeners.ts'
import { renderTable } from '../../cli/table.ts'
import { visible } from '../../lib/report/visible-text.ts'

const commandNames = ['create', 'list', 'exec', 'env', 'db', 'sync', 'remove', 'setup', 'teardown', 'gc', 'trust']

for (const [word, meant] of [
  ['crate', 'create'],
  ['ls', 'list'],
  ['tear-down', 'teardown'],
  ['rmove', 'remove'],
  ['status', undefined],
  ['xyz', undefined],
  ['ps', undefined],
] as const) {
  test(`"${word}" is taken to mean ${meant ?? 'nothing'}`, () => assert.equal(nearest(word, commandNames), meant))
}

test('colours are for terminals, and NO_COLOR and FORCE_COLOR overrule that', () => {
  const table: [NodeJS.ProcessEnv, boolean, boolean][] = [
    [{}, true, true],
    [{}, false, false],
    [{ CI: '1' }, false, false],
    [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, false],
  ]
  for (const [env, isTerminal, wanted] of table) {
    assert.equal(wantsColors(env, isTerminal), wanted, JSON.stringify([env, isTerminal]))
  }
})

test('ages and sizes are short', () => {
  const second = 1000
  const ages = [0, 59 * second, 60 * second, 3599 * second, 7200 * second, 86_400 * 5 * second, -5]
  assert.deepEqual(ages.map(formatAge), ['0 s', '59 s', '1 m', '59 m', '2 h', '5 d', '0 s'])
  const sizes = [0, 999, 1000, 8192, 999_499, 999_500, 1_234_567, 3_400_000_000]
  assert.deepEqual(sizes.map(formatBytes), ['0 B', '999 B', '1 kB', '8 kB', '999 kB', '1.0 MB', '1.2 MB', '3.4 GB'])
})

test('what a terminal would act on or hide is shown instead', () => {
  assert.equal(visible('npm ci \u001b[2K\r; curl x'), 'npm ci \\u{1b}[2K\\u{d}; curl x')
  assert.equal(visible('a\u202eb — ünïcode 日本'), 'a\\u{202e}b — ünïcode 日本')
})

test('a table is aligned, cuts its longest columns first, and only those that may be cut', () => {
  const columns = [{ title: 'NAME', cut: 'end' as const }, { title: 'PORT' }, { title: 'FILE', cut: 'start' as const }]
  const rows = [
    { cells: ['a-name-of-nineteen-', ['app 20410', 'api 20411'], 'some/folder/of/dev.db'], notes: ['  a note'] },
    { cells: ['b', 'app 20420', 'x'] },
  ]
  assert.equal(
    renderTable(columns, rows, 80),
    `NAME                 PORT       FILE
a-name-of-nineteen-  app 20410  some/folder/of/dev.db
                     api 20411
  a note
b                    app 20420  x`,
  )
  assert.equal(
    renderTable(columns, rows, 41),
    `NAME            PORT       FILE
a-name-of-nin…  app 20410  …der/of/dev.db
                api 20411
  a note
b               app 20420  x`,
  )
  // There is an end to cutting: a table is rather too wide than unreadable.
  assert.equal(renderTable(columns, rows, 5).split('\n')[1], 'a-name-…  app 20410  …/dev.db')
})

const entry: ListEntry = {
  name: 'refactor-payments',
  path: '/repo/.claude/worktrees/refactor-payments',
  branch: 'worktree-refactor-payments',
  ports: { app: 20410, api: 20411 },
  database: {
    url: 'file:/repo/.claude/worktrees/refactor-payments/.agent-isolate/dev.db',
    path: '/repo/.claude/worktrees/refactor-payments/.agent-isolate/dev.db',
    bytes: 12_288,
  },
  testDatabase: null,
  services: [],
  repository: '/repo',
  state: 'ready',
  advice: null,
  listeners: [],
  createdAt: '2026-01-01T00:00:00.000Z',
}

test('the list fits 80 columns, and tells a stranger from the worktree’s own server', () => {
  const found = new Map([
    [20410, { port: 20410, pid: 4711, command: 'node server.js', cwd: `${entry.path}/web` }],
    [20411, { port: 20411, pid: 4712, command: 'python3 -m http.server 20411', cwd: '/somewhere/else' }],
  ])
  const listeners = listenersOf({ ports: entry.ports, worktree: entry.path, resources: [] }, found)
  const options = { width: 80, colors: picocolors.createColors(false), now: Date.parse(entry.createdAt) + 180_000 }
  const text = renderEntries([{ ...entry, listeners }], { ...options, withRepositories: true })
  assert.equal(
    text,
    `/repo
NAME               BRANCH              PORTS      DATABASE            AGE  STATE
refactor-payments  worktree-refactor…  app 20410  …late/dev.db 12 kB  3 m  ready
                                       api 20411
  20410: pid 4711: node server.js
  20411: a stranger, pid 4712 in /somewhere/else: python3 -m http.server 20411`,
  )
})

test('a listener in an unknown folder is neither ours nor a stranger', () => {
  const found = new Map([[20410, { port: 20410 }]])
  const [listener] = listenersOf({ ports: entry.ports, worktree: entry.path, resources: [] }, found)
  assert.equal(listener?.isStranger, undefined)
})

test('the state is the verdict in one word', () => {
  assert.equal(stateOf({ state: 'ready' }, 'use'), 'ready')
  assert.equal(stateOf({ state: 'creating' }, 'wait'), 'creating')
  assert.equal(stateOf({ state: 'discarding' }, 'wait'), 'removing')
  assert.equal(stateOf({ state: 'creating' }, 'release'), 'dead')
  assert.equal(stateOf({ state: 'ready' }, 'out of reach'), 'unreachable')
})

test('what comes after -- belongs to the other program, its options too', () => {
  const syntax = { texts: ['name'], takesCommandLine: true }
  const args = parseArguments('exec', ['--name', 'x', '--', 'npm', 'run', '--', '--help'], syntax)
  assert.deepEqual(args.commandLine, ['npm', 'run', '--', '--help'])
  assert.equal(args.texts.get('name'), 'x')
  assert.equal(args.flags.size, 0)
})

test('a wrong command line says what is wrong with it', () => {
  const syntax = { operands: ['NAME'], flags: ['discard'], texts: ['from'] }
  const table: [string[], RegExp][] = [
    [[], /needs NAME/],
    [['a', 'b'], /does not take "b"/],
    [['a', '--disard'], /has no option --disard/],
    [['a', '-x'], /has no option -x/],
    [['a', '--discard=yes'], /--discard takes no value/],
    [['a', '--from'], /--from needs a value/],
    [['a', '--from', '--discard'], /--from needs a value/],
  ]
  for (const [words, message] of table) assert.throws(() => parseArguments('remove', words, syntax), { message })
  assert.throws(() => parseArguments('exec', ['npm', 'test'], { takesCommandLine: true }), {
    hint: 'agent-isolate exec -- npm test',
  })
})
