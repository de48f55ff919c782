/** The same snapshot in each runtime that the engine is made for: small, and so big that another process makes it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'node:test'
import { createSandbox } from '../support/sandbox.ts'

const lib = pathToFileURL(join(import.meta.dirname, '../..', 'lib')).href

/** Makes a database by SQL, copies it, makes the copy big by SQL, copies that; tells what came out, and how often it could breathe. */
const program = `
import { writeFileSync } from 'node:fs'
import { createDatabaseFromSql } from '${lib}/database/sqlite/run-sql.ts'
import { snapshotDatabase } from '${lib}/database/sqlite/snapshot.ts'
import { sqliteEngines } from '${lib}/database/sqlite/engines.ts'

const reporter = { info: () => {}, warn: () => {}, progress: () => {} }
const common = { packageRoots: [], reporter, engines: sqliteEngines.filter(({ name }) => name === 'node:sqlite') }
writeFileSync('small.sql', "CREATE TABLE t(v); INSERT INTO t VALUES ('x');")
writeFileSync('big.sql', 'CREATE TABLE t(v); INSERT INTO t VALUES (zeroblob(70000000));')
const answers = []
for (const name of ['small', 'big']) {
  await createDatabaseFromSql({ script: name + '.sql', target: name + '.db', ...common })
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const { engine, bytes } = await snapshotDatabase({ source: name + '.db', target: name + '-copy.db', ...common })
  clearInterval(timer)
  answers.push([name, engine, bytes, ticks > 0])
}
console.log(JSON.stringify(answers))
`

for (const [variable, ...args] of [
  ['AGENT_ISOLATE_TEST_NODE22'],
  ['AGENT_ISOLATE_TEST_NODE24'],
  ['AGENT_ISOLATE_TEST_DENO', 'run', '--allow-all', '--quiet'],
  ['AGENT_ISOLATE_TEST_BUN'],
] as const) {
  test(`the runtime that ${variable} names copies with its own SQLite, big ones in another process, silently`, (t) => {
    const runtime = process.env[variable]
    if (runtime === undefined && process.env['CI']) assert.fail(`${variable} is not set`)
    if (runtime === undefined) return t.skip(`${variable} is not set`)
    const { folder, env, write } = createSandbox(t)
    const file = write('program.mjs', program)
    const { stdout, stderr } = spawnSync(runtime, [...args, file], { cwd: folder, env, encoding: 'utf8' })
    assert.equal(stderr, '')
    const [small, big]: unknown[] = JSON.parse(stdout)
    assert.deepEqual(small, ['small', 'node:sqlite', 8192, false])
    assert.ok(Array.isArray(big))
    assert.deepEqual([big[0], big[1], big[3]], ['big', 'node:sqlite', true])
  })
}
