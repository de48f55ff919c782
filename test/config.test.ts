import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../lib/config.ts'

const parse = (value: unknown) => parseConfig(JSON.stringify(value), '/repo/agent-isolate.json')

test('no file, and an empty object, give the defaults', () => {
  const config = parseConfig('', '/repo/agent-isolate.json')
  assert.deepEqual(config, parse({}))
  assert.deepEqual(config.database, { provider: 'sqlite', path: '.agent-isolate/dev.db', seed: undefined })
  assert.deepEqual(config.ports, { names: [], range: [20000, 29999] })
  assert.equal(config.worktrees.folder, '.claude/worktrees')
})

test('what is set replaces the defaults, and only that', () => {
  const config = parse({
    $schema: './agent-isolate.schema.json',
    database: { path: 'prisma/dev.db', seed: 'prisma/seed.db' },
    ports: { names: ['api'], range: [4000, 4999] },
    sync: { upstream: 'origin/main', fetch: 'never' },
  })
  assert.deepEqual(config.database, { provider: 'sqlite', path: 'prisma/dev.db', seed: 'prisma/seed.db' })
  assert.deepEqual(config.ports, { names: ['api'], range: [4000, 4999] })
  assert.deepEqual(config.sync, { upstream: 'origin/main', fetch: 'never', timeoutMs: 5000 })
  assert.deepEqual(config.dependencies, { node_modules: 'auto', '.venv': 'auto' })
})

test('an error names the file and the key at fault', () => {
  const table: [unknown, RegExp][] = [
    [[], /the file must be an object/],
    [{ port: 1 }, /unknown key "port"/],
    [{ ports: { range: [20000, 20005] } }, /"ports\.range"/],
    [{ ports: { range: [80, 90] } }, /"ports\.range"/],
    [{ ports: { range: '4000' } }, /"ports\.range"/],
    [{ ports: { names: ['API'] } }, /"ports\.names"/],
    [{ ports: { names: 'api' } }, /"ports\.names"/],
    [{ ports: null }, /"ports" must be an object/],
    [{ database: { provider: 'oracle' } }, /"database\.provider" must be one of sqlite, none/],
    [{ database: { path: '../x.db' } }, /"database\.path"/],
    [{ database: { path: '/tmp/x.db' } }, /"database\.path"/],
    [{ database: { url: 'x' } }, /unknown key "database\.url"/],
    [{ environment: { file: '.git' } }, /"environment\.file"/],
    [{ environment: { file: 'a/../../b' } }, /"environment\.file"/],
    [{ copy: ['a', '../b'] }, /"copy"/],
    [{ copy: [1] }, /"copy"/],
    [{ worktrees: { branchPrefix: '-x' } }, /"worktrees\.branchPrefix"/],
    [{ worktrees: { folder: '.' } }, /"worktrees\.folder"/],
    [{ dependencies: { node_modules: 'copy' } }, /"dependencies\.node_modules"/],
    [{ sync: { fetch: true } }, /"sync\.fetch"/],
    [{ sync: { upstream: '--exec=x' } }, /"sync\.upstream"/],
    [{ sync: { timeoutSeconds: 0 } }, /"sync\.timeoutSeconds"/],
    [{ setup: 'npm ci' }, /"setup"/],
    [{ __proto__x: 1 }, /unknown key/],
  ]
  for (const [value, pattern] of table) {
    assert.throws(
      () => parse(value),
      (error: Error) => {
        assert.equal(error.name, 'IsolateError')
        assert.match(error.message, pattern)
        assert.match(error.message, /^\/repo\/agent-isolate\.json: /)
        return true
      },
    )
  }
  assert.throws(() => parseConfig('{ "a": ', '/repo/agent-isolate.json'), /is not JSON/)
})
