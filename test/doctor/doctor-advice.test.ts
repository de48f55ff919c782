/** What the doctor advises where a database or a compose file is shared, by what agent-isolate.json says already. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Finding } from '../../doctor/check.ts'
import { portsCheck } from '../../doctor/check-ports.ts'
import { templateCheck } from '../../doctor/check-repository.ts'
import { servicesCheck } from '../../doctor/check-services.ts'
import { sharedDatabasesCheck } from '../../doctor/check-shared-databases.ts'
import { loadContext } from '../../doctor/load-context.ts'
import { runCli } from '../support/cli.ts'
import { useEnvironment } from '../support/remote.ts'
import { createSandbox } from '../support/sandbox.ts'

const checks = [templateCheck, portsCheck, sharedDatabasesCheck]
const reporter = { info: () => {}, warn: () => {}, progress: () => {} }

async function findFaults(t: TestContext, config: unknown, files: Record<string, string>): Promise<Finding[]> {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { 'agent-isolate.json': JSON.stringify(config), ...files })
  const context = await loadContext(root, sandbox.env, reporter)
  const found = await Promise.all(checks.map(async (check) => check.run(context)))
  return found.flat().filter(({ severity }) => severity !== 'ok')
}

const container = { provider: 'postgres-docker' }
const server = { provider: 'postgres-server', url: '$SHOP_URL' }
const template = '.env.agent.template'

const advices: readonly [title: string, database: unknown, line: string, fix: string][] = [
  [
    'a server of this machine',
    { provider: 'none' },
    'SHOP=postgres://u:p@localhost:5432/shop',
    'in agent-isolate.json: "database": { "provider": "postgres-docker", "isolation": "database" }\n' +
      `and in ${template}: SHOP=$AGENT_DATABASE_URL`,
  ],
  [
    'a server elsewhere',
    { provider: 'none' },
    'SHOP=postgres://u:p@db.example.com/shop',
    'in agent-isolate.json: "database": { "provider": "postgres-server", "url": "$SHOP" }\n' +
      `and in ${template}: SHOP=$AGENT_DATABASE_URL`,
  ],
  [
    'a container is configured',
    container,
    'SHOP=postgres://localhost/shop',
    `in ${template}: SHOP=$AGENT_DATABASE_URL`,
  ],
  [
    'a container is configured, and the driver has a scheme of its own',
    container,
    'SHOP=postgresql+asyncpg://localhost/shop',
    `in ${template}: SHOP=postgresql+asyncpg://$AGENT_DB_USER:$AGENT_DB_PASSWORD@$AGENT_DB_HOST:$DYNAMIC_DB_PORT/$AGENT_DB_NAME`,
  ],
  [
    'a server is configured, whose URL keeps its scheme',
    server,
    'SHOP=postgresql+asyncpg://localhost/shop',
    `in ${template}: SHOP=$AGENT_DATABASE_URL`,
  ],
  [
    'the database is for tests',
    server,
    'SHOP_TEST_URL=postgres://localhost/test',
    `in ${template}: SHOP_TEST_URL=$AGENT_TEST_DATABASE_URL\nand in agent-isolate.json, under "database": "test": true`,
  ],
  [
    'the database is for tests, and worktrees have one',
    { ...server, test: true },
    'SHOP_TEST_URL=postgres://localhost/test',
    `in ${template}: SHOP_TEST_URL=$AGENT_TEST_DATABASE_URL`,
  ],
  [
    'it is of another kind',
    container,
    'SHOP=mysql://u:p@localhost:3306/shop',
    'in agent-isolate.json: "services": { "mysql": { "kind": "mysql", "url": "$SHOP" } }\n' +
      `and in ${template}: SHOP=$AGENT_MYSQL_URL`,
  ],
]

for (const [title, database, line, fix] of advices) {
  test(`a shared database in .env: ${title}`, async (t) => {
    const found = await findFaults(t, { database }, { '.env': `${line}\n` })
    assert.deepEqual(
      found.map((each) => [each.id, each.fix]),
      [['shared-databases.url', fix]],
    )
  })
}

test('the variable of "database.url" is for us, unless the project reads it; DATABASE_URL is overwritten', async (t) => {
  const url = 'postgres://localhost/shop'
  const files = { '.env': `SHOP_URL=${url}\nDATABASE_URL=${url}\n` }
  assert.deepEqual(await findFaults(t, { database: server }, files), [])
  const own = { ...files, [template]: 'PORT=$AGENT_DYNAMIC_PORT\n' }
  const found = await findFaults(t, { database: { ...server, url: '$DATABASE_URL' } }, own)
  assert.deepEqual(
    found.map(({ line }) => line),
    [1, 2],
  )
})

test('a template is right where it names what a PostgreSQL database has, and the ports of compose services', async (t) => {
  const config = { database: { ...container, test: true }, compose: { ports: { redis: 6379 } } }
  const lines = ['AGENT_TEST_DATABASE_URL', 'AGENT_DB_HOST', 'DYNAMIC_DB_PORT', 'AGENT_DB_USER', 'AGENT_PORT_REDIS']
  const text = lines.map((name, index) => `A${index}=$${name}\n`).join('')
  assert.deepEqual(await findFaults(t, config, { [template]: text }), [])
})

for (const [title, config, line, fix] of [
  [
    'a Redis URL',
    {},
    'REDIS_URL=redis://:secret@localhost:6379/0',
    'in agent-isolate.json: "services": { "redis": { "kind": "redis", "url": "$REDIS_URL" } }\n' +
      `and in ${template}: REDIS_URL=$AGENT_REDIS_URL`,
  ],
  [
    'a Redis URL that is configured under another name',
    { services: { cache: { kind: 'redis', url: '$REDIS_URL' } } },
    'REDIS_URL=redis://localhost:6379',
    `in ${template}: REDIS_URL=$AGENT_CACHE_URL`,
  ],
  [
    'a search server',
    {},
    'ELASTICSEARCH_URL=http://localhost:9200',
    'in agent-isolate.json: "services": { "elasticsearch": { "kind": "prefix" } }\n' +
      `and begin the names of its indices or buckets with $AGENT_ELASTICSEARCH_PREFIX (set it in ${template})`,
  ],
  [
    'the application',
    {},
    'API_URL=http://localhost:4000',
    `in ${template} (agent-isolate init makes it): API_URL=http://localhost:$AGENT_DYNAMIC_PORT`,
  ],
] as const) {
  test(`an address in an env file leads to what it is of, and only the application to its port: ${title}`, async (t) => {
    const found = await findFaults(t, { database: { provider: 'none' }, ...config }, { '.env': `${line}\n` })
    assert.deepEqual(
      found.map((one) => one.fix),
      [fix],
    )
    assert.ok(!JSON.stringify(found).includes('secret'))
  })
}

test('a server that worktrees could not use is found before the first one fails', async (t) => {
  const sandbox = createSandbox(t)
  const services = {
    near: { kind: 'redis', url: 'redis://:secret@127.0.0.1:1/0' },
    far: { kind: 'mysql', url: 'mysql://root:secret@db.example.com/shop' },
    unset: { kind: 'redis', url: '$NOWHERE_URL' },
    search: { kind: 'prefix' },
  }
  const root = sandbox.repository('repo', { 'agent-isolate.json': JSON.stringify({ services }) })
  const find = async (): Promise<readonly Finding[]> =>
    servicesCheck.run(await loadContext(root, sandbox.env, reporter))
  useEnvironment(t, sandbox.env)
  assert.deepEqual(
    (await find()).map(({ id, message }) => [id, message]),
    [['services.untrusted', 'worktrees get nothing of near, far, unset: this repository is not trusted']],
  )
  await runCli(sandbox, root, ['trust'])
  const found = await find()
  assert.match(found[0]?.message ?? '', /the Redis server localhost:1 cannot be reached/)
  assert.match(found[1]?.message ?? '', /"services\.far" leads to db\.example\.com:3306, which is not this machine/)
  assert.match(found[2]?.message ?? '', /"services\.unset\.url" needs \$NOWHERE_URL, which is set nowhere/)
  assert.ok(!JSON.stringify(found).includes('secret'))
})

test('a template that names a service’s own part is right, and one that fixes its port is not told of the application’s', async (t) => {
  const services = { redis: { kind: 'redis', url: '$REDIS_URL' } }
  const files = { '.env': 'REDIS_URL=redis://localhost:6379\n', [template]: 'REDIS_URL=$AGENT_REDIS_URL\n' }
  assert.deepEqual(await findFaults(t, { database: { provider: 'none' }, services }, files), [])
  const fixed = { [template]: 'REDIS_URL=redis://localhost:6379\nREDIS_PORT=6379\n' }
  const found = await findFaults(t, { database: { provider: 'none' } }, fixed)
  assert.equal(found.length, 2)
  assert.ok(found.every(({ fix = '' }) => fix.includes('"services"') && !fix.includes('DYNAMIC_PORT')))
})

const compose = `services:
  db:
    image: postgres:16
    container_name: shop-db
    ports: ["15432:5432"]
  cache:
    ports:
      - target: 6379
        published: 6379
      - "127.0.0.1:8001:8001"
`

test('fixed ports of a compose file: all that "compose.ports" has to say, in one line', async (t) => {
  const found = await findFaults(t, { database: { provider: 'none' } }, { 'compose.yaml': compose })
  const wanted = 'in agent-isolate.json: "compose": { "ports": { "db": 5432, "cache": [ 6379, 8001 ] } }'
  assert.deepEqual(
    found.map(({ id, line, fix }) => [id, line, fix?.includes(wanted)]),
    [
      ['ports.compose', 5, true],
      ['ports.container-name', 4, true],
      ['ports.compose', 9, true],
      ['ports.compose', 10, true],
    ],
  )
  assert.match(found[0]?.fix ?? '', /\nor here: - "\$\{DB_PORT:-15432\}:5432"\nand in .*: DB_PORT=\$AGENT_PORT_DB$/)
})

test('what "compose.ports" names is settled, and all names of containers with it; other services are not', async (t) => {
  const all = { database: { provider: 'none' }, compose: { ports: { db: 5432, cache: [6379, 8001] } } }
  assert.deepEqual(await findFaults(t, all, { 'compose.yaml': compose }), [])
  const one = { ...all, compose: { ports: { db: 5432 } } }
  const found = await findFaults(t, one, { 'compose.yaml': compose })
  assert.deepEqual(
    found.map(({ id, line }) => [id, line]),
    [
      ['ports.compose', 9],
      ['ports.compose', 10],
    ],
  )
})

test('a service that is not in the compose file is named', async (t) => {
  const config = { database: { provider: 'none' }, compose: { ports: { db: 5432, cache: [6379, 8001], cash: 1 } } }
  const [found, ...others] = await findFaults(t, config, { 'compose.yaml': compose })
  assert.deepEqual([found?.id, found?.fix, others], ['ports.compose-service', 'it has: db, cache', []])
})

test('a compose file that compose does not take by itself has to be changed by hand', async (t) => {
  const config = { database: { provider: 'none' }, compose: { ports: { db: 5432, cache: 6379 } } }
  const found = await findFaults(t, config, { 'infra/compose.yaml': compose })
  assert.equal(found.length, 4)
  for (const { fix = '' } of found) assert.doesNotMatch(fix, /agent-isolate\.json/)
})

test('a URL to a port of a compose service leads to the port that the worktree has for it', async (t) => {
  const config = { database: { provider: 'none' }, compose: { ports: { db: 5432, cache: [6379, 8001] } } }
  const [found] = await findFaults(t, config, {
    'compose.yaml': compose,
    '.env': 'SHOP=postgres://localhost:15432/shop\n',
  })
  assert.equal(found?.fix, `in ${template}: SHOP=postgres://localhost:$AGENT_PORT_DB/shop`)
})

test('fixed ports are found however a compose file is written, each in its own line', async (t) => {
  const text = `x-db: &db
  image: postgres:16
  ports: ["10.80.0.1:80:5432"]
"services": {
  db: { <<: *db },
  web: { ports: [ "3000-3002:4000-4002", "53:53/tcp", "53:53/udp", 20000-20099:20000-20099 ] } }
`
  const found = await findFaults(t, { database: { provider: 'none' } }, { 'compose.yaml': text })
  const config = '"compose": { "ports": { "db": 5432, "web": [ 4000, 4001, 4002, 53 ] } }'
  assert.deepEqual(
    found.map(({ line, message, fix }) => [line, message, fix?.includes(config)]),
    [
      [3, 'the service db takes port 80 of this machine', true],
      [6, 'the service web takes ports 3000-3002 of this machine', true],
      [6, 'the service web takes port 53 of this machine', true],
      [6, 'the service web takes port 53 of this machine', true],
      [6, 'the service web takes ports 20000-20099 of this machine', false],
    ],
  )
  assert.match(found[0]?.fix ?? '', /or here: - "10\.80\.0\.1:\$\{DB_PORT:-80\}:5432"/)
  assert.match(found[1]?.fix ?? '', /or here: each on a line of its own: - "\$\{PORT:-3000\}:4000"/)
})

test('a URL to a port within a range leads to the port that the worktree has for it', async (t) => {
  const config = { database: { provider: 'none' }, compose: { ports: { db: [5432, 5433] } } }
  const [found] = await findFaults(t, config, {
    'compose.yaml': 'services: {db: {ports: ["15432-15433:5432-5433"]}}\n',
    '.env': 'SHOP=postgres://localhost:15433/shop\n',
  })
  assert.equal(found?.fix, `in ${template}: SHOP=postgres://localhost:$AGENT_PORT_DB_5433/shop`)
})

test('what is not read of a project on compose is said, once each', async (t) => {
  const config = { database: { provider: 'none' }, compose: { ports: { db: 5432 } } }
  const service = 'extends: {file: common.yaml, service: x}'
  const found = await findFaults(t, config, {
    'compose.yaml': `include: [parts/compose.yaml, ../shared.yaml]\nservices:\n  db: {${service}}\n  web: {${service}}\n`,
    'parts/compose.yaml': 'services:\n\tcache:\n',
  })
  assert.deepEqual(
    found.map(({ id, severity, file, line }) => `${severity} ${id} ${file}:${line}`),
    [
      'warning ports.compose-source compose.yaml:1',
      'warning ports.compose-source compose.yaml:3',
      'warning ports.compose-file parts/compose.yaml:2',
    ],
  )
})

test('of a compose file that is no YAML, doctor and init say so; its services are not called missing', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', {
    'compose.yaml': 'services:\n\tdb:\n\t\timage: postgres:16\n',
    'agent-isolate.json': '{"database": {"provider": "none"}, "compose": {"ports": {"db": 5432}}}',
  })
  const doctor = await runCli(sandbox, root, ['doctor'])
  assert.match(doctor.stdout, /compose\.yaml:2  it cannot be read: Tabs are not allowed as indentation/)
  assert.doesNotMatch(doctor.stdout, /is not in compose\.yaml/)
  const init = await runCli(sandbox, root, ['init', '--yes'])
  assert.equal(init.code, 0, init.stderr)
  assert.match(init.stdout + init.stderr, /compose\.yaml could not be read, .*: line 2: Tabs\s+are not allowed/)
})
