import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../lib/project/config.ts'

const parse = (value: unknown) => parseConfig(JSON.stringify(value), '/repo/agent-isolate.json')

test('no file, and an empty object, give the defaults', () => {
  const config = parseConfig('', '/repo/agent-isolate.json')
  assert.deepEqual(config, parse({}))
  assert.deepEqual(config.database, {
    provider: 'sqlite',
    path: '.agent-isolate/dev.db',
    seed: undefined,
    further: [],
    hasTest: false,
  })
  assert.deepEqual(config.ports, { names: [], range: [20000, 29999], remap: {} })
  assert.equal(config.worktrees.folder, '.claude/worktrees')
})

test('what is set replaces the defaults, and only that', () => {
  const config = parse({
    $schema: './agent-isolate.schema.json',
    database: { path: 'prisma/dev.db', seed: 'prisma/seed.db' },
    ports: { names: ['api'], range: [4000, 4999] },
    sync: { upstream: 'origin/main', fetch: 'never' },
  })
  assert.deepEqual(config.database, {
    provider: 'sqlite',
    path: 'prisma/dev.db',
    seed: 'prisma/seed.db',
    further: [],
    hasTest: false,
  })
  assert.deepEqual(config.ports, { names: ['api'], range: [4000, 4999], remap: {} })
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
    [{ ports: { remap: { web: 'app' } } }, /"ports\.remap"/],
    [{ ports: { remap: { '3000': 'API' } } }, /"ports\.remap"/],
    [{ environment: { leaveOut: ['../x'] } }, /"environment\.leaveOut"/],
    [{ environment: { files: { '../.env': {} } } }, /"environment\.files"/],
    [{ environment: { files: { '.env': { 'A B': '1' } } } }, /"environment\.files"/],
    [{ ports: null }, /"ports" must be an object/],
    [
      { database: { provider: 'oracle' } },
      /"database\.provider" must be one of sqlite, postgres-docker, postgres-server, none/,
    ],
    [{ database: { provider: 'postgres-server' } }, /"database\.url" must be set/],
    [{ database: { provider: 'postgres-server', url: '$X', image: 'x' } }, /unknown key "database\.image"/],
    [{ database: { provider: 'postgres-docker', image: '--privileged' } }, /"database\.image"/],
    [{ database: { provider: 'postgres-docker', name: 'a"b' } }, /"database\.name"/],
    [{ database: { provider: 'postgres-docker', name: 'agent_base' } }, /"database\.name"/],
    [{ database: { provider: 'postgres-docker', name: 'template1' } }, /"database\.name"/],
    [{ database: { provider: 'postgres-docker', runArgs: ['--name=x'] } }, /"database\.runArgs"/],
    [{ database: { provider: 'postgres-docker', runArgs: ['-l', 'a=b'] } }, /"database\.runArgs"/],
    [{ database: { provider: 'postgres-docker', runArgs: ['--network=host'] } }, /"database\.runArgs"/],
    [{ database: { provider: 'postgres-docker', runArgs: ['-v /tmp:/x'] } }, /"database\.runArgs"/],
    [{ database: { provider: 'postgres-docker', runArgs: ['--rm'] } }, /"database\.runArgs"/],
    [{ database: { provider: 'postgres-docker', isolation: 'both' } }, /"database\.isolation"/],
    [{ database: { provider: 'postgres-docker', startTimeoutSeconds: 0 } }, /"database\.startTimeoutSeconds"/],
    [{ database: { provider: 'postgres-docker', seed: '../x' } }, /"database\.seed"/],
    [{ database: { test: 'yes' } }, /"database\.test" must be true or false/],
    [
      { database: { provider: 'postgres-docker' }, compose: { ports: { db: 5432 } } },
      /"compose\.ports" must be without "db"/,
    ],
    [{ compose: { ports: ['db'] } }, /"compose\.ports"/],
    [{ compose: { ports: { db: 0 } } }, /"compose\.ports"/],
    [{ compose: { ports: { db: [] } } }, /"compose\.ports"/],
    [{ compose: { ports: { db: 5432, DB: 5433 } } }, /would both be the port "db"/],
    [{ database: { path: '../x.db' } }, /"database\.path"/],
    [{ database: { path: '/tmp/x.db' } }, /"database\.path"/],
    [{ database: { url: 'x' } }, /unknown key "database\.url"/],
    [{ environment: { file: '.git' } }, /"environment\.file"/],
    [{ environment: { file: 'a/../../b' } }, /"environment\.file"/],
    [{ copy: ['a', '../b'] }, /"copy"/],
    [{ copy: [1] }, /"copy"/],
    [{ worktrees: { branchPrefix: '-x' } }, /"worktrees\.branchPrefix"/],
    [{ worktrees: { folder: '.' } }, /"worktrees\.folder"/],
    [{ dependencies: { node_modules: 'copied' } }, /"dependencies\.node_modules"/],
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
