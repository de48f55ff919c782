/** Programs that the main checkout's shell has set up, in a worktree. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { describeMissing, renderRetarget, retarget } from '../../lib/environment/retarget.ts'
import { runCli } from '../support/cli.ts'
import { createThroughHook, runHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'

const shells = ['bash', 'zsh', 'sh'].filter(
  (name) =>
    process.env['CI'] !== undefined ||
    (process.env['PATH'] ?? '').split(delimiter).some((at) => existsSync(join(at, name))),
)

test('with the main checkout’s virtualenv active, python and its scripts are the worktree’s own', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('real', {
    '.gitignore': 'venv/\nnode_modules/\n',
    'requirements.txt': '',
    'src/sample.py': 'place = __file__\n',
    'agent-isolate.json': JSON.stringify({ setup: ['command -v python >said; command -v tool >>said'] }),
  })
  const link = join(sandbox.folder, 'link')
  symlinkSync(main, link)
  // Made and used through a symlink, as editors and short cuts do.
  execFileSync('python3', ['-m', 'venv', '--without-pip', join(link, 'venv')])
  const [python = ''] = readdirSync(join(main, 'venv/lib'))
  sandbox.write(`real/venv/lib/${python}/site-packages/__editable__.sample-1.0.pth`, `${link}/src\n`)
  const script = `#!${link}/venv/bin/python\nimport sample, sys\nprint(sample.place, sys.prefix)\n`
  chmodSync(sandbox.write('real/venv/bin/sample', script), 0o755)
  chmodSync(sandbox.write('real/node_modules/.bin/tool', '#!/bin/sh\n'), 0o755)
  sandbox.cli(main, 'trust')
  const active = {
    VIRTUAL_ENV: join(link, 'venv'),
    PATH: [join(link, 'venv/bin'), join(main, 'node_modules/.bin'), sandbox.env['PATH']].join(':'),
    PYTHONDONTWRITEBYTECODE: '1',
  }
  sandbox.write('real/package.json', '{}')
  sandbox.git(main, 'add', 'package.json')
  sandbox.git(main, 'commit', '--quiet', '--message=package')
  const worktree = await createThroughHook(sandbox, main, 'one', { env: active })
  const own = join(worktree, 'venv')
  const said = readFileSync(join(worktree, 'said'), 'utf8')
  assert.equal(said, `${own}/bin/python\n${worktree}/node_modules/.bin/tool\n`)

  const envFile = join(sandbox.folder, 'session.sh')
  const payload = { cwd: worktree, hook_event_name: 'SessionStart', source: 'startup' }
  await runHook(sandbox, 'session-start', payload, { env: { CLAUDE_ENV_FILE: envFile } })
  const say = 'python -c "import sys; print(sys.prefix)" && sample && echo "$VIRTUAL_ENV"'
  const expected = `${own}\n${worktree}/src/sample.py ${own}\n${own}\n`
  for (const shell of shells) {
    const options = { cwd: worktree, env: { ...sandbox.env, ...active, PWD: worktree }, encoding: 'utf8' } as const
    assert.equal(execFileSync(shell, ['-c', `set -eu; . "${envFile}"; ${say}`], options), expected, shell)
  }
  const executed = await runCli(sandbox, worktree, ['exec', '--', 'sh', '-c', say], active)
  assert.deepEqual([executed.stdout, executed.stderr], [expected, ''])
  const evaluated = await runCli(sandbox, worktree, ['env', '--json'], active)
  assert.equal(JSON.parse(evaluated.stdout).VIRTUAL_ENV, own)

  for (const name of ['activate', 'activate.csh', 'activate.fish', 'sample', '../pyvenv.cfg']) {
    const text = readFileSync(join(own, 'bin', name), 'utf8')
    assert.ok(!text.includes(link) && !text.includes(`${main}/venv`), name)
  }
  assert.ok(readFileSync(join(main, 'venv/bin/activate'), 'utf8').includes(join(link, 'venv')), 'main’s is as it was')
  assert.equal(sandbox.git(worktree, 'status', '--porcelain').replace('?? said', ''), '')
})

test('what the worktree does not have is left, and said once; other checkouts and what is no path of main’s stay', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository(`it's main`, { 'bin/a': '' })
  const worktree = join(main, '.claude/worktrees/one')
  const other = join(main, '.claude/worktrees/other')
  for (const path of [worktree, other]) sandbox.git(main, 'worktree', 'add', '--quiet', '--detach', path)
  for (const path of ['.venv/bin', 'node_modules/.bin']) mkdirSync(join(main, path), { recursive: true })
  const stay = [
    join(main, '.venv/bin'),
    join(main, 'node_modules/.bin'),
    join(other, 'bin'),
    'relative',
    '',
    '/usr/bin',
  ]
  const env = {
    PATH: [join(main, 'bin'), ...stay].join(':'),
    GEM_HOME: join(main, 'gems'),
    BUNDLE_GEMFILE: '',
    NODE_PATH: main,
  }
  const checkouts = { root: main, worktree }
  const { changed, missing } = retarget(env, checkouts)
  assert.deepEqual(changed, { PATH: [join(worktree, 'bin'), ...stay].join(':'), NODE_PATH: worktree })
  assert.deepEqual(missing, [join(main, '.venv/bin')])
  assert.match(describeMissing(missing) ?? '', /\.venv\/bin of the main checkout, and the worktree has none/)
  const print =
    'printf "%s\\n" "$PATH" "$GEM_HOME" "$NODE_PATH" "${VIRTUAL_ENV-unset}"; set | PATH=/usr/bin:/bin grep -a ^_agent || :'
  for (const shell of shells) {
    const text = `set -eu\n${renderRetarget(checkouts)}${print}`
    const output = execFileSync(shell, ['-c', text], { env: { ...sandbox.env, ...env }, encoding: 'utf8' })
    assert.equal(output, `${changed['PATH']}\n${env.GEM_HOME}\n${worktree}\nunset\n`, shell)
  }
  const active = { ...env, PATH: `${env.PATH}:${sandbox.env['PATH']}` }
  const { stderr } = await runCli(sandbox, worktree, ['setup'], active)
  assert.equal(stderr.split('of the main checkout, and the worktree has none').length, 2)
})
