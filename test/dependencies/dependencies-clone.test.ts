import assert from 'node:assert/strict'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  createCheckout,
  createInstalled,
  fingerprint,
  layPackages,
  requireProgram,
  requireRuntime,
  useEnvironment,
} from '../support/dependencies.ts'

const npm = ['npm', 'install', '--offline', '--no-audit', '--no-fund']

test("workspace packages in a worktree are the worktree's own", async (t) => {
  const checkout = createCheckout(t, {
    'package.json': '{"workspaces":["packages/*"]}',
    'package-lock.json': '{}',
    'packages/a/package.json': '{"name":"@acme/a","main":"index.js"}',
    'packages/a/index.js': "module.exports = 'committed'\n",
  })
  const { main, worktree, write, run, sandbox } = checkout
  write('node_modules/@acme/.keep', '')
  symlinkSync('../../packages/a', join(main, 'node_modules', '@acme', 'a'))
  write('packages/a/node_modules/inner/index.js', "module.exports = 'inner'\n")
  write('packages/a/index.js', "module.exports = 'changed in main'\n")
  await checkout.apply(await checkout.decide())
  assert.equal(run(worktree, process.execPath, '-p', "require('@acme/a')").trim(), 'committed')
  assert.equal(run(join(worktree, 'packages/a'), process.execPath, '-p', "require('inner')").trim(), 'inner')
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
})

test('a clone shares file contents, and gives native modules and start scripts a body of their own', async (t) => {
  const checkout = createCheckout(t, { 'package.json': '{}' })
  const { main, worktree, write } = checkout
  layPackages(checkout, 3)
  write('node_modules/p1/addon.node', 'native')
  write('node_modules/.bin/tool', `#!/bin/sh\nexport NODE_PATH="${main}/node_modules/x"\n`)
  chmodSync(join(main, 'node_modules/.bin/tool'), 0o755)
  await checkout.apply(await checkout.decide({ strategy: 'clone' }))
  const isSameFile = (path: string): boolean => statSync(join(main, path)).ino === statSync(join(worktree, path)).ino
  assert.equal(isSameFile('node_modules/p1/addon.node'), false)
  assert.equal(readFileSync(join(worktree, 'node_modules/p1/f0.js'), 'utf8'), 'module.exports = 1\n')
  const tool = join(worktree, 'node_modules/.bin/tool')
  assert.equal(readFileSync(tool, 'utf8'), `#!/bin/sh\nexport NODE_PATH="${worktree}/node_modules/x"\n`)
  assert.equal(statSync(tool).mode & 0o777, 0o755)
  assert.match(readFileSync(join(main, 'node_modules/.bin/tool'), 'utf8'), new RegExp(`"${main}/node_modules`))
})

test("a virtual environment in a worktree runs there and imports the worktree's source", async (t) => {
  if (!requireProgram(t, 'python3')) return
  const checkout = createCheckout(t, { 'pyproject.toml': '', 'src/sample.py': 'place = __file__\n' })
  const { main, worktree, write, run, sandbox } = checkout
  sandbox.env['PYTHONDONTWRITEBYTECODE'] = '1'
  run(main, 'python3', '-m', 'venv', '--without-pip', '.venv')
  const [python = ''] = readdirSync(join(main, '.venv/lib'))
  // What `pip install --editable .` writes.
  write(`.venv/lib/${python}/site-packages/__editable__.sample-1.0.pth`, `${main}/src\n`)
  write(`.venv/lib/${python}/site-packages/sample-1.0.dist-info/direct_url.json`, `{"url":"file://${main}"}`)
  write('.venv/bin/sample', `#!${main}/.venv/bin/python\nimport sample, sys\nprint(sample.place, sys.prefix)\n`)
  chmodSync(join(main, '.venv/bin/sample'), 0o755)
  const before = fingerprint(join(main, '.venv'))
  await checkout.apply(await checkout.decide())
  const said = run(worktree, join(worktree, '.venv/bin/sample')).trim()
  assert.equal(said, `${worktree}/src/sample.py ${worktree}/.venv`)
  assert.match(
    run(worktree, 'sh', '-c', '. .venv/bin/activate && echo $VIRTUAL_ENV'),
    new RegExp(`^${worktree}/.venv\n$`),
  )
  assert.deepEqual(fingerprint(join(main, '.venv')), before)
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
})

test('a lockfile of its own is installed in a trusted repository, and cloned with a warning in another', async (t) => {
  const checkout = createInstalled(t, npm)
  const { main, worktree, run, lines } = checkout
  run(worktree, 'npm', 'install', '--package-lock-only', '--offline', '--no-audit', './tarballs/aa-2.0.0.tgz')
  const before = fingerprint(join(main, 'node_modules'))
  await checkout.apply(await checkout.decide({ isTrusted: false }))
  assert.match(lines.join('\n'), /^warn: node_modules: cloned: package-lock.json differs .* run `npm ci /)
  assert.equal(run(worktree, process.execPath, '-p', "require('aa')").trim(), '1.0.0')
  run(worktree, 'rm', '-rf', 'node_modules/')
  await checkout.apply(await checkout.decide({ isTrusted: true }))
  assert.match(lines.at(-1) ?? '', /^info: node_modules: installed with `npm ci /)
  assert.equal(run(worktree, process.execPath, '-p', "require('aa')").trim(), '2.0.0')
  assert.deepEqual(fingerprint(join(main, 'node_modules')), before)
})

test('an install that fails, or whose program is missing, falls back to a clone and says so', async (t) => {
  const checkout = createCheckout(t, { 'package.json': '{}', 'bun.lock': '{}' })
  layPackages(checkout, 3)
  useEnvironment(t, { PATH: checkout.sandbox.folder })
  await checkout.apply(await checkout.decide({ strategy: 'install', isTrusted: true }))
  assert.match(
    checkout.lines[1] ?? '',
    /^warn: .*`bun install --frozen-lockfile` failed: there is no such program on PATH/,
  )
  assert.match(checkout.lines[2] ?? '', /^warn: node_modules: cloned from the main checkout instead/)
  assert.equal(lstatSync(join(checkout.worktree, 'node_modules/p1')).isDirectory(), true)
})

test('what is there already stays as it is', async (t) => {
  const checkout = createCheckout(t, { 'package.json': '{}' })
  layPackages(checkout, 3)
  await checkout.apply(await checkout.decide({ strategy: 'clone' }))
  const before = fingerprint(join(checkout.worktree, 'node_modules'))
  await checkout.apply(await checkout.decide())
  assert.match(checkout.lines.at(-1) ?? '', /left alone: it is there already/)
  assert.deepEqual(fingerprint(join(checkout.worktree, 'node_modules')), before)
})

test('pnpm installs in a trusted repository, and works in a clone as well', async (t) => {
  if (requireRuntime(t, 'AGENT_ISOLATE_TEST_PNPM') === undefined) return
  const checkout = createInstalled(t, ['pnpm', 'install', '--offline'])
  const { main, worktree, run } = checkout
  const before = fingerprint(join(main, 'node_modules'))
  await checkout.apply(await checkout.decide({ isTrusted: false }))
  assert.equal(run(worktree, process.execPath, '-p', "require('aa')").trim(), '1.0.0')
  useEnvironment(t, { CI: process.env['CI'] ?? 'true' })
  run(worktree, 'pnpm', 'install', '--offline', '--frozen-lockfile')
  assert.deepEqual(fingerprint(join(main, 'node_modules')), before)
  run(worktree, 'rm', '-rf', 'node_modules/')
  await checkout.apply(await checkout.decide({ isTrusted: true }))
  assert.match(checkout.lines.at(-1) ?? '', /^info: node_modules: installed with `pnpm install/)
  assert.deepEqual(fingerprint(join(main, 'node_modules')), before)
})

test('a folder that somebody has made in the meantime is left alone, and is not called a clone', async (t) => {
  const checkout = createCheckout(t, { 'package.json': '{}' })
  const { worktree, lines } = checkout
  layPackages(checkout, 1)
  const decisions = await checkout.decide()
  mkdirSync(join(worktree, 'node_modules'))
  writeFileSync(join(worktree, 'node_modules', 'dev.db'), '')
  await checkout.apply(decisions)
  assert.deepEqual(readdirSync(join(worktree, 'node_modules')), ['dev.db'])
  assert.match(lines.join('\n'), /^warn: node_modules could not be taken over: .*run `npm/)
})
