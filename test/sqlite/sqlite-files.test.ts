/** A project of several SQLite files, and databases among the files that are carried: what a user sees of both. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { parseConfig } from '../../lib/project/config.ts'
import { requireProgram } from '../support/dependencies.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { readEnv } from '../support/state.ts'

const rails = ['storage/development.sqlite3', 'storage/queue.sqlite3', 'storage/cache.sqlite3']

/** Runs SQL in a process that is then killed: what it wrote last is in the write-ahead log alone. */
const walWriter = `import sqlite3, sys, os, signal
for path in sys.argv[1:]:
    db = sqlite3.connect(path)
    db.execute('pragma journal_mode=wal')
    db.execute('pragma wal_autocheckpoint=0')
    db.execute('create table t(x)')
    db.commit()
    db.executemany('insert into t values (?)', [(n,) for n in range(100)])
    db.commit()
    globals().setdefault('open_ones', []).append(db)
print('ready', flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)`

function query(path: string, sql: string): string {
  const code = 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())'
  const { stdout, stderr } = spawnSync('python3', ['-I', '-c', code, path, sql], { encoding: 'utf8' })
  return `${stdout}${stderr}`.trim()
}

test('every file of a list is a snapshot of its own, reset and removed; carried databases keep the rows of a live log', async (t) => {
  if (!requireProgram(t, 'python3')) return
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', {
    '.gitignore': '*.sqlite3\n*.sqlite3-*\n.env.local\n*.cache\n*.cache-*\n',
    '.worktreeinclude': 'data/*.cache\n',
    'agent-isolate.json': JSON.stringify({ database: { path: rails.slice(0, 2) }, copy: ['storage/cache.sqlite3'] }),
  })
  for (const folder of ['storage', 'data']) mkdirSync(join(root, folder))
  const files = [...rails, 'data/index.cache']
  const writer = spawn('python3', ['-I', '-c', walWriter, ...files.map((file) => join(root, file))])
  t.after(() => writer.kill('SIGKILL'))
  await once(writer.stdout, 'data')
  assert.ok(files.every((file) => statSync(join(root, `${file}-wal`)).size > 0))

  const worktree = await createThroughHook(sandbox, root, 'one')
  for (const file of files) {
    assert.equal(query(join(worktree, file), 'select count(*) from t'), '[(100,)]', file)
    assert.ok(!existsSync(join(worktree, `${file}-wal`)) || file === files[0])
  }
  assert.equal(
    readEnv(join(worktree, '.env.local'))['DATABASE_URL'],
    `file:${join(worktree, 'storage/development.sqlite3')}`,
  )
  const urls = rails.slice(0, 2).map((file) => `file:${join(worktree, file)}`)
  assert.equal(sandbox.cli(worktree, 'db', 'url'), urls.join('\n'))
  const listed: unknown = JSON.parse(sandbox.cli(root, 'list', '--json'))
  assert.match(JSON.stringify(listed), /"further":\[\{"url":"file:[^"]*queue\.sqlite3","path":/)
  assert.match(sandbox.cli(root, 'list'), /storage\/queue\.sqlite3/)

  const change =
    "import sqlite3, sys\nfor p in sys.argv[1:]:\n db = sqlite3.connect(p); db.execute('delete from t'); db.commit()"
  spawnSync('python3', ['-I', '-c', change, ...rails.map((file) => join(worktree, file))])
  assert.equal(query(join(root, 'storage/queue.sqlite3'), 'select count(*) from t'), '[(100,)]')
  sandbox.cli(worktree, 'db', 'reset')
  for (const file of rails.slice(0, 2)) assert.equal(query(join(worktree, file), 'select count(*) from t'), '[(100,)]')
  // Carried, not a database of the worktree's: no reset for it.
  assert.equal(query(join(worktree, 'storage/cache.sqlite3'), 'select count(*) from t'), '[(0,)]')

  // main comes to have one more: the worktree gets it with its next set-up, and keeps the first as the first.
  const config = { database: { path: ['storage/new.sqlite3', ...rails.slice(0, 2)] } }
  writeFileSync(join(root, 'agent-isolate.json'), JSON.stringify(config))
  writeFileSync(join(root, 'storage/new.sqlite3'), readFileSync(join(worktree, 'storage/queue.sqlite3')))
  sandbox.cli(worktree, 'setup')
  assert.equal(sandbox.cli(worktree, 'db', 'url').split('\n')[0], urls[0])
  assert.equal(query(join(worktree, 'storage/new.sqlite3'), 'select count(*) from t'), '[(100,)]')
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')

  const { code, stderr } = await removeThroughHook(sandbox, worktree)
  assert.equal(code, 0, stderr)
  assert.ok(!existsSync(worktree))
  assert.ok(files.every((file) => existsSync(join(root, file))))
})

function parse(database: unknown): unknown {
  return parseConfig(JSON.stringify({ database }), 'agent-isolate.json').database
}

test('seeds are one for one path, or a list as long as that of the paths', () => {
  const one = { provider: 'sqlite', path: 'a.db', seed: undefined, hasTest: false, further: [] }
  assert.deepEqual(parse({ path: 'a.db' }), one)
  assert.deepEqual(parse({ path: ['a.db'], seed: ['s.db'] }), { ...one, seed: 's.db' })
  assert.deepEqual(parse({ path: 'a.db', seed: 's.db' }), { ...one, seed: 's.db' })
  assert.deepEqual(parse({ seed: 's.db' }), { ...one, path: '.agent-isolate/dev.db', seed: 's.db' })
  const two = { ...one, further: [{ path: 'b.db', seed: undefined }] }
  assert.deepEqual(parse({ path: ['a.db', 'b.db'] }), two)
  for (const wrong of [
    { path: ['a.db', 'b.db'], seed: 's.db' },
    { path: ['a.db', 'b.db'], seed: ['s.db'] },
    { path: 'a.db', seed: ['s.db'] },
    { path: [] },
    { path: ['a.db', 'a.db'] },
    { path: ['a.db', '../b.db'] },
  ])
    assert.throws(() => parse(wrong), IsolateError, JSON.stringify(wrong))
})
