/** Databases made by a script of SQL, with every engine of this machine in turn. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import type { Reporter } from '../../lib/report/reporter.ts'
import type { SqliteEngine } from '../../lib/database/sqlite/engine.ts'
import { sqliteEngines } from '../../lib/database/sqlite/engines.ts'
import { createDatabaseFromSql } from '../../lib/database/sqlite/run-sql.ts'
import { createSandbox } from '../support/sandbox.ts'

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined }
const betterSqlite3Folder = process.env['AGENT_ISOLATE_TEST_BETTER_SQLITE3']
const packageRoots = betterSqlite3Folder === undefined ? [] : [betterSqlite3Folder]

const engines = await findEngines()

for (const engine of engines) {
  test(`${engine.name}: a script makes the database, WAL mode and all`, async (t) => {
    const { run, target } = prepare(t, engine)
    const { bytes } = await run(
      `\uFEFFPRAGMA journal_mode = wal;
      PRAGMA user_version = 3;
      CREATE TABLE child(parent REFERENCES parent(id)); -- a child before its parent
      INSERT INTO child VALUES (1);
      CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT);
      BEGIN; INSERT INTO parent VALUES (1, 'Zoë; "quoted" ''too'''); COMMIT
      -- no semicolon, and no newline at the end`,
    )
    const content = readFileSync(target)
    assert.equal(bytes, content.length)
    assert.ok(content.includes(`Zoë; "quoted" 'too'`))
    assert.equal(content.readUInt32BE(60), 3, 'user_version')
    assert.deepEqual([...content.subarray(18, 20)], [2, 2], 'WAL mode')
    assert.equal(statSync(target).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(dirname(target)), ['dev.db'])
  })

  for (const [fault, sql, message] of [
    [
      'a wrong statement',
      'CREATE TABLE t(v); INSRT INTO t VALUES (1);',
      /seed\.sql failed: .*near "INSRT": syntax error/,
    ],
    [
      'a broken constraint',
      'CREATE TABLE t(v UNIQUE); INSERT INTO t VALUES (1), (1);',
      /UNIQUE constraint failed: t\.v/,
    ],
    ['a transaction left open', 'BEGIN; CREATE TABLE t(v);', /cannot start a transaction within a transaction/],
    ['a command of the sqlite3 program', '.shell touch made-by-shell\nCREATE TABLE t(v);', /seed\.sql failed/],
  ] as const) {
    test(`${engine.name}: ${fault} is an error that names the script, and nothing is made`, async (t) => {
      const { run, target } = prepare(t, engine)
      await assert.rejects(run(sql), (error) => error instanceof IsolateError && message.test(error.message))
      assert.deepEqual(readdirSync(dirname(target)), [])
      assert.equal(existsSync('made-by-shell'), false)
    })
  }
}

test('a function that an engine lacks is looked for in the next one', async (t) => {
  const { run } = prepare(t)
  await assert.rejects(run('CREATE TABLE t(v); INSERT INTO t VALUES (nowhere_known(1));'), (error) => {
    assert.ok(error instanceof IsolateError)
    const tried = error.message.match(/no such function: nowhere_known/g)
    return tried?.length === engines.length
  })
})

test('a script that is missing is named', async (t) => {
  const { run, script } = prepare(t)
  await assert.rejects(run(undefined), (error) => error instanceof IsolateError && error.message.includes(script))
})

/** sqlite-snapshot.test.ts sees to it that none is missed in CI. */
async function findEngines(): Promise<SqliteEngine[]> {
  const task = { kind: 'script', script: '/dev/null', target: ':memory:' } as const
  const found: SqliteEngine[] = []
  for (const engine of sqliteEngines) {
    if ((await engine.perform(task, packageRoots)).state !== 'absent') found.push(engine)
  }
  return found
}

type Seed = {
  script: string
  target: string
  run: (sql: string | undefined) => ReturnType<typeof createDatabaseFromSql>
}

function prepare(t: TestContext, engine?: SqliteEngine): Seed {
  const { folder, write } = createSandbox(t)
  const script = join(folder, "it's a seed.sql")
  const target = join(folder, 'out', 'dev.db')
  const run: Seed['run'] = (sql) => {
    if (sql !== undefined) write("it's a seed.sql", sql)
    return createDatabaseFromSql({
      script,
      target,
      packageRoots,
      reporter: silent,
      ...(engine && { engines: [engine] }),
    })
  }
  return { script, target, run }
}
