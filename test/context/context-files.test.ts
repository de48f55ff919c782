import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  readdirSync,
} from 'node:fs'
import { rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findContext, isCopyable } from '../../lib/context/context-files.ts'
import { isUntouchedCopy, loadManifest } from '../../lib/context/manifest.ts'
import { copyIntoWorktree, planLink } from '../../lib/context/copy-files.ts'
import { addWorktree, placeOf, rememberingReporter, useEnvironment } from '../support/remote.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

type ContextWorld = Sandbox & {
  source: string
  worktree: string
  gitFolder: string
  /** Writes files below the main checkout, with their folders. */
  put: (...paths: string[]) => void
  copy: (copy?: string[], leaveOut?: string[]) => Promise<{ paths: string[]; warnings: string[] }>
}

/** A main checkout with a linked worktree of its first commit. */
function createContextWorld(t: TestContext, files?: Record<string, string>): ContextWorld {
  const sandbox = createSandbox(t)
  useEnvironment(t, sandbox.env)
  const source = sandbox.repository('main', files)
  const worktree = addWorktree(sandbox, source, 'x')
  const gitFolder = join(source, '.git', 'worktrees', 'x', 'agent-isolate')
  const put = (...paths: string[]): void => {
    for (const path of paths) sandbox.write(join('main', path), `content of ${path}\n`)
  }
  const copy: ContextWorld['copy'] = async (entries = [], leaveOut = []) => {
    const reporter = rememberingReporter()
    const { paths } = await findContext({ source, place: placeOf(source), copy: entries, leaveOut, reporter })
    const copied = await copyIntoWorktree({ source, worktree, gitFolder, paths, reporter })
    return { paths: copied.map(({ path }) => path).toSorted(), warnings: reporter.warnings }
  }
  return { ...sandbox, source, worktree, gitFolder, put, copy }
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path !== '.git' && !lstatSync(join(folder, path)).isDirectory())
    .toSorted()
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}

test("an agent's rules and settings are copied, other worktrees and dependencies are not", async (t) => {
  const world = createContextWorld(t)
  const wanted = [
    '.claude/agents/reviewer.md',
    '.claude/hooks/check.sh',
    '.claude/settings.local.json',
    '.claude/skills/x/SKILL.md',
    'AGENTS.md',
    'CLAUDE.local.md',
    'CLAUDE.md',
  ]
  world.put(...wanted, '.env', 'src/CLAUDE.txt', '.claude/node_modules/p/index.js', '.claude/skills/x/.venv/bin/python')
  world.put('.claude/worktrees/left-over/CLAUDE.md', '.claude/cache.db-wal')
  world.put('.claude/stale/.git', '.claude/stale/deep/file')
  addWorktree(world, world.source, 'a')
  world.put('.claude/worktrees/a/CLAUDE.local.md')
  world.git(world.source, 'worktree', 'add', '--quiet', '--detach', '.claude/elsewhere')
  assert.deepEqual(await world.copy(), { paths: wanted, warnings: [] })
  assert.deepEqual(listFiles(world.worktree), [...wanted, 'README.md'].toSorted())
  const skill = '.claude/skills/x/SKILL.md'
  assert.equal(readFileSync(join(world.worktree, skill), 'utf8'), `content of ${skill}\n`)
  assert.deepEqual(listFiles(world.gitFolder), ['copied.json'])
})

test('nothing is left behind where there is nothing to copy', async (t) => {
  const world = createContextWorld(t)
  assert.deepEqual(await world.copy(), { paths: [], warnings: [] })
  assert.equal(existsSync(world.gitFolder), false)
})

test("tracked files are git's business: neither overwritten nor brought back", async (t) => {
  const world = createContextWorld(t, {
    'CLAUDE.md': 'committed',
    'AGENTS.md': 'committed',
    '.claude/settings.json': '{}',
  })
  world.git(world.worktree, 'rm', '--quiet', 'AGENTS.md')
  writeFileSync(join(world.worktree, 'CLAUDE.md'), 'of the branch')
  world.git(world.worktree, 'commit', '--quiet', '--all', '--message=branch')
  world.put('CLAUDE.md', 'AGENTS.md', '.claude/settings.json', '.claude/new.md')
  assert.deepEqual(await world.copy(['CLAUDE.md']), { paths: ['.claude/new.md'], warnings: [] })
  assert.equal(readFileSync(join(world.worktree, 'CLAUDE.md'), 'utf8'), 'of the branch')
  assert.equal(existsSync(join(world.worktree, 'AGENTS.md')), false)
})

test('what is there already stays, a broken symlink too', async (t) => {
  const world = createContextWorld(t)
  world.put('CLAUDE.local.md', 'CLAUDE.md', '.claude/a.md')
  writeFileSync(join(world.worktree, 'CLAUDE.local.md'), 'mine')
  symlinkSync('nowhere', join(world.worktree, 'CLAUDE.md'))
  assert.deepEqual((await world.copy()).paths, ['.claude/a.md'])
  assert.equal(readFileSync(join(world.worktree, 'CLAUDE.local.md'), 'utf8'), 'mine')
  assert.equal(readlinkSync(join(world.worktree, 'CLAUDE.md')), 'nowhere')
  assert.deepEqual((await world.copy()).paths, [])
})

test('.worktreeinclude: what it matches and git ignores is copied', async (t) => {
  const ignore = 'node_modules\n.env*\n/secrets/\n*.db\n*.db-*\n.claude/worktrees/\n'
  const world = createContextWorld(t, {
    '.gitignore': ignore,
    '.worktreeinclude': '.env*\r\n!.env.prod\n/secrets/\nnode_modules\n*.db*\nnotes.txt\n',
  })
  const wanted = ['.env.local', 'packages/api/.env', 'prisma/dev.db', 'secrets/deep/key.pem']
  world.put(...wanted, '.env.prod', 'notes.txt', 'node_modules/p/.env', 'node_modules/p/index.js')
  world.put('prisma/dev.db-wal', 'prisma/dev.db-shm', 'prisma/dev.db-journal', 'prisma/own.db')
  world.put('.claude/worktrees/gone/.env.local')
  assert.deepEqual(await world.copy([], ['prisma/own.db']), { paths: wanted, warnings: [] })
  assert.deepEqual(listFiles(world.worktree), [...wanted, '.gitignore', '.worktreeinclude'].toSorted())
  assert.equal(world.git(world.worktree, 'status', '--porcelain'), '')
})

test('config: files and folders are copied by their literal names', async (t) => {
  const world = createContextWorld(t)
  world.put('data/a.json', 'data/deep/b.json', 'data/node_modules/c.json', '*.txt', 'one.txt', '-rf', ':(top)x')
  const { paths, warnings } = await world.copy(['data/', '*.txt', './-rf', ':(top)x'])
  assert.deepEqual(paths, ['*.txt', '-rf', ':(top)x', 'data/a.json', 'data/deep/b.json'])
  assert.deepEqual(warnings, [])
})

test('config: an entry that leads out is an error, one that cannot be copied a warning', async (t) => {
  const world = createContextWorld(t)
  for (const entry of ['/etc/passwd', '../other', 'a/../../other', '.git/config', '.', '']) {
    await assert.rejects(world.copy([entry]), {
      name: 'IsolateError',
      message: `"copy" in agent-isolate.json leads out of the repository: ${JSON.stringify(entry)}`,
    })
  }
  symlinkSync('/etc', join(world.source, 'etc'))
  execFileSync('mkfifo', [join(world.source, 'pipe')])
  world.put('node_modules/p/index.js', 'inner/file')
  world.git(world.source, 'init', '--quiet', 'inner')
  const { paths, warnings } = await world.copy(['gone', 'etc/passwd', 'etc', 'pipe', 'node_modules/p', 'inner'])
  assert.deepEqual(paths, [])
  const never = "which is never copied: dependencies, worktrees and SQLite's side files are not"
  assert.deepEqual(warnings, [
    '"copy" names "gone", which is not there',
    '"copy" names "etc/passwd", which lies behind a symlink, and is not copied',
    '"copy" names "pipe", which is neither a file nor a folder, and is not copied',
    `"copy" names "node_modules/p", ${never}`,
    `"copy" names "inner", ${never}`,
    'etc is not copied: it is a symlink that leads out of the repository',
  ])
})

test('modes are kept, whatever the umask', async (t) => {
  const world = createContextWorld(t)
  world.put('.claude/hooks/run.sh', '.claude/settings.local.json', '.claude/secret/key')
  const modes = { '.claude/hooks/run.sh': 0o755, '.claude/settings.local.json': 0o600, '.claude/secret': 0o700 }
  for (const [path, mode] of Object.entries(modes)) chmodSync(join(world.source, path), mode)
  const before = process.umask(0o077)
  t.after(() => process.umask(before))
  await world.copy()
  for (const [path, mode] of Object.entries(modes)) assert.equal(modeOf(join(world.worktree, path)), mode.toString(8))
  assert.equal(modeOf(join(world.worktree, '.claude')), '755')
  assert.equal(statSync(join(world.worktree, '.claude/secret/key')).nlink, 1)
})

test('symlinks stay symlinks inside the repository, and none leads out of it', async (t) => {
  const world = createContextWorld(t)
  world.put('.claude/rules/a.md', '.claude/b.md')
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(world.source, path)), { recursive: true })
    symlinkSync(target, join(world.source, path))
  }
  link('CLAUDE.local.md', '.claude/b.md')
  link('.claude/relative', '../README.md')
  link('.claude/absolute', join(world.source, '.claude/rules'))
  link('.claude/broken', 'nothing')
  link('.claude/out-relative', '../../../etc')
  link('.claude/out-absolute', '/etc/passwd')
  link('.claude/out-dots', `${world.source}/../other`)
  link('.claude/out-and-in', '../../main/README.md')
  link('.claude/out-by-way', 'out-absolute')
  const { paths, warnings } = await world.copy()
  const links = ['.claude/absolute', '.claude/broken', '.claude/relative', 'CLAUDE.local.md']
  assert.deepEqual(paths, [...links, '.claude/b.md', '.claude/rules/a.md'].toSorted())
  assert.deepEqual(
    links.map((path) => readlinkSync(join(world.worktree, path))),
    [join(world.worktree, '.claude/rules'), 'nothing', '../README.md', '.claude/b.md'],
  )
  assert.equal(warnings.length, 5)
  for (const warning of warnings) assert.match(warning, /^\.claude\/out-.* leads out of the repository$/)
})

test('the text of a copied symlink', () => {
  const table = [
    ['a/link', 'b', 'b'],
    ['a/link', '../b', '../b'],
    ['a/link', '../../b', undefined],
    ['link', '..', undefined],
    ['link', '..a', '..a'],
    ['link', '/main/b', '/main/w/b'],
    ['link', '/main', '/main/w'],
    ['link', '/mainly', undefined],
    ['link', '/main/../etc', undefined],
  ] as const
  for (const [path, target, text] of table) assert.equal(planLink('/main', '/main/w', path, target), text, target)
})

test('nothing is written through a folder that is a symlink, or a file, in the worktree', async (t) => {
  const world = createContextWorld(t)
  const outside = join(world.folder, 'outside')
  mkdirSync(outside)
  symlinkSync(outside, join(world.worktree, '.claude'))
  writeFileSync(join(world.worktree, 'data'), 'a file')
  world.put('.claude/settings.local.json', '.claude/skills/x/SKILL.md', 'data/a.json')
  const { paths, warnings } = await world.copy(['data'])
  assert.deepEqual(paths, [])
  assert.deepEqual(readdirSync(outside), [])
  assert.deepEqual(warnings, [
    '.claude/settings.local.json is not copied: .claude is not a folder in the worktree',
    '.claude/skills/x/SKILL.md is not copied: .claude is not a folder in the worktree',
    'data/a.json is not copied: data is not a folder in the worktree',
  ])
})

test('hostile names are copied as they are', async (t) => {
  const world = createContextWorld(t)
  const names = ['-rf', 'a "b" \'c\'', 'line\nbreak', 'tab\tand\\', 'ünï 🎉', '__proto__', ' ', '$(touch x)', '{a,b}*?']
  const wanted = names.map((name) => `.claude/${name}`).toSorted()
  world.put(...wanted)
  assert.deepEqual(await world.copy(), { paths: wanted, warnings: [] })
  const manifest = loadManifest(world.gitFolder)
  for (const path of wanted) {
    assert.equal(readFileSync(join(world.worktree, path), 'utf8'), `content of ${path}\n`)
    assert.ok(isUntouchedCopy(world.worktree, manifest, path))
  }
})

test('special files and a name that is not UTF-8 do not stop the rest', async (t) => {
  const world = createContextWorld(t)
  world.put('.claude/a.md')
  execFileSync('mkfifo', [join(world.source, '.claude/pipe')])
  writeFileSync(Buffer.concat([Buffer.from(join(world.source, '.claude/')), Buffer.from([0x66, 0xff])]), '')
  const { paths, warnings } = await world.copy()
  assert.deepEqual(paths, ['.claude/a.md'])
  assert.deepEqual(warnings, ['.claude/f\uFFFD is not copied: its name is not UTF-8'])
})

test('a file that cannot be read is a warning', async (t) => {
  const world = createContextWorld(t)
  world.put('.claude/a.md', '.claude/locked.md')
  chmodSync(join(world.source, '.claude/locked.md'), 0)
  const { stdout, stderr } = copyAsNobody(world)
  assert.equal(stderr, '')
  const locked = join(world.source, '.claude/locked.md')
  assert.match(stdout, /^\.claude\/a\.md\n\.claude\/locked\.md is not copied: EACCES: permission denied/)
  assert.ok(stdout.includes(locked))
})

/** Root reads everything, so the copy is then made as another user; what it needs is loaded before. */
function copyAsNobody({ folder, env, source, worktree, gitFolder }: ContextWorld): { stdout: string; stderr: string } {
  const isRoot = process.getuid?.() === 0
  if (isRoot) execFileSync('chown', ['-R', '65534:65534', folder])
  const options = JSON.stringify({ source, place: placeOf(source), worktree, gitFolder, copy: [] })
  const library = JSON.stringify(new URL('../../lib/context/context-files.ts', import.meta.url).href)
  const copier = JSON.stringify(new URL('../../lib/context/copy-files.ts', import.meta.url).href)
  const script = `const { findContext } = await import(${library})
    const { copyIntoWorktree } = await import(${copier})
    if (${isRoot}) { process.setegid(65534); process.seteuid(65534) }
    const lines = []
    const options = { ...${options}, reporter: { warn: (text) => lines.push(text) } }
    const copied = await copyIntoWorktree({ ...options, ...(await findContext(options)) })
    for (const { path } of copied) console.log(path)
    for (const line of lines) console.log(line)`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
  return spawnSync(process.execPath, args, { env: { ...env, TMPDIR: folder }, encoding: 'utf8' })
}

test("our copies are told from an agent's work", async (t) => {
  const world = createContextWorld(t)
  world.put('CLAUDE.md', 'CLAUDE.local.md', '.claude/a.md', '.claude/b.md')
  symlinkSync('a.md', join(world.source, '.claude/link'))
  symlinkSync('a.md', join(world.source, '.claude/other'))
  await world.copy()
  const at = (path: string): string => join(world.worktree, path)
  writeFileSync(at('CLAUDE.md'), 'changed')
  rmSync(at('.claude/b.md'))
  rmSync(at('.claude/other'))
  symlinkSync('b.md', at('.claude/other'))
  writeFileSync(at('.claude/new.md'), 'new')
  const manifest = loadManifest(world.gitFolder)
  const paths = [
    'CLAUDE.md',
    'CLAUDE.local.md',
    '.claude/a.md',
    '.claude/b.md',
    '.claude/link',
    '.claude/other',
    '.claude/new.md',
  ]
  assert.deepEqual(
    paths.filter((path) => isUntouchedCopy(world.worktree, manifest, path)),
    ['CLAUDE.local.md', '.claude/a.md', '.claude/link'],
  )
})

test('a later copy adds to the manifest; a manifest that is none is empty', async (t) => {
  const world = createContextWorld(t)
  world.put('CLAUDE.md')
  await world.copy()
  world.put('.claude/a.md')
  await world.copy()
  assert.deepEqual([...loadManifest(world.gitFolder).keys()], ['CLAUDE.md', '.claude/a.md'])
  for (const text of ['{"CLAUDE.md":', '[]', 'null', '{"CLAUDE.md":1}']) {
    writeFileSync(join(world.gitFolder, 'copied.json'), text)
    assert.equal(loadManifest(world.gitFolder).size, 0)
  }
})

test('twenty worktrees are supplied at once while files come and go', async (t) => {
  const world = createContextWorld(t)
  const names = Array.from({ length: 30 }, (_, index) => `.claude/skills/s${index}/SKILL.md`)
  world.put(...names)
  const worktrees = Array.from({ length: 20 }, (_, index) => addWorktree(world, world.source, `w${index}`))
  const live = join(world.source, '.claude/live')
  const churn = setInterval(() => {
    if (existsSync(live)) rmSync(live)
    else writeFileSync(live, 'now')
  }, 1)
  t.after(() => clearInterval(churn))
  const reporter = rememberingReporter()
  const { source } = world
  await Promise.all(
    worktrees.map(async (worktree, index) => {
      const gitFolder = join(world.source, '.git', 'worktrees', `w${index}`, 'agent-isolate')
      const { paths } = await findContext({ source, place: placeOf(source), copy: [], reporter })
      return copyIntoWorktree({ source, worktree, gitFolder, paths, reporter })
    }),
  )
  assert.deepEqual(reporter.warnings, [])
  for (const worktree of worktrees) assert.equal(listFiles(join(worktree, '.claude/skills')).length, 30)
})

test('a big file is copied like a small one', async (t) => {
  const world = createContextWorld(t)
  const path = '.claude/model.bin'
  world.write(`main/${path}`, 'x'.repeat(3_000_001))
  chmodSync(join(world.source, path), 0o640)
  assert.deepEqual((await world.copy()).paths, [path])
  assert.ok(readFileSync(join(world.worktree, path)).equals(readFileSync(join(world.source, path))))
  assert.equal(modeOf(join(world.worktree, path)), '640')
  const manifest = loadManifest(world.gitFolder)
  assert.ok(isUntouchedCopy(world.worktree, manifest, path))
  appendFileSync(join(world.worktree, path), 'y')
  assert.equal(isUntouchedCopy(world.worktree, manifest, path), false)
})

test('what is never copied', () => {
  const never = ['node_modules/a', 'a/node_modules', 'a/.venv/b', '.claude/worktrees/a', 'a.db-wal', 'nested/']
  const copyable = ['a.db', 'node_modules.md', '.claude/worktrees.md', 'a-wall', '.venvrc']
  assert.deepEqual([...never, ...copyable].filter(isCopyable), copyable)
})
