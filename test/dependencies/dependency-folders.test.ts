/** Dependency folders beside node_modules and .venv: taken over, shared or left, each as its tool can bear it. */
import assert from 'node:assert/strict'
import { appendFileSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig, type Config } from '../../lib/project/config.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { runCli } from '../support/cli.ts'
import { removeThroughHook, runHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'

test('a worktree has the dependencies of PHP, Ruby, Rust, Elixir, Terraform, iOS and Yarn, and main keeps its own', async (t) => {
  const sandbox = createSandbox(t)
  const ignored = [
    '/php/vendor/',
    'vendor/bundle',
    '.bundle',
    'target/',
    'deps',
    '_build',
    '.terraform/',
    'Pods/',
    '.pnp.*',
  ]
  const root = sandbox.repository('shop', {
    '.gitignore': [...ignored, '.yarn/', 'models/', 'weights/', 'never/', '.env.local', ''].join('\n'),
    'agent-isolate.json': JSON.stringify({
      database: { provider: 'none' },
      dependencies: { models: 'copy', weights: 'symlink', never: 'none', 'rust/target': 'clone', gone: 'auto' },
    }),
    'php/composer.json': '{}',
    'php/composer.lock': '{}',
    Gemfile: '',
    'Gemfile.lock': 'first\n',
    'Cargo.toml': '',
    'rust/Cargo.toml': '',
    'elixir/mix.exs': '',
    'elixir/mix.lock': '',
    'infra/.terraform.lock.hcl': '',
    'ios/Podfile': '',
    'web/yarn.lock': '',
    'web/package.json': '{}',
  })
  const put = (path: string, text = `${path}\n`): void => void sandbox.write(join('shop', path), text)
  const shared = [
    'php/vendor/acme/log/Log.php',
    'vendor/bundle/ruby/3.3.0/gems/rack-3/lib/rack.rb',
    'infra/.terraform/providers/registry/x/provider',
    'web/.yarn/cache/aa.zip',
  ]
  const own = [
    'php/vendor/autoload.php',
    'php/vendor/composer/autoload_psr4.php',
    'vendor/bundle/ruby/3.3.0/specifications/rack.gemspec',
    'infra/.terraform/terraform.tfstate',
    'elixir/deps/plug/mix.exs',
    'elixir/_build/dev/lib/plug/ebin/plug.app',
    'ios/Pods/Manifest.lock',
    'models/a/b.bin',
    'rust/target/debug/app',
  ]
  for (const path of [...shared, ...own, 'target/debug/app', 'weights/w.bin', 'never/n.txt']) put(path)
  put('.bundle/config', `BUNDLE_PATH: "${root}/vendor/bundle"\n`)
  put(
    'web/.pnp.cjs',
    '"packageLocation": "../../.yarn/berry/cache/bb.zip/node_modules/bb/",\n"packageLocation": "./"\n',
  )
  // A dependency that was fetched with git, as mix has them, is no work of an agent's.
  sandbox.git(join(root, 'elixir/deps/plug'), 'init', '--quiet')
  sandbox.git(root, 'checkout', '--quiet', '-b', 'newer')
  put('Gemfile.lock', 'second\n')
  sandbox.git(root, 'commit', '--quiet', '--all', '--message=newer')
  put('Gemfile.lock', 'third\n')

  const { stdout, stderr, code } = await runHook(sandbox, 'worktree-create', { cwd: root, name: 'one' })
  assert.equal(code, 0, stderr)
  const worktree = stdout.trim()
  const inodes = (path: string): number[] => [root, worktree].map((top) => statSync(join(top, path)).ino)
  for (const path of own) {
    const [main, here] = inodes(path)
    assert.notEqual(here, main, path)
  }
  for (const path of shared) assert.equal(readFileSync(join(worktree, path), 'utf8'), `${path}\n`)
  assert.ok(lstatSync(join(worktree, 'weights')).isSymbolicLink())
  for (const path of ['target', 'never', 'gone']) assert.ok(!existsSync(join(worktree, path)), path)
  assert.match(stderr, /^agent-isolate: target: left alone: builds write into it/m)
  assert.match(stderr, /warning: gone: left alone: the main checkout has none/)
  assert.match(stderr, /warning: vendor\/bundle: cloned: .*Gemfile\.lock differs: .*run `bundle install`/)
  assert.doesNotMatch(stderr, /Podfile\.lock differs/, 'neither checkout has one')
  assert.equal(readFileSync(join(worktree, '.bundle/config'), 'utf8'), `BUNDLE_PATH: "${worktree}/vendor/bundle"\n`)
  const [outside = '', inside = ''] = readFileSync(join(worktree, 'web/.pnp.cjs'), 'utf8').split('\n')
  const location = /: "([^"]*)"/.exec(outside)?.[1] ?? ''
  assert.equal(join(worktree, 'web', location), join(sandbox.folder, '.yarn/berry/cache/bb.zip/node_modules/bb/'))
  assert.equal(inside, '"packageLocation": "./"')

  // Composer and bundler write some files in place.
  for (const path of own) appendFileSync(join(worktree, path), 'changed\n')
  for (const path of own) assert.equal(readFileSync(join(root, path), 'utf8'), `${path}\n`)
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  const { code: removed, stderr: said } = await removeThroughHook(sandbox, worktree)
  assert.equal(removed, 0, said)
  assert.ok(!existsSync(worktree), said)
  assert.equal(readFileSync(join(root, 'weights/w.bin'), 'utf8'), 'weights/w.bin\n')
})

test('a shared file keeps one body where there are no reflinks, and "copy" shares none', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', {
    '.gitignore': 'bower_components/\n.env.local\n',
    'agent-isolate.json': '{"database": {"provider": "none"}}',
    'bower.json': '{}',
  })
  mkdirSync(join(root, 'bower_components/jquery'), { recursive: true })
  const file = 'bower_components/jquery/jquery.js'
  writeFileSync(join(root, file), 'x\n')
  const isShared = async (name: string): Promise<boolean> => {
    assert.equal((await runCli(sandbox, root, ['create', name])).code, 0)
    const [main, here] = [root, join(root, '.claude/worktrees', name)].map((top) => statSync(join(top, file)))
    return main?.ino === here?.ino
  }
  const byDefault = await isShared('one')
  writeFileSync(join(root, 'agent-isolate.json'), '{"dependencies": {"bower_components": "copy"}}')
  assert.equal(await isShared('two'), false)
  // A file system with reflinks gives each its own.
  if (process.platform === 'linux' && !byDefault) t.diagnostic('reflinks')
})

test('"dependencies" takes any folder of the repository, and none outside', () => {
  assert.deepEqual(parse({}), { node_modules: 'auto', '.venv': 'auto' })
  assert.deepEqual(parse({ 'ios/Pods/': 'copy', './target': 'none', node_modules: 'clone' }), {
    node_modules: 'clone',
    '.venv': 'auto',
    'ios/Pods': 'copy',
    target: 'none',
  })
  for (const wrong of [
    { '../x': 'auto' },
    { '/etc': 'auto' },
    { '.git': 'copy' },
    { '': 'auto' },
    { vendor: 'maybe' },
  ]) {
    assert.throws(() => parse(wrong), IsolateError, JSON.stringify(wrong))
  }
})

function parse(dependencies: unknown): Config['dependencies'] {
  return parseConfig(JSON.stringify({ dependencies }), 'agent-isolate.json').dependencies
}
