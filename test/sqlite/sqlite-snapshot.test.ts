/** Snapshots with every engine of this machine in turn, against databases that other processes really write to and die in. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { describe, test, type TestContext } from 'node:test'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import type { Reporter } from '../../lib/report/reporter.ts'
import type { SqliteEngine, SqliteTask } from '../../lib/database/sqlite/engine.ts'
import { sqliteEngines } from '../../lib/database/sqlite/engines.ts'
import { provenCopy } from '../../lib/database/sqlite/proven-copy.ts'
import { snapshotDatabase } from '../../lib/database/sqlite/snapshot.ts'
import { createSandbox } from '../support/sandbox.ts'

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined }
const betterSqlite3Folder = process.env['AGENT_ISOLATE_TEST_BETTER_SQLITE3']
const packageRoots = betterSqlite3Folder === undefined ? [] : [betterSqlite3Folder]
const hasPython = spawnSync('python3', ['-I', '-c', 'import sqlite3']).status === 0
const engines = await findEngines()
const [anyEngine] = engines

test('every engine that this runtime can have is there to be tested', (t) => {
  const hasNodeSqlite = Number(process.versions.node.split('.')[0]) >= 22
  const wanted = sqliteEngines.map(({ name }) => name).filter((name) => name !== 'copy')
  const missing = wanted
    .filter((name) => name !== 'node:sqlite' || hasNodeSqlite)
    .filter((name) => !engines.some((engine) => engine.name === name))
  const reason = `not tested: ${missing.join(', ')} (AGENT_ISOLATE_TEST_BETTER_SQLITE3 names a folder with better-sqlite3)`
  if (missing.length > 0 && process.env['CI']) assert.fail(reason)
  if (missing.length > 0) t.skip(reason)
})

for (const engine of engines) {
  for (const [journal, kind] of [
    ['wal', 'vacuum'],
    ['delete', 'vacuum'],
    ['wal', 'backup'],
  ] as const) {
    testWithPython(
      `${engine.name}: a ${kind} is whole, and ends, while a ${journal} writer never pauses`,
      async (t) => {
        const world = prepare(t)
        const { folder, source, target } = world
        const writer = await startWriter(world, journal)
        const before = await writer.nextCount()
        await snapshot(source, target, only(kind, engine))
        const after = await writer.nextCount()
        assert.ok(after > before)
        assert.deepEqual(query(target, 'PRAGMA integrity_check'), [['ok']])
        const [counts] = query(
          target,
          'SELECT (SELECT max(n) FROM a), (SELECT max(n) FROM b), (SELECT count(*) FROM b)',
        )
        assert.ok(counts !== undefined && Number(counts[0]) >= before)
        assert.equal(counts[1], counts[0])
        assert.equal(counts[2], counts[0])
        assert.deepEqual(readdirSync(join(folder, 'out')), ['copy.db'])
      },
    )
  }

  testWithPython(`${engine.name}: rows that only the log of a killed writer holds are there`, async (t) => {
    const { source, target } = prepare(t)
    python(rowsInLogOnly, source)
    await snapshot(source, target, engine)
    assert.deepEqual(query(target, 'SELECT count(*) FROM t'), [[100]])
  })

  testWithPython(`${engine.name}: a transaction that was cut off (hot journal) is undone`, async (t) => {
    const { source, target } = prepare(t)
    python(hotJournal, source)
    assert.ok(statSync(`${source}-journal`).size > 0)
    await snapshot(source, target, engine)
    assert.deepEqual(query(target, 'SELECT count(*), sum(length(v)) FROM t'), [[1, 4]])
  })

  testWithPython(`${engine.name}: WAL mode, header fields and rowids are those of the source`, async (t) => {
    const { folder, source, target } = prepare(t)
    python(withOddities, source)
    await snapshot(source, target, engine)
    // Read first, so that the query's own connection cannot have set it.
    assert.deepEqual([...readFileSync(target).subarray(18, 20)], [2, 2])
    assert.deepEqual(query(target, 'PRAGMA journal_mode'), [['wal']])
    assert.deepEqual(
      query(target, 'SELECT user_version, application_id FROM pragma_user_version, pragma_application_id'),
      [[42, 4711]],
    )
    assert.deepEqual(query(target, 'SELECT rowid, v FROM t'), [
      [7, 'x'],
      [900, 'y'],
    ])
    assert.equal(statSync(target).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(join(folder, 'in')), ['dev.db'], 'nothing is left beside the source')
  })

  testWithPython(`${engine.name}: functions and collations that it does not know do not hinder it`, async (t) => {
    const { source, target } = prepare(t)
    python(withUnknownFunctions, source)
    await snapshot(source, target, engine)
    assert.deepEqual(query(target, 'SELECT v FROM t NOT INDEXED'), [['Åse']])
    assert.deepEqual(query(target, "SELECT count(*) FROM sqlite_master WHERE type = 'index'"), [[2]])
  })

  testWithPython(`${engine.name}: spaces, quotes, unicode, ?, % and # in a path are nothing but a path`, async (t) => {
    const name = `it's "a" 100 %41 ü 漢 ?mode=rw#x \\ ;.db`
    const { folder, source, target } = prepare(t, name)
    python(rowsInLogOnly, source)
    await snapshot(source, target, engine)
    assert.deepEqual(readdirSync(join(folder, 'out')), [name])
    assert.deepEqual(query(target, 'SELECT count(*) FROM t'), [[100]])
  })

  testWithPython(`${engine.name}: a full disk leaves nothing behind`, async (t) => {
    const world = prepare(t)
    const { source } = world
    const small = mountSmallDisk(world)
    if (small === undefined) return t.skip('a file system of 1 MB cannot be mounted here (root can)')
    python('db.execute("CREATE TABLE t(v)"); db.execute("INSERT INTO t VALUES (randomblob(3000000))")', source)
    writeFileSync(join(small, 'copy.db'), 'what was there before')
    await assert.rejects(snapshot(source, join(small, 'copy.db'), engine), isError(/the disk is full/))
    assert.deepEqual(readdirSync(small), ['copy.db'])
    assert.equal(readFileSync(join(small, 'copy.db'), 'utf8'), 'what was there before')
  })

  testWithPython(`${engine.name}: an empty database is copied too`, async (t) => {
    const { source, target } = prepare(t)
    writeFileSync(source, '')
    await snapshot(source, target, engine)
    assert.deepEqual(query(target, 'SELECT * FROM sqlite_master'), [])
  })
}

testWithPython('the log of an older database of that name does not come back to life', async (t) => {
  const { source, target } = prepare(t)
  python(rowsInLogOnly, target)
  python('db.execute("CREATE TABLE fresh(v)")', source)
  assert.ok(existsSync(`${target}-wal`))
  await snapshot(source, target, anyEngine)
  assert.deepEqual(query(target, 'SELECT name FROM sqlite_master'), [['fresh']])
})

test('a source that is missing is named, and not created', async (t) => {
  const { folder, source, target } = prepare(t)
  await assert.rejects(snapshot(source, target), isError(/there is no database .*dev\.db/))
  assert.equal(existsSync(source), false)
  assert.deepEqual(readdirSync(join(folder, 'out')), [])
})

test('a file that is no database is refused', async (t) => {
  const { source, target } = prepare(t)
  writeFileSync(source, 'SQLite format 2: '.repeat(100))
  await assert.rejects(snapshot(source, target), isError(/is not a SQLite database/))
  assert.equal(existsSync(target), false)
})

testWithPython('a damaged database is refused by name', async (t) => {
  const { folder, source, target } = prepare(t)
  python('db.execute("CREATE TABLE t(v)"); db.execute("INSERT INTO t VALUES (randomblob(50000))")', source)
  const bytes = readFileSync(source)
  bytes.fill(0xff, 4096)
  writeFileSync(source, bytes)
  await assert.rejects(snapshot(source, target, anyEngine), isError(/dev\.db cannot be copied: it is damaged/))
  assert.deepEqual(readdirSync(join(folder, 'out')), [])
})

testWithPython('a database is never made a copy of itself', async (t) => {
  const { source } = prepare(t)
  python('db.execute("CREATE TABLE t(v)")', source)
  await assert.rejects(snapshot(source, source), isError(/copy of itself/))
})

test('a folder that cannot be made is an error that names the target', async (t) => {
  const { folder, source } = prepare(t)
  writeFileSync(source, '')
  writeFileSync(join(folder, 'file'), '')
  await assert.rejects(snapshot(source, join(folder, 'file', 'x.db')), isError(/file\/x\.db cannot be made/))
})

testWithPython('a copy without any SQLite brings the log in, keeps WAL mode, and warns', async (t) => {
  const { folder, source, target } = prepare(t)
  python(rowsInLogOnly, source)
  const warnings: string[] = []
  const reporter = { ...silent, warn: (text: string) => void warnings.push(text) }
  await snapshotDatabase({ source, target, packageRoots, reporter, engines: [provenCopy] })
  assert.match(warnings.join(), /no SQLite was found/)
  assert.deepEqual(readdirSync(join(folder, 'out')), ['copy.db'])
  assert.deepEqual(query(target, 'SELECT count(*) FROM t'), [[100]])
  assert.deepEqual(query(target, 'PRAGMA integrity_check'), [['ok']])
})

describe('what takes as long as the wait for a lock', { concurrency: true }, () => {
  testWithPython('a database that stays locked is an error that says so', async (t) => {
    const world = prepare(t)
    await startPython(world, lockingProgram)
    await assert.rejects(snapshot(world.source, world.target, anyEngine), isError(/another program keeps it locked/))
  })

  for (const [state, begin] of [
    ['written to', (world: World) => startWriter(world, 'wal')],
    ['cut off in a transaction', ({ source }: World) => python(hotJournal, source)],
  ] as const) {
    testWithPython(`a copy without any SQLite is refused while it is ${state}`, async (t) => {
      const world = prepare(t)
      await begin(world)
      const message = /written to all the time, or a transaction was cut off/
      await assert.rejects(snapshot(world.source, world.target, provenCopy), isError(message))
      assert.deepEqual(readdirSync(join(world.folder, 'out')), [])
    })
  }
})

testWithPython('a big database is copied in another process, with progress', async (t) => {
  const { source, target } = prepare(t)
  python('db.execute("CREATE TABLE t(v)"); db.execute("INSERT INTO t VALUES (zeroblob(70000000))")', source)
  const lines: string[] = []
  const reporter = { ...silent, progress: (text: string) => void lines.push(text) }
  const slowEngines = engines.map((engine) => ({
    ...engine,
    perform: async (...args: Parameters<SqliteEngine['perform']>) => {
      await new Promise((resolve) => setTimeout(resolve, 1200))
      return engine.perform(...args)
    },
    isBlocking: false,
  }))
  await snapshotDatabase({ source, target, packageRoots, reporter, engines: slowEngines })
  assert.match(lines[0] ?? '', /^copying dev\.db: \d+ %, \d+ of 70 MB$/)
  for (const engine of engines) {
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const { bytes } = await snapshot(source, target, engine)
    clearInterval(timer)
    assert.equal(bytes, statSync(target).size)
    assert.ok(ticks > 0, `${engine.name} held this process up`)
  }
})

/** Needs python3 for what no copy can make: writers, killed ones, functions of one's own. */
function testWithPython(title: string, work: (t: TestContext) => Promise<void>): void {
  test(title, (t) => {
    if (hasPython) return work(t)
    if (process.env['CI']) assert.fail('python3 with its sqlite3 module is not installed')
    return t.skip('python3 with its sqlite3 module is not installed')
  })
}

async function findEngines(): Promise<SqliteEngine[]> {
  const found: SqliteEngine[] = []
  for (const engine of sqliteEngines.filter(({ name }) => name !== 'copy')) {
    const task = { kind: 'vacuum', source: '/nonexistent', target: '/nonexistent', readOnly: true } as const
    if ((await engine.perform(task, packageRoots)).state !== 'absent') found.push(engine)
  }
  return found
}

type World = {
  folder: string
  source: string
  target: string
  /** Done, in this order, before the folder goes. */
  cleanUps: (() => Promise<void> | void)[]
}

function prepare(t: TestContext, name?: string): World {
  const cleanUps: World['cleanUps'] = []
  t.after(async () => {
    for (const cleanUp of cleanUps) await cleanUp()
  })
  const { folder } = createSandbox(t)
  mkdirSync(join(folder, 'in'))
  mkdirSync(join(folder, 'out'))
  return {
    folder,
    source: join(folder, 'in', name ?? 'dev.db'),
    target: join(folder, 'out', name ?? 'copy.db'),
    cleanUps,
  }
}

function snapshot(source: string, target: string, engine?: SqliteEngine): Promise<{ engine: string; bytes: number }> {
  return snapshotDatabase({ source, target, packageRoots, reporter: silent, ...(engine && { engines: [engine] }) })
}

/** The engine as it is when it has no other way than this one. */
function only(kind: SqliteTask['kind'], engine: SqliteEngine): SqliteEngine {
  return {
    ...engine,
    perform: async (task, roots) => (task.kind === kind ? engine.perform(task, roots) : { state: 'absent' }),
  }
}

function isError(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof IsolateError && pattern.test(error.message)
}

const preamble = `
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
`

const rowsInLogOnly = `
db.execute("PRAGMA journal_mode = wal")
db.execute("CREATE TABLE t(v)")
for n in range(100): db.execute("INSERT INTO t VALUES (?)", (n,))
os.kill(os.getpid(), signal.SIGKILL)
`

/** A cache of one page, so that the transaction reaches the file before it ends. */
const hotJournal = `
db.execute("CREATE TABLE t(v)")
db.execute("INSERT INTO t VALUES ('kept')")
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN")
db.execute("UPDATE t SET v = 'lost'")
for n in range(500): db.execute("INSERT INTO t VALUES (randomblob(2000))")
os.kill(os.getpid(), signal.SIGKILL)
`

const withOddities = `
db.execute("PRAGMA journal_mode = wal")
db.execute("PRAGMA user_version = 42")
db.execute("PRAGMA application_id = 4711")
db.execute("CREATE TABLE t(v)")
db.execute("INSERT INTO t(rowid, v) VALUES (7, 'x'), (8, 'gone'), (900, 'y')")
db.execute("DELETE FROM t WHERE rowid = 8")
db.close()
`

const withUnknownFunctions = `
db.create_function("shout", 1, lambda text: text.upper(), deterministic=True)
db.create_collation("nordic", lambda a, b: (a > b) - (a < b))
db.execute("CREATE TABLE t(v CHECK (shout(v) <> 'X'), loud AS (shout(v)) STORED, w TEXT COLLATE nordic)")
db.execute("CREATE INDEX by_shout ON t(shout(v))")
db.execute("CREATE INDEX by_nordic ON t(w)")
db.execute("INSERT INTO t(v, w) VALUES ('Åse', 'b')")
`

const lockingProgram = `
db.execute("CREATE TABLE t(v)")
db.execute("BEGIN EXCLUSIVE")
print(1, flush=True)
sys.stdin.read()
`

const endlessWriter = `
db.execute("PRAGMA journal_mode = " + sys.argv[2])
db.execute("PRAGMA synchronous = off")
db.execute("CREATE TABLE a(n, filler)")
db.execute("CREATE TABLE b(n, filler)")
db.execute("CREATE TABLE bulk AS SELECT zeroblob(5000000) AS filler")
for n in range(1, 1 << 30):
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO a VALUES (?, randomblob(500))", (n,))
    db.execute("INSERT INTO b VALUES (?, randomblob(500))", (n,))
    db.execute("COMMIT")
    if n % 200 == 0: print(n, flush=True)
`

/** Runs a program with `db` open on the database, to its end. A kill of itself is a part of some. */
function python(program: string, database: string): void {
  const { status, signal, stderr } = spawnSync('python3', ['-I', '-c', preamble + program, database], {
    encoding: 'utf8',
  })
  assert.ok(status === 0 || signal === 'SIGKILL', stderr)
}

function query(database: string, sql: string): unknown[][] {
  const program = `${preamble}\nimport json\nprint(json.dumps(db.execute(sys.argv[2]).fetchall()))`
  const { stdout, stderr } = spawnSync('python3', ['-I', '-c', program, database, sql], { encoding: 'utf8' })
  assert.notEqual(stdout, '', stderr)
  const rows: unknown = JSON.parse(stdout)
  assert.ok(Array.isArray(rows))
  return rows.filter((row) => Array.isArray(row))
}

/** A program that goes on until the test ends; it has written a line when this resolves. */
async function startPython(world: World, program: string, ...args: string[]): Promise<Interface> {
  const child = spawn('python3', ['-I', '-c', preamble + program, world.source, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  world.cleanUps.push(async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  })
  const lines = createInterface({ input: child.stdout })
  await once(lines, 'line')
  return lines
}

type Writer = { nextCount: () => Promise<number> }

/** Commits to two tables, one row each, without a pause. `nextCount` is the number of commits at some later moment. */
async function startWriter(world: World, journal: string): Promise<Writer> {
  const lines = await startPython(world, endlessWriter, journal)
  return {
    nextCount: async () => {
      const [line]: unknown[] = await once(lines, 'line')
      return Number(line)
    },
  }
}

function mountSmallDisk({ folder, cleanUps }: World): string | undefined {
  const small = join(folder, 'small')
  mkdirSync(small)
  if (spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]).status !== 0) return undefined
  cleanUps.push(() => void spawnSync('/bin/umount', [small]))
  return small
}
