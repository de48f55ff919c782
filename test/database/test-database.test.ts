/** A second database for each worktree's tests, in files; those on servers are in the tests of their provider. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSandbox } from '../support/sandbox.ts'
import { loadLeases, readEnv } from '../support/state.ts'
import { hasTheRow, writeTinyDatabase } from '../support/tiny-database.ts'

const config = JSON.stringify({ database: { path: 'prisma/dev.db', test: true } })

test('with "test" a worktree has two databases from one seed, each put back on its own, and both go with it', (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('repo', {
    'agent-isolate.json': config,
    '.gitignore': '*.db\n',
    'prisma/schema.prisma': '',
  })
  writeTinyDatabase(join(main, 'prisma/dev.db'))
  const worktree = sandbox.cli(main, 'create', 'one')
  const own = join(worktree, 'prisma/dev.db')
  const tests = join(worktree, 'prisma/dev-test.db')
  assert.ok(hasTheRow(own) && hasTheRow(tests))
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  const env = readEnv(join(worktree, '.env.local'))
  assert.equal(env['DATABASE_URL'], `file:${own}`)
  assert.equal(env['TEST_DATABASE_URL'], `file:${tests}`)
  assert.equal(sandbox.cli(worktree, 'db', 'url', '--test'), `file:${tests}`)

  for (const path of [own, tests]) writeFileSync(path, 'spoilt')
  sandbox.cli(worktree, 'db', 'reset', '--test')
  assert.ok(hasTheRow(tests))
  assert.equal(readFileSync(own, 'utf8'), 'spoilt')
  sandbox.cli(main, 'remove', 'one')
  assert.ok(!existsSync(worktree))
  assert.deepEqual(loadLeases(sandbox), [])
})

test('without "test" there is none, and asking for it says what to do', (t) => {
  const sandbox = createSandbox(t)
  const worktree = sandbox.cli(sandbox.repository('repo'), 'create', 'one')
  assert.equal(readEnv(join(worktree, '.env.local'))['TEST_DATABASE_URL'], undefined)
  assert.throws(() => sandbox.cli(worktree, 'db', 'url', '--test'), /has no test database[^]*"test": true/)
})

test('"test" set later brings the database with the next set-up', (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('repo', { '.gitignore': '*.db\n' })
  const worktree = sandbox.cli(main, 'create', 'one')
  sandbox.write('repo/agent-isolate.json', JSON.stringify({ database: { test: true } }))
  sandbox.cli(worktree, 'setup')
  assert.match(sandbox.cli(worktree, 'env'), /^export TEST_DATABASE_URL='file:.*\/\.agent-isolate\/dev-test\.db'$/m)
})
