import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  planProject,
  type DependencyDecision,
  type DependencyStrategy,
  type ProjectEvidence,
} from '../../lib/dependencies/dependency-plan.ts'
import { treatmentOf, type Treatment } from '../../lib/dependencies/clone-folder.ts'
import { relocateTarget, relocateText, repairShebang } from '../../lib/dependencies/relocate.ts'
import { createCheckout } from '../support/dependencies.ts'

const plain: ProjectEvidence = {
  kind: 'node_modules',
  project: '',
  available: ['node_modules'],
  isInMain: true,
  isInWorktree: false,
  manager: 'npm',
  lockfile: 'package-lock.json',
  isLockfileEqual: true,
  hasWorkspaces: false,
  usesTurbopack: false,
  packages: 800,
}
const absent = { isInMain: false, available: [] }
const python: Partial<ProjectEvidence> = {
  kind: '.venv',
  available: ['.venv'],
  manager: 'pip',
  lockfile: 'requirements.txt',
}

type Expected = [DependencyDecision['action'], 'warns' | 'informs', RegExp] | undefined
type Row = [title: string, Partial<ProjectEvidence>, DependencyStrategy, 'trusted' | 'untrusted', Expected]
const rows: Row[] = [
  ['npm, the same lockfile', {}, 'auto', 'untrusted', ['links', 'informs', /package-lock.json is the same/]],
  ['few packages', { packages: 20 }, 'auto', 'untrusted', ['clone', 'informs', /small enough/]],
  ['workspaces', { hasWorkspaces: true }, 'auto', 'trusted', ['clone', 'informs', /workspace packages/]],
  ['Turbopack', { usesTurbopack: true }, 'auto', 'trusted', ['clone', 'informs', /Turbopack/]],
  ['yarn 1', { manager: 'yarn-classic' }, 'auto', 'trusted', ['clone', 'informs', /cannot install over links/]],
  ['pnpm', { manager: 'pnpm' }, 'auto', 'trusted', ['install', 'informs', /shared store/]],
  ['pnpm, untrusted', { manager: 'pnpm' }, 'auto', 'untrusted', ['clone', 'informs', /agent-isolate trust/]],
  ['another lockfile', { isLockfileEqual: false }, 'auto', 'trusted', ['install', 'informs', /differs/]],
  ['another lockfile, untrusted', { isLockfileEqual: false }, 'auto', 'untrusted', ['clone', 'warns', /run `npm ci /]],
  ['nothing in main', absent, 'auto', 'trusted', ['none', 'informs', /run `npm ci /]],
  ['nothing in main, pnpm', { ...absent, manager: 'pnpm' }, 'auto', 'trusted', ['install', 'informs', /has none/]],
  ['nothing in main, configured', absent, 'install', 'trusted', ['install', 'informs', /has none/]],
  ['nothing in main, untrusted', absent, 'install', 'untrusted', ['none', 'informs', /agent-isolate trust/]],
  ['nothing in main, no lockfile', { ...absent, lockfile: undefined }, 'auto', 'trusted', undefined],
  ['nothing in main, a subfolder', { ...absent, project: 'docs' }, 'auto', 'trusted', undefined],
  ['there already', { isInWorktree: true, available: [] }, 'auto', 'trusted', ['none', 'informs', /there already/]],
  ['symlink', {}, 'symlink', 'trusted', ['symlink', 'informs', /as configured/]],
  [
    'symlink, another lockfile',
    { isLockfileEqual: false },
    'symlink',
    'trusted',
    ['symlink', 'warns', /changes the main/],
  ],
  ['clone', {}, 'clone', 'untrusted', ['clone', 'informs', /as configured/]],
  ['install', {}, 'install', 'trusted', ['install', 'informs', /as configured/]],
  ['install, untrusted', {}, 'install', 'untrusted', ['clone', 'informs', /agent-isolate trust/]],
  ['none', {}, 'none', 'trusted', undefined],
  ['venv', python, 'auto', 'trusted', ['clone', 'informs', /changed by pip/]],
  [
    'an environment that is called venv, another list of packages',
    { ...python, available: ['venv'], isLockfileEqual: false },
    'auto',
    'trusted',
    ['clone', 'warns', /[ `(]venv\/bin\/python -m pip/],
  ],
  ['venv, uv', { ...python, manager: 'uv' }, 'auto', 'trusted', ['install', 'informs', /shared store/]],
  [
    'venv, poetry, another lockfile',
    { ...python, manager: 'poetry', isLockfileEqual: false },
    'auto',
    'trusted',
    ['clone', 'warns', /run `poetry install/],
  ],
]

for (const [title, evidence, strategy, trust, expected] of rows) {
  test(`${title} (${strategy}, ${trust}): ${expected?.[0] ?? 'nothing to say'}`, () => {
    const decision = planProject({ ...plain, ...evidence }, strategy, trust === 'trusted')
    assert.equal(decision?.action, expected?.[0])
    if (decision === undefined || expected === undefined) return
    assert.equal(decision.isWarning ? 'warns' : 'informs', expected[1])
    assert.match(decision.reason, expected[2])
  })
}

test('an installer is expected to make its own folder, and nothing is made where nothing is done', () => {
  const install = planProject({ ...plain, ...absent, manager: 'pnpm' }, 'auto', true)
  const none = planProject({ ...plain, isInWorktree: true }, 'auto', true)
  assert.deepEqual([install?.folders, none?.folders], [['node_modules'], []])
})

test('how files are taken over: shared unless somebody writes them in place or they name the main checkout', () => {
  const table: [Parameters<typeof treatmentOf>, Treatment][] = [
    [['node_modules', 'react', 'index.js'], 'share'],
    [['node_modules', 'sharp/build/Release', 'sharp.node'], 'copy'],
    [['node_modules', '', '.package-lock.json'], 'relocate'],
    [['node_modules', '.bin', 'tsc'], 'relocate'],
    [['node_modules', 'a/node_modules/.bin', 'x'], 'relocate'],
    [['node_modules', '.prisma/client', 'index.js'], 'copy'],
    [['node_modules', '.pnpm/@prisma+client@5/node_modules/.prisma/client', 'index.js'], 'copy'],
    [['node_modules', '.pnpm/a@1/node_modules/a', 'index.js'], 'share'],
    [['node_modules', '@generated/types', 'index.js'], 'copy'],
    [['.venv', '', 'pyvenv.cfg'], 'relocate'],
    [['.venv', 'bin', 'pytest'], 'relocate'],
    [['.venv', 'lib/python3.11/site-packages', 'sample.pth'], 'relocate'],
    [['.venv', 'lib/python3.11/site-packages', '__editable___sample_finder.py'], 'relocate'],
    [['.venv', 'lib/python3.11/site-packages/sample-1.dist-info', 'direct_url.json'], 'relocate'],
    [['.venv', 'lib/python3.11/site-packages/numpy', 'core.py'], 'share'],
  ]
  for (const [args, expected] of table) assert.equal(treatmentOf(...args), expected, args.join(' '))
})

test('paths into the main checkout lead into the worktree, and no other path changes', () => {
  const move = { source: '/home/me/my app', worktree: '/w/one' }
  assert.equal(relocateText('/home/me/my app/src', move), '/w/one/src')
  assert.equal(relocateText('x = "/home/me/my app"', move), 'x = "/w/one"')
  assert.equal(relocateText('file:///home/me/my%20app', move), 'file:///w/one')
  assert.equal(relocateText('/home/me/my app2/src', move), '/home/me/my app2/src')
  assert.equal(relocateText('home = /home/me/my app/python', move, '.venv'), 'home = /home/me/my app/python')
  assert.equal(relocateTarget('/home/me/my app/node_modules/a', '../packages/a', move), '../packages/a')
  assert.equal(relocateTarget('/home/me/my app/node_modules/a', '/home/me/my app/a', move), '/w/one/a')
  assert.equal(relocateTarget('/home/me/my app/node_modules/a', '../../elsewhere', move), '/home/me/elsewhere')
})

test('a first line that has become too long for the system is written the way pip does it', () => {
  const long = `/${'x'.repeat(130)}/bin/python`
  assert.equal(repairShebang('#!/usr/bin/python3\nprint()\n'), '#!/usr/bin/python3\nprint()\n')
  assert.equal(repairShebang(`#!${long}\nprint()\n`), `#!/bin/sh\n'''exec' "${long}" "$0" "$@"\n' '''\nprint()\n`)
})

test('the evidence is read from the files: projects, their managers, workspaces and lockfiles', async (t) => {
  const { decide, write, worktree, main } = createCheckout(t, {
    'package.json': '{"workspaces":["packages/*"]}',
    'package-lock.json': '{}',
    'packages/a/package.json': '{}',
    'docs/package.json': '{"dependencies":{"next":"^16.1.0"}}',
    'docs/yarn.lock': '# yarn lockfile v1\n',
    'tools/package.json': '{"packageManager":"pnpm@12.0.0"}',
    'tools/package-lock.json': '{}',
    'tools/pnpm-lock.yaml': 'lockfileVersion: 9\n',
    'api/pyproject.toml': '',
    'api/uv.lock': '',
  })
  for (const path of [
    'node_modules',
    'packages/a/node_modules',
    'docs/node_modules',
    'tools/node_modules',
    'api/.venv',
  ]) {
    write(`${path}/file`, '')
  }
  write('tools/pnpm-lock.yaml', 'lockfileVersion: 8\n')
  const decisions = await decide()
  const shown = decisions.map(({ project, action, folders, command }) => [project, action, folders, command[0]])
  assert.deepEqual(shown, [
    ['', 'clone', ['node_modules', 'packages/a/node_modules'], 'npm'],
    ['docs', 'clone', ['docs/node_modules'], 'yarn'],
    ['tools', 'clone', ['tools/node_modules'], 'pnpm'],
    ['api', 'clone', ['api/.venv'], 'uv'],
  ])
  assert.match(decisions[1]?.reason ?? '', /Turbopack/)
  assert.ok(decisions[2]?.isWarning, `${main} and ${worktree} have different lockfiles`)
})

test('a folder, a device, a loop and a giant where a file is expected are passed over', async (t) => {
  const { decide, write, worktree, main } = createCheckout(t, { 'package.json': '{}', 'package-lock.json': '{}' })
  for (const folder of ['folder', 'device', 'loop', 'giant', 'pipe']) {
    mkdirSync(join(worktree, folder))
    write(`${folder}/node_modules/file`, '')
  }
  mkdirSync(join(worktree, 'real'))
  for (const name of ['package.json', 'yarn.lock']) {
    symlinkSync('../real', join(worktree, 'folder', name))
    symlinkSync('/dev/zero', join(worktree, 'device', name))
    symlinkSync(name, join(worktree, 'loop', name))
    writeFileSync(join(worktree, 'giant', name), '')
    truncateSync(join(worktree, 'giant', name), 5e12)
    execFileSync('mkfifo', [join(worktree, 'pipe', name)])
  }
  symlinkSync('/dev/zero', join(main, 'device/yarn.lock'))
  symlinkSync('node_modules', join(worktree, 'loop/node_modules'))
  const decisions = await decide()
  assert.deepEqual(
    decisions.map(({ project, action, isWarning }) => [project, action, isWarning]),
    [
      ['', 'none', false],
      ['device', 'clone', true],
      ['folder', 'clone', true],
      ['giant', 'clone', true],
      ['loop', 'none', false],
      ['pipe', 'clone', true],
    ],
  )
})
