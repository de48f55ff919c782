/** The ways in which the hooks come to a repository, and from one to another. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { isThorough } from '../support/rounds.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const root = join(import.meta.dirname, '../..')

for (const scope of ['project', 'local', 'user']) {
  test(`scope ${scope}: the copy is four files, 350 kB at most in a repository, readable, and names its version and source`, (t) => {
    const sandbox = createSandbox(t)
    const repository = sandbox.repository('repo')
    sandbox.cli(repository, 'init', '--yes', '--scope', scope)
    const copy = join(scope === 'user' ? join(sandbox.folder, 'home') : repository, '.claude/agent-isolate')
    const own = scope === 'project' ? '.gitattributes' : '.gitignore'
    assert.deepEqual(readdirSync(copy).toSorted(), [own, 'agent-isolate', 'manifest', 'run'])
    const bytes = readdirSync(copy).reduce((sum, name) => sum + statSync(join(copy, name)).size, 0)
    // One in a home is for every repository, those with a database server too.
    assert.ok(bytes <= (scope === 'user' ? 450_000 : 350_000), `${bytes} bytes`)
    const program = readFileSync(join(copy, 'agent-isolate'), 'utf8')
    assert.match(program, /^\/\/ agent-isolate \d+\.\d+\.\d+: /m)
    assert.match(program, /^\/\/ Generated from https:\/\/github\.com\/agent-isolate\/agent-isolate /m)
    const body = program.slice(program.indexOf("'use strict'"))
    const named = /^\/\/ SHA-256 .*: ([0-9a-f]{64})$/m.exec(program)?.[1]
    assert.equal(createHash('sha256').update(body).digest('hex'), named)
    // Nothing but text in quotes makes a line long.
    assert.ok(body.split('\n').filter((line) => line.length > 200).length < 20)
  })
}

test('a repository without a database server gets a program without that part, which says so where it is asked for', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const program = join(repository, '.claude/agent-isolate/agent-isolate')
  sandbox.cli(repository, 'init', '--yes')
  const light = statSync(program).size
  assert.match(startHook(sandbox, repository, { name: 'one' }), /one\n$/)

  const database = { provider: 'postgres-server', url: 'postgres://me:secret@127.0.0.1:1/app' }
  writeFileSync(join(repository, 'agent-isolate.json'), JSON.stringify({ database }))
  sandbox.cli(repository, 'trust')
  assert.throws(
    () => startHook(sandbox, repository, { name: 'two' }),
    /made without the part for database servers\n\s+Add it: npx agent-isolate init/,
  )
  assert.doesNotMatch(sandbox.git(repository, 'worktree', 'list'), /two/)

  sandbox.cli(repository, 'init', '--yes')
  assert.ok(statSync(program).size > light * 1.2)
  assert.throws(() => startHook(sandbox, repository, { name: 'two' }), /127\.0\.0\.1:1/)
})

test('GitHub takes the copy for generated, and git carries it to colleagues, whose hooks run', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { '.gitignore': '*.js\n' })
  sandbox.cli(repository, 'init', '--yes')
  sandbox.git(repository, 'add', '--all')
  sandbox.git(repository, 'commit', '--quiet', '--message=set up')
  const attribute = sandbox.git(repository, 'check-attr', 'linguist-generated', '.claude/agent-isolate/agent-isolate')
  assert.match(attribute, /: set$/)
  const clone = join(sandbox.folder, 'clone')
  sandbox.git(sandbox.folder, 'clone', '--quiet', repository, clone)
  assert.equal(startHook(sandbox, clone, { name: 'one' }), join(clone, '.claude/worktrees/one\n'))
})

test('an older copy that nobody has edited becomes the one file, and uninstall still takes everything out', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const before = listFiles(repository)
  installOlder(sandbox, repository)
  assert.ok(readdirSync(join(repository, '.claude/agent-isolate/lib')).length > 9)
  const { outcome, kept, delivery } = JSON.parse(sandbox.cli(repository, 'init', '--yes', '--json'))
  assert.deepEqual([outcome, kept, delivery], ['written', [], 'program'])
  const copy = join(repository, '.claude/agent-isolate')
  assert.deepEqual(readdirSync(copy).toSorted(), ['.gitattributes', 'agent-isolate', 'manifest', 'run'])
  assert.match(startHook(sandbox, repository, { name: 'one' }), /one\n$/)
  sandbox.cli(repository, 'remove', 'one')
  sandbox.cli(repository, 'uninstall', '--yes')
  assert.deepEqual(listFiles(repository), before)
})

test('an older copy with an edited source stays a copy of sources, and the edit is kept and named', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  installOlder(sandbox, repository)
  const edited = join(repository, '.claude/agent-isolate/lib/ledger/ports.ts')
  appendFileSync(edited, '// mine\n')
  const { kept, delivery } = JSON.parse(sandbox.cli(repository, 'init', '--yes', '--json'))
  assert.deepEqual([kept, delivery], [[edited], 'source'])
  assert.match(readFileSync(edited, 'utf8'), /\/\/ mine\n$/)
  assert.ok(!existsSync(join(repository, '.claude/agent-isolate/dist')))
  const all = JSON.parse(
    sandbox.cli(repository, 'init', '--yes', '--delivery', 'program', '--overwrite-edited', '--json'),
  )
  assert.deepEqual([all.kept, existsSync(edited)], [[], false])
})

test('the sources of an older copy that run, since dist/ is deleted, go on running', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  installOlder(sandbox, repository, { hasCompiled: false })
  sandbox.cli(repository, 'init', '--yes')
  assert.ok(!existsSync(join(repository, '.claude/agent-isolate/agent-isolate')))
  assert.equal(JSON.parse(sandbox.cli(repository, 'init', '--yes', '--json')).outcome, 'unchanged')
})

test('as a dependency: hooks run from node_modules, and init says what is missing until they can', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', {
    'package.json': '{ "name": "sample" }\n',
    '.gitignore': 'node_modules\n',
  })
  const before = listFiles(repository)
  const init = (...args: string[]) => JSON.parse(sandbox.cli(repository, 'init', '--yes', '--json', ...args))
  assert.match(init('--delivery', 'dependency').notes.join('\n'), /npm install --save-dev agent-isolate/)
  assert.deepEqual(readdirSync(join(repository, '.claude/agent-isolate')), ['manifest'])
  sandbox.write('repo/package.json', '{ "name": "sample", "devDependencies": { "agent-isolate": "*" } }\n')
  assert.match(init().notes.join('\n'), /not installed here yet/)
  cpSync(join(root, 'dist/program'), join(repository, 'node_modules/agent-isolate/dist/program'), { recursive: true })
  const installed = init()
  assert.deepEqual([installed.outcome, installed.delivery], ['unchanged', 'dependency'])
  assert.doesNotMatch(installed.notes.join('\n'), /agent-isolate is named|does not name/)
  assert.match(startHook(sandbox, repository, { name: 'one' }), /one\n$/)
  const { findings } = JSON.parse(sandbox.cli(repository, 'doctor', '--json'))
  assert.deepEqual(
    findings.filter(({ check }: { check: string }) => check === 'hooks').map(({ id }: { id: string }) => id),
    ['hooks.ok'],
  )
  sandbox.cli(repository, 'remove', 'one')
  sandbox.cli(repository, 'uninstall', '--yes')
  sandbox.write('repo/package.json', '{ "name": "sample" }\n')
  assert.deepEqual(listFiles(repository), before)
})

test('as a dependency for all repositories: an error that says what to do', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  assert.throws(
    () => sandbox.cli(repository, 'init', '--yes', '--scope', 'user', '--delivery', 'dependency'),
    /a dependency is of one repository/,
  )
})

for (const scope of ['project', 'local', 'user']) {
  test(`scope ${scope}: from one delivery to the next and out, and every byte is as it was`, (t) => {
    const sandbox = createSandbox(t)
    const settings = '{\n  "enabledPlugins": {},\n  "model": "opus"\n}\n'
    const repository = sandbox.repository('repo', { '.claude/settings.json': settings, '.gitignore': 'x' })
    sandbox.write('home/.claude/settings.json', settings)
    const before = [...listFiles(repository), ...listFiles(join(sandbox.folder, 'home'))]
    // What goes from one to another is the same for each scope.
    const deliveries =
      scope === 'project' || isThorough
        ? ['program', 'plugin', 'source', 'plugin', 'dependency', 'program']
        : ['program', 'source', 'plugin']
    for (const delivery of deliveries.filter((each) => scope !== 'user' || each !== 'dependency')) {
      sandbox.cli(repository, 'init', '--yes', '--scope', scope, '--delivery', delivery)
      const again = JSON.parse(sandbox.cli(repository, 'init', '--yes', '--json'))
      assert.deepEqual([again.outcome, again.delivery, again.scope], ['unchanged', delivery, scope])
    }
    sandbox.cli(repository, 'uninstall', '--yes')
    assert.deepEqual([...listFiles(repository), ...listFiles(join(sandbox.folder, 'home'))], before)
  })
}

test('as a plugin: settings ask for it, no hook is registered, and nothing but a record is copied', (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const { notes } = JSON.parse(sandbox.cli(repository, 'init', '--yes', '--delivery', 'plugin', '--json'))
  const { hooks, enabledPlugins, extraKnownMarketplaces } = JSON.parse(
    readFileSync(join(repository, '.claude/settings.json'), 'utf8'),
  )
  assert.deepEqual(
    [hooks, enabledPlugins, Object.keys(extraKnownMarketplaces)],
    [undefined, { 'agent-isolate@agent-isolate': true }, ['agent-isolate']],
  )
  assert.deepEqual(readdirSync(join(repository, '.claude/agent-isolate')), ['manifest'])
  assert.match(notes.join('\n'), /claude plugin install agent-isolate@agent-isolate/)
})

/** As versions before the one file left it: sources, compiled files, and checksums of the very texts. */
function installOlder(sandbox: Sandbox, repository: string, { hasCompiled = true } = {}): void {
  sandbox.cli(repository, 'init', '--yes', '--delivery', 'source')
  const copy = join(repository, '.claude/agent-isolate')
  const manifest = JSON.parse(readFileSync(join(copy, 'manifest'), 'utf8'))
  const compiled = 'dist/hooks/worktree-create.js'
  mkdirSync(dirname(join(copy, compiled)), { recursive: true })
  writeFileSync(join(copy, compiled), 'compiled\n')
  const paths = [
    ...Object.keys(manifest.files).filter((path) => !['agent-isolate', '.gitattributes'].includes(path)),
    compiled,
  ]
  const files = paths.map((path) => [
    path,
    createHash('sha256')
      .update(readFileSync(join(copy, path)))
      .digest('hex'),
  ])
  delete manifest.delivery
  writeFileSync(join(copy, 'manifest.json'), JSON.stringify({ ...manifest, files: Object.fromEntries(files) }))
  for (const path of ['manifest', 'agent-isolate', '.gitattributes', ...(hasCompiled ? [] : ['dist'])]) {
    rmSync(join(copy, path), { recursive: true })
  }
}

/** Runs what the settings register for WorktreeCreate, as Claude Code does. Returns its stdout. */
function startHook(sandbox: Sandbox, repository: string, payload: Record<string, string>): string {
  const { hooks } = JSON.parse(readFileSync(join(repository, '.claude/settings.json'), 'utf8'))
  const { command } = hooks.WorktreeCreate[0].hooks[0]
  const options = {
    cwd: repository,
    env: { ...sandbox.env, CLAUDE_PROJECT_DIR: repository },
    encoding: 'utf8',
  } as const
  const input = JSON.stringify({ cwd: repository, ...payload })
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { ...options, input })
  assert.equal(status, 0, stderr)
  return stdout
}

/** All files but git's, each with its content. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/^\.git(\/|$)/.test(path) && !path.startsWith('node_modules'))
    .toSorted()
    .map((path) =>
      statSync(join(folder, path)).isFile() ? `${path}: ${readFileSync(join(folder, path), 'utf8')}` : path,
    )
}
