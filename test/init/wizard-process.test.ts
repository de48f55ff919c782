/** `init` and `uninstall` as a script runs them: no terminal, options, exit codes, JSON. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'
import { snapshotFolder } from '../support/snapshot-folder.ts'

const sample = { 'package.json': '{"name":"sample","scripts":{"test":"true"}}\n', '.gitignore': 'dist' }

test('without a terminal init says which options it needs, and changes nothing', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  const before = snapshotFolder(sandbox.folder)
  const bare = await runCli(sandbox, root, ['init'])
  assert.deepEqual([bare.code, bare.stdout], [2, ''])
  assert.match(
    bare.stderr,
    /no terminal to ask in\n {2}Give --yes.* Left to ask: --scope, --database, .*--setup, --tool-ignores\.\n$/,
  )
  const some = await runCli(sandbox, root, ['init', '--scope', 'local', '--database', 'none', '--setup', 'make'])
  assert.equal(some.code, 2)
  assert.match(some.stderr, /Left to ask: --ports, --node-modules, --venv, --exclude, --tool-ignores\.\n$/)
  const uninstall = await runCli(sandbox, root, ['uninstall'])
  assert.deepEqual([uninstall.code, uninstall.stdout], [2, ''])
  assert.match(uninstall.stderr, /no terminal to ask in\n {2}Give --yes/)
  assert.deepEqual(snapshotFolder(sandbox.folder), before)
})

test('a wrong value is wrong usage', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  const { code, stderr } = await runCli(sandbox, root, ['init', '--yes', '--scope', 'team'])
  assert.equal(code, 2)
  assert.match(stderr, /--scope must be one of project, local, user\n {2}See: agent-isolate init --help/)
  assert.equal((await runCli(sandbox, root, ['uninstall', '--scope', 'team'])).code, 2)
})

test('init --yes sets up, a second one changes nothing and says so, uninstall takes all of it back', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  const before = snapshotFolder(root)
  const first = sandbox.cli(root, 'init', '--yes')
  assert.match(first, /^created {2}\.claude\/settings\.json$/m)
  assert.match(first, /^changed {2}\.gitignore$/m)
  assert.match(first, /^created {2}\.claude\/agent-isolate\/ \(\d+ files\)$/m)
  assert.match(first, /\nNext: npx agent-isolate doctor, then claude -w NAME$/)
  assert.ok(first.split('\n').every((line) => line.length <= 80 || line.startsWith(' ')))
  const between = snapshotFolder(root)
  const second = sandbox.cli(root, 'init', '--yes')
  assert.match(second, /^nothing to change: all is in place\n/)
  assert.deepEqual(snapshotFolder(root), between)
  const last = sandbox.cli(root, 'uninstall', '--yes')
  assert.match(last, /^deleted {2}\.claude\/settings\.json$/m)
  assert.match(last, /^no longer trusted$/m)
  assert.deepEqual(snapshotFolder(root), before)
  const again = sandbox.cli(root, 'uninstall', '--yes')
  assert.equal(again, 'nothing to take out: init has written nothing here')
})

test('--dry-run prints the changes and makes none', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  const before = snapshotFolder(sandbox.folder)
  const text = sandbox.cli(root, 'init', '--dry-run', '--setup', 'make ready')
  assert.match(text, /^\+.*"WorktreeCreate"/m)
  assert.match(text, /^\+.*"make ready"/m)
  assert.deepEqual(snapshotFolder(sandbox.folder), before)
  sandbox.cli(root, 'init', '--yes')
  const between = snapshotFolder(sandbox.folder)
  assert.match(sandbox.cli(root, 'uninstall', '--dry-run'), /^-.*"WorktreeCreate"/m)
  assert.match(sandbox.cli(root, 'init', '--dry-run'), /^nothing to change: all is in place$/)
  assert.deepEqual(snapshotFolder(sandbox.folder), between)
})

test('options decide, are kept by a later init --yes, and change only what they must', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  const options = ['--database-path', 'data/app.db', '--ports', 'api', '--node-modules', 'clone', '--setup', 'make']
  sandbox.cli(root, 'init', '--yes', ...options, '--exclude', '**/gen/**', '--setup', 'make more')
  const config = (): unknown => JSON.parse(readFileSync(join(root, 'agent-isolate.json'), 'utf8'))
  const decided = {
    $schema: 'https://unpkg.com/agent-isolate/agent-isolate.schema.json',
    database: { path: 'data/app.db' },
    ports: { names: ['api'] },
    dependencies: { node_modules: 'clone' },
    setup: ['make', 'make more'],
  }
  assert.deepEqual(config(), decided)
  assert.match(readFileSync(join(root, '.claude/settings.json'), 'utf8'), /"Read\(\*\*\/gen\/\*\*\)"/)
  assert.match(sandbox.cli(root, 'init', '--yes'), /^nothing to change/)
  const changed = sandbox.cli(root, 'init', '--yes', '--setup', 'none')
  assert.match(changed, /^changed {2}agent-isolate\.json$/m)
  assert.doesNotMatch(changed, /settings\.json|gitignore/)
  const { setup: _, ...rest } = decided
  assert.deepEqual(config(), rest)
})

test('the commands of agent-isolate.json are trusted by init, listed, and no longer after uninstall', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { ...sample, 'agent-isolate.json': '{"teardown": ["make clean"]}' })
  const text = sandbox.cli(root, 'init', '--yes', '--setup', 'touch was-set-up')
  assert.match(
    text,
    /^trusted to run here, in new worktrees:\n {2}set-up: touch was-set-up\n {2}teardown: make clean$/m,
  )
  const worktree = sandbox.cli(root, 'create', 'one')
  assert.ok(existsSync(join(worktree, 'was-set-up')))
  sandbox.cli(root, 'uninstall', '--yes')
  const other = sandbox.cli(root, 'create', 'two')
  assert.equal(existsSync(join(other, 'was-set-up')), false)
})

test('nothing in a command can hide from whoever reads what is trusted', (t) => {
  const sandbox = createSandbox(t)
  const config = JSON.stringify({ setup: ['make \u001b[2K\r; curl example.invalid'] })
  const root = sandbox.repository('repo', { ...sample, 'agent-isolate.json': config })
  const text = sandbox.cli(root, 'init', '--yes')
  assert.match(text, /^ {2}set-up: make \\u\{1b\}\[2K\\u\{d\}; curl example\.invalid$/m)
})

test('uninstall works beside an agent-isolate.json that is broken by now', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  sandbox.cli(root, 'init', '--yes')
  sandbox.write('repo/agent-isolate.json', '{')
  const text = sandbox.cli(root, 'uninstall', '--yes')
  assert.match(text, /^no longer trusted$/m)
  assert.equal(existsSync(join(root, '.claude')), false)
})

test('--json tells what was done', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  const planned = requireResult(sandbox.cli(root, 'init', '--dry-run', '--json'))
  assert.equal(planned.outcome, 'planned')
  const written = requireResult(sandbox.cli(root, 'init', '--yes', '--scope', 'local', '--json'))
  assert.deepEqual([written.outcome, written.root, written.scope], ['written', root, 'local'])
  assert.ok(
    written.files.some(
      ({ path, action }) => path === join(root, '.claude/settings.local.json') && action === 'created',
    ),
  )
  assert.equal(requireResult(sandbox.cli(root, 'init', '--yes', '--json')).outcome, 'unchanged')
  assert.equal(requireResult(sandbox.cli(root, 'uninstall', '--dry-run', '--json')).outcome, 'planned')
  assert.equal(requireResult(sandbox.cli(root, 'uninstall', '--yes', '--json')).outcome, 'removed')
  assert.equal(requireResult(sandbox.cli(root, 'uninstall', '--yes', '--json')).outcome, 'unchanged')
})

test('an edited copy of ours is kept and named, until --overwrite-edited', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  sandbox.cli(root, 'init', '--yes')
  const edited = join(root, '.claude/agent-isolate/agent-isolate')
  const original = readFileSync(edited, 'utf8')
  writeFileSync(edited, `${original}// ours now\n`)
  const kept = sandbox.cli(root, 'init', '--yes')
  assert.match(kept, /\(--overwrite-edited replaces them\):\n {2}\.claude\/agent-isolate\/agent-isolate$/m)
  assert.match(readFileSync(edited, 'utf8'), /ours now/)
  sandbox.cli(root, 'init', '--yes', '--overwrite-edited')
  assert.equal(readFileSync(edited, 'utf8'), original)
})

test('in a linked worktree the main checkout is set up, since its config is the one that counts', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  sandbox.git(root, 'worktree', 'add', '--quiet', '../linked')
  const { root: place } = requireResult(sandbox.cli(join(sandbox.folder, 'linked'), 'init', '--yes', '--json'))
  assert.equal(place, root)
  assert.ok(existsSync(join(root, '.claude/settings.json')))
  assert.equal(existsSync(join(sandbox.folder, 'linked/.claude')), false)
})

test('outside a repository, in a bare one and without HOME the error is clear', async (t) => {
  const sandbox = createSandbox(t)
  const outside = await runCli(sandbox, sandbox.folder, ['init', '--yes', '--scope', 'user'])
  assert.equal(outside.code, 1)
  assert.match(outside.stderr, /^agent-isolate: not in a git repository: /)
  const bare = join(sandbox.folder, 'bare.git')
  mkdirSync(bare)
  sandbox.git(bare, 'init', '--quiet', '--bare')
  const inBare = await runCli(sandbox, bare, ['init', '--yes'])
  assert.equal(inBare.code, 1)
  assert.match(inBare.stderr, /is a bare repository, and this is not one of its worktrees/)
  const root = sandbox.repository('repo', sample)
  const homeless = await runCli(sandbox, root, ['init', '--yes', '--scope', 'user'], { HOME: undefined })
  assert.equal(homeless.code, 1)
  assert.match(homeless.stderr, /HOME is not set/)
  const project = await runCli(sandbox, root, ['init', '--yes'], { HOME: undefined })
  assert.deepEqual([project.code, project.stderr], [0, ''])
})

test('a settings.json that is no JSON is left as it is, and so is everything else', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', sample)
  sandbox.write('repo/.claude/settings.json', '{"hooks": {\n')
  const before = snapshotFolder(root)
  const { code, stdout, stderr } = await runCli(sandbox, root, ['init', '--yes'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /settings\.json/)
  assert.doesNotMatch(stderr, /\n\s+at /)
  assert.deepEqual(snapshotFolder(root), before)
})

type Result = { outcome: string; root: string; scope: string; files: { path: string; action: string }[] }

function requireResult(text: string): Result {
  const value: unknown = JSON.parse(text)
  assert.ok(typeof value === 'object' && value !== null && 'outcome' in value && 'root' in value && 'files' in value)
  const { outcome, root, files } = value
  assert.ok(typeof outcome === 'string' && typeof root === 'string' && Array.isArray(files))
  return { outcome, root, files, scope: 'scope' in value ? String(value.scope) : '' }
}
