/**
 * Every git command of a creation, a sync and a removal, in every layout that git allows: none may write into another
 * checkout than the worktree's own.
 */
import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { lstatSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases } from '../support/state.ts'

type World = Sandbox & {
  /** The bare repository that all is cloned from. */
  origin: string
  /** One commit more in it, as a colleague would push it. */
  advance: (file: string) => void
  /** Every git command since the last call. */
  takeCalls: () => GitCall[]
}

type GitCall = { command: string; args: string[]; cwd: string; workTree: string; gitDir: string }

type Layout = {
  /** Where the agent's session is. */
  cwd: string
  /** Checkouts that nobody may touch. */
  others: readonly string[]
  /** The main git folder. */
  gitDir: string
}

/** Writes down, for each command, the checkout and the git folder that git would use, then runs it. */
function writeShim({ folder, write }: Sandbox, real: string): string {
  const log = write('git-calls', '')
  const shim = write(
    'bin/git',
    `#!/bin/sh
n=0 command= prefix=
for word in "$@"; do
  n=$((n + 1))
  if [ -n "$prefix" ]; then prefix=; continue; fi
  case $word in --git-dir | --work-tree | -c | -C) prefix=1 ;; -*) ;; *) command=$word; break ;; esac
done
count=$((n - 1))
# With the options that git itself gets. The checkout comes last: a bare repository has none.
probe() {
  i=0
  for word in "$@"; do
    shift
    [ $i -lt $count ] && set -- "$@" "$word"
    i=$((i + 1))
  done
  exec ${real} "$@" rev-parse --absolute-git-dir --show-toplevel
}
{ read -r dir; read -r top; } <<END
$(probe "$@" 2>>${folder}/shim-errors)
END
{ printf '%s\\036' "$command" "$PWD" "$top" "$dir" "$@"; printf '\\035'; } >>${log}
exec ${real} "$@"
`,
  )
  chmodSync(shim, 0o755)
  return log
}

function createWorld(t: TestContext): World {
  const sandbox = createSandbox(t)
  const { folder, env } = sandbox
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  // The test's own commands are not written down.
  const git: Sandbox['git'] = (cwd, ...args) =>
    execFileSync(real, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' }).replace(/\n$/, '')
  git(folder, 'config', '--global', 'user.name', 'Sample')
  git(folder, 'config', '--global', 'user.email', 'sample@example.invalid')
  git(folder, 'config', '--global', 'protocol.file.allow', 'always')
  const seed = sandbox.repository('seed', { 'a.txt': 'a\n', 'docs/b.txt': 'b\n', '.gitignore': 'ignored/\n.claude/\n' })
  const origin = join(folder, 'origin.git')
  git(folder, 'clone', '--quiet', '--bare', seed, origin)
  git(seed, 'remote', 'add', 'origin', origin)
  const log = writeShim(sandbox, real)
  env['PATH'] = `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`
  return {
    ...sandbox,
    git,
    origin,
    advance(file) {
      writeFileSync(join(seed, file), file)
      git(seed, 'add', '--all')
      git(seed, 'commit', '--quiet', `--message=${file}`)
      git(seed, 'push', '--quiet', 'origin', 'main')
    },
    takeCalls() {
      const calls = readFileSync(log, 'utf8').split('\x1d').slice(0, -1).map(parseCall)
      writeFileSync(log, '')
      return calls
    },
  }
}

function parseCall(text: string): GitCall {
  const [command = '', cwd = '', workTree = '', gitDir = '', ...args] = text.split('\x1e').slice(0, -1)
  return { command, args, cwd, workTree, gitDir }
}

function clone({ git, folder, origin }: World, name: string, ...options: string[]): string {
  git(folder, 'clone', '--quiet', ...options, origin, name)
  return join(folder, name)
}

/** A bare clone that knows its remote's branches as any other does. */
function cloneBare(world: World, name: string): string {
  const path = clone(world, name, '--bare')
  world.git(path, 'config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*')
  world.git(path, 'fetch', '--quiet')
  return path
}

function addSubmodule(world: World): { outer: string; inner: string; gitDir: string } {
  const outer = clone(world, 'outer')
  world.git(outer, 'submodule', '--quiet', 'add', world.origin, 'lib')
  world.git(outer, 'commit', '--quiet', '--message=submodule')
  return { outer, inner: join(outer, 'lib'), gitDir: join(outer, '.git/modules/lib') }
}

const layouts: Record<string, (world: World) => Layout> = {
  plain(world) {
    const cwd = clone(world, 'repo')
    return { cwd, others: [cwd], gitDir: join(cwd, '.git') }
  },
  'a subfolder of a linked worktree'(world) {
    const main = clone(world, 'repo')
    world.git(main, 'worktree', 'add', '--quiet', '../linked', '-b', 'linked')
    const linked = join(world.folder, 'linked')
    return { cwd: join(linked, 'docs'), others: [main, linked], gitDir: join(main, '.git') }
  },
  bare(world) {
    const cwd = cloneBare(world, 'repo.git')
    return { cwd, others: [], gitDir: cwd }
  },
  '.bare and a .git file, bare repositories only where they are named'(world) {
    mkdirSync(join(world.folder, 'project'))
    const gitDir = cloneBare(world, 'project/.bare')
    const cwd = dirname(gitDir)
    writeFileSync(join(cwd, '.git'), 'gitdir: ./.bare\n')
    world.git(cwd, 'worktree', 'add', '--quiet', 'main', 'main')
    world.git(cwd, 'config', '--global', 'safe.bareRepository', 'explicit')
    return { cwd, others: [join(cwd, 'main')], gitDir }
  },
  'a worktree of a bare repository, which may only be used where it is named'(world) {
    const gitDir = cloneBare(world, 'repo.git')
    const cwd = join(world.folder, 'linked')
    world.git(gitDir, 'worktree', 'add', '--quiet', cwd, 'main')
    world.git(cwd, 'config', '--global', 'safe.bareRepository', 'explicit')
    return { cwd, others: [cwd], gitDir }
  },
  'a bare repository with a config for each worktree'(world) {
    const gitDir = cloneBare(world, 'repo.git')
    world.git(gitDir, 'config', 'extensions.worktreeConfig', 'true')
    return { cwd: gitDir, others: [], gitDir }
  },
  'a separate git folder'(world) {
    const gitDir = join(world.folder, 'apart.git')
    const cwd = clone(world, 'repo', `--separate-git-dir=${gitDir}`)
    return { cwd, others: [cwd], gitDir }
  },
  'a separate git folder that names its checkout'(world) {
    const gitDir = join(world.folder, 'apart.git')
    const cwd = clone(world, 'repo', `--separate-git-dir=${gitDir}`)
    world.git(cwd, 'config', 'core.worktree', cwd)
    return { cwd, others: [cwd], gitDir }
  },
  'the same with a config for each worktree'(world) {
    const layout = layouts['a separate git folder that names its checkout']?.(world)
    assert.ok(layout)
    world.git(layout.cwd, 'config', 'extensions.worktreeConfig', 'true')
    return layout
  },
  'a git folder that names a checkout elsewhere, with a config for each worktree'(world) {
    const started = clone(world, 'started')
    const elsewhere = join(world.folder, 'elsewhere')
    cpSync(started, elsewhere, { recursive: true, filter: (path) => basename(path) !== '.git' })
    world.git(started, 'config', 'core.worktree', elsewhere)
    world.git(started, 'config', 'extensions.worktreeConfig', 'true')
    writeFileSync(join(elsewhere, '.git'), `gitdir: ${started}/.git\n`)
    return { cwd: elsewhere, others: [started, elsewhere], gitDir: join(started, '.git') }
  },
  'a submodule'(world) {
    const { outer, inner, gitDir } = addSubmodule(world)
    return { cwd: inner, others: [outer], gitDir }
  },
  'a submodule with a config for each worktree'(world) {
    const { outer, inner, gitDir } = addSubmodule(world)
    world.git(inner, 'config', 'extensions.worktreeConfig', 'true')
    return { cwd: inner, others: [outer], gitDir }
  },
  'a worktree of a submodule'(world) {
    const { outer, inner, gitDir } = addSubmodule(world)
    world.git(inner, 'worktree', 'add', '--quiet', '../../beside', '-b', 'beside')
    const beside = join(world.folder, 'beside')
    return { cwd: beside, others: [outer, inner, beside], gitDir }
  },
  'sparse, a repository with submodules'(world) {
    const { outer } = addSubmodule(world)
    world.git(outer, 'sparse-checkout', 'set', 'docs')
    return { cwd: outer, others: [outer], gitDir: join(outer, '.git') }
  },
  'reached through a symlink'(world) {
    const real = clone(world, 'repo')
    const cwd = join(world.folder, 'link')
    symlinkSync(real, cwd)
    return { cwd, others: [real], gitDir: join(real, '.git') }
  },
  "in another repository's ignored folder"(world) {
    const outer = clone(world, 'outer')
    mkdirSync(join(outer, 'ignored'))
    const cwd = clone(world, 'outer/ignored/repo')
    return { cwd, others: [outer], gitDir: join(cwd, '.git') }
  },
}

/** Worktrees, and what the shared git folder is for: objects, branches, fetches. */
const leftOut = new Set(['.claude', 'objects', 'refs', 'logs', 'worktrees', 'packed-refs', 'FETCH_HEAD'])

/** Path, mode, time and content of all in a folder. */
function describeTree(folder: string, skipped: readonly string[]): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (skipped.includes(path) || leftOut.has(entry.name)) return []
    if (entry.isDirectory()) return [path, ...describeTree(path, skipped)]
    const status = lstatSync(path)
    const content = entry.isSymbolicLink()
      ? readlinkSync(path)
      : createHash('sha256').update(readFileSync(path)).digest('hex')
    return [`${path} ${status.mode} ${status.mtimeMs} ${content}`]
  })
}

function describeOthers({ others, gitDir }: Layout): string[] {
  return [...others, gitDir].flatMap((folder) =>
    describeTree(
      folder,
      ['info/exclude', 'agent-isolate'].map((own) => join(gitDir, own)),
    ),
  )
}

/** Commands that write into a checkout or its index, wherever git takes it to be. */
const writing = new Set(
  'reset checkout switch restore rebase merge clean add rm mv read-tree checkout-index update-index apply stash commit'.split(
    ' ',
  ),
)
/** Commands that look at a checkout, for what is in it to be kept or left. */
const judging = new Set(['status', 'ls-files', 'diff', 'check-ignore'])

function requireHarmless(calls: readonly GitCall[], worktree: string, source: readonly string[]): void {
  assert.ok(calls.length > 0)
  for (const { command, args, cwd, workTree, gitDir } of calls) {
    const what = `git ${args.join(' ')} in ${cwd} is about ${workTree}, ${gitDir}`
    if (writing.has(command) || command === 'hook') assert.equal(workTree, worktree, what)
    if (judging.has(command)) assert.ok([worktree, ...source].includes(workTree), what)
    if (command === 'config' && !args.includes('--list') && args.length > 4)
      assert.ok(
        args.some((arg) => arg === '--file' || arg.includes('/worktrees/')) || !args.includes('core.bare'),
        what,
      )
  }
}

for (const [name, make] of Object.entries(layouts)) {
  test(`git works on the new worktree and nothing else: ${name}`, async (t) => {
    const world = createWorld(t)
    const layout = make(world)
    const { cwd, others } = layout
    // A commit that nobody has and an upstream that has moved: the creation has to rebase.
    const holder = others.find((folder) => folder === realpathSync(cwd)) ?? others.at(-1)
    if (holder !== undefined && !name.includes('submodule')) {
      appendFileSync(join(holder, 'docs/b.txt'), 'mine\n')
      world.git(holder, 'commit', '--quiet', '--all', '--message=local')
      appendFileSync(join(holder, 'docs/b.txt'), 'not committed\n')
      writeFileSync(join(holder, 'new.txt'), 'new')
    }
    for (const other of others) writeFileSync(join(other, 'untracked.txt'), 'mine')
    world.advance('c.txt')
    const before = describeOthers(layout)

    const worktree = await createThroughHook(world, cwd, 'w')
    const sources = others.map((other) => realpathSync(other)).concat(realpathSync(cwd))
    requireHarmless(world.takeCalls(), worktree, sources)
    assert.deepEqual(describeOthers(layout), before)
    assert.equal(world.git(worktree, 'rev-parse', '--show-toplevel'), worktree)
    assert.equal(world.git(worktree, 'status', '--porcelain'), '')
    assert.equal(world.git(worktree, 'rev-list', '--count', 'HEAD..origin/main'), '0')

    // What an agent does there by plain git stays there.
    writeFileSync(join(worktree, 'docs/b.txt'), 'theirs\n')
    world.git(worktree, 'commit', '--quiet', '--all', '--message=work')
    world.advance('d.txt')
    const synced = await runCli(world, worktree, ['sync'])
    assert.equal(synced.code, 0, synced.stderr)
    requireHarmless(world.takeCalls(), worktree, sources)
    assert.equal(world.git(worktree, 'rev-list', '--count', 'HEAD..origin/main'), '0')
    assert.equal(readFileSync(join(worktree, 'docs/b.txt'), 'utf8'), 'theirs\n')
    assert.deepEqual(describeOthers(layout), before)

    writeFileSync(join(worktree, 'unsaved.txt'), 'work')
    const refused = await removeThroughHook(world, worktree)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /unsaved\.txt/)
    const removed = await runCli(world, cwd, ['remove', 'w', '--discard'])
    assert.equal(removed.code, 0, removed.stderr)
    requireHarmless(world.takeCalls(), worktree, sources)
    assert.deepEqual(describeOthers(layout), before)
    assert.deepEqual(loadLeases(world), [])
  })
}
