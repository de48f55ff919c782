/** Servers beside the database, and where the database is, as the files of real repositories say it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectRepository } from '../../detect/detect.ts'
import { findDatabaseParts } from '../../detect/database-parts.ts'
import { chooseSqliteFile, findMainDatabase } from '../../detect/find-database.ts'
import { railsSqlitePaths } from '../../detect/database-yml.ts'
import { readExpandedValues } from '../../detect/expanded-env.ts'
import { readVariable, serviceOfImage } from '../../detect/services.ts'
import { createSandbox } from '../support/sandbox.ts'

for (const [key, value, wanted] of [
  ['REDIS_URL', 'redis://localhost:6379/0', 'redis localhost 6379 url'],
  ['CACHE', 'rediss://u:p@cache.example.com', 'redis cache.example.com 6379 url'],
  ['CELERY_BROKER_URL', 'amqp://guest:guest@localhost:5672//', 'rabbitmq localhost 5672 url'],
  ['MONGODB_URI', 'mongodb://a:27017,b:27017/app', 'mongodb a 27017 url'],
  ['MAIL', 'mysql+pymysql://root:pw@127.0.0.1:3307/app', 'mysql 127.0.0.1 3307 url'],
  ['ELASTICSEARCH_URL', 'http://localhost:9200', 'elasticsearch localhost 9200 url'],
  ['S3_ENDPOINT', 'http://localhost:9000', 'minio localhost 9000 url'],
  ['REDIS_HOST', 'localhost', 'redis localhost undefined'],
  ['REDIS_PORT', '6380', 'redis undefined 6380'],
  ['REDIS_PORT', 'redis', undefined],
  ['REDIS_URL', '', undefined],
  ['REDIS_URL', 'redis://$HOST:$PORT', 'redis $HOST undefined url'],
  ['S3_BUCKET', 'uploads', undefined],
  ['API_URL', 'http://localhost:4000', undefined],
  ['DATABASE_URL', 'postgres://localhost/app', undefined],
] as const) {
  test(`${key}=${value} is ${wanted ?? 'no such server'}`, () => {
    const found = readVariable(key, value)
    const words = found && [found.kind, found.host, found.port, ...(found.isUrl ? ['url'] : [])].map(String).join(' ')
    assert.equal(words, wanted)
  })
}

test('images are known by their last part, whatever registry and tag', () => {
  const images = ['redis:7-alpine', 'docker.io/bitnami/redis', 'valkey/valkey:${TAG:-8}', 'mariadb@sha256:0', 'mongo']
  const others = ['redis-commander', 'myapp/redis-worker:1', 'postgres:16', '']
  assert.deepEqual(images.map(serviceOfImage), ['redis', 'redis', 'redis', 'mysql', 'mongodb'])
  assert.deepEqual(others.map(serviceOfImage), [undefined, undefined, undefined, undefined])
  assert.deepEqual(
    ['rabbitmq:4-management', 'docker.elastic.co/elasticsearch/elasticsearch:9.0.0', 'quay.io/minio/minio'].map(
      serviceOfImage,
    ),
    ['rabbitmq', 'elasticsearch', 'minio'],
  )
})

test('references to variables of the same file are followed, before and behind, and never for ever', () => {
  const text = 'URL="${A}://${B:-x}/${C}"\nA=http\nQ=\'$A\'\nD=${E}\nE=${D}\n'
  assert.deepEqual(
    readExpandedValues(text).map(({ key, value }) => `${key}=${value}`),
    ['URL=http://x/${C}', 'A=http', 'Q=$A', 'D=${D}', 'E=${E}'],
  )
})

function shown(text: string): string[] {
  return findDatabaseParts(text).map(({ provider, host, port, database, url }) =>
    [provider, host, port, database, url].map(String).join(' '),
  )
}

test('parts of where a database is become one URL of references', () => {
  const fastapi =
    'POSTGRES_SERVER=localhost\nPOSTGRES_PORT=5432\nPOSTGRES_DB=app\nPOSTGRES_USER=postgres\nPOSTGRES_PASSWORD=x\n'
  const django = 'DB_ENGINE=django.db.backends.mysql\nDB_HOST=127.0.0.1\nDB_NAME=shop\nDB_USER=me\n'
  const laravel = 'DB_CONNECTION=mysql\nDB_HOST=127.0.0.1\nDB_PORT=3306\nDB_DATABASE=\nDB_USERNAME=root\nDB_PASSWORD=\n'
  assert.deepEqual(shown(fastapi), [
    'postgresql localhost 5432 app postgresql://$POSTGRES_USER:$POSTGRES_PASSWORD@$POSTGRES_SERVER:$POSTGRES_PORT/$POSTGRES_DB',
  ])
  assert.deepEqual(shown(django), ['mysql 127.0.0.1 undefined shop mysql://$DB_USER@$DB_HOST/$DB_NAME'])
  assert.deepEqual(shown(laravel), ['mysql 127.0.0.1 3306 undefined undefined'])
  assert.deepEqual(shown('POSTGRES_PASSWORD=x\nPOSTGRES_USER=y\n'), [])
  assert.deepEqual(shown('TEST_DB_HOST=localhost\nTEST_DB_NAME=x\n'), [])
})

test('of SQLite files the one of the URL is taken, and an index only where there is no other', () => {
  const files = ['data/search.db', 'data/shop.db']
  assert.equal(chooseSqliteFile(files, []), 'data/shop.db')
  assert.equal(chooseSqliteFile(files, ['./search.db']), 'data/search.db')
  assert.equal(chooseSqliteFile(['data/search.db'], []), 'data/search.db')
  assert.equal(
    chooseSqliteFile(['tests/app.db', 'storage/development_queue.sqlite3', 'storage/development.sqlite3'], []),
    'storage/development.sqlite3',
  )
  assert.equal(chooseSqliteFile([], []), undefined)
})

const rails = `<% if true %>
<% end %>
default: &default
  adapter: sqlite3
  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>
development:
  primary:
    <<: *default
    database: storage/development.sqlite3
  queue:
    <<: *default
    database: storage/development_queue.sqlite3
    migrations_paths: db/queue_migrate
test:
  <<: *default
  database: storage/test.sqlite3
`

const railsOnServer = `default: &default
  adapter: postgresql
  host: <%= ENV.fetch("DB_HOST", "localhost") %>
  port: <%= ENV["DB_PORT"] || 5433 %>
  password: <%= Rails.application.credentials.db %>
development:
  <<: *default
  database: <%= ENV.fetch("DB_NAME") { "shop_development" } %>
`

test('Repositories say where their database is, in whatever form, or that it is not known', async (t) => {
  const sandbox = createSandbox(t)
  const manage = { 'manage.py': 'import django\n', 'requirements.txt': 'django\n' }
  const detect = async (name: string, files: Record<string, string>) =>
    detectRepository(sandbox.repository(name, files))

  const rails8 = await detect('rails', { 'config/database.yml': rails })
  assert.deepEqual(findMainDatabase(rails8), {
    state: 'sqlite',
    paths: ['storage/development.sqlite3', 'storage/development_queue.sqlite3'],
  })
  assert.deepEqual(railsSqlitePaths(rails8.railsDatabases), [
    'storage/development.sqlite3',
    'storage/development_queue.sqlite3',
  ])

  const server = await detect('rails-server', { 'config/database.yml': railsOnServer })
  const [found] = server.railsDatabases
  assert.deepEqual(
    [found?.provider, found?.host, found?.port, found?.database, found?.variables],
    ['postgresql', 'localhost', 5433, 'shop_development', { host: 'DB_HOST', port: 'DB_PORT', database: 'DB_NAME' }],
  )
  assert.equal(findMainDatabase(server).state, 'server')

  const composed = await detect('composed', {
    '.env':
      'DATABASE_URL=postgresql://${PGUSER}:${PGPASS}@${HOST_DB}:${PORT_DB}/shop\nPGUSER=me\nPGPASS=x\nHOST_DB=localhost\nPORT_DB=5544\n',
  })
  assert.deepEqual(findMainDatabase(composed), {
    state: 'server',
    provider: 'postgresql',
    host: 'localhost',
    port: 5544,
    database: 'shop',
    url: '$DATABASE_URL',
    file: '.env',
    line: 1,
  })

  const empty = await detect('empty', { ...manage, '.env': 'DATABASE_URL=\n' })
  assert.deepEqual(findMainDatabase(empty), {
    state: 'unknown',
    provider: undefined,
    reason: 'DATABASE_URL is empty in .env, line 1',
  })
  assert.deepEqual(findMainDatabase(await detect('nothing', {})), { state: 'none' })

  const services = await detect('services', {
    '.env': 'REDIS_URL=redis://redis:secret@localhost:6379/0\n',
    'compose.yaml':
      'services:\n  cache:\n    image: redis:7\n    ports:\n      - "6380:6379"\n  mail:\n    image: axllent/mailpit\n',
  })
  assert.deepEqual(
    services.services.map(({ kind, file, line, key, service, port, containerPort }) => [
      kind,
      file,
      line,
      key ?? service,
      port,
      containerPort,
    ]),
    [
      ['redis', '.env', 1, 'REDIS_URL', 6379, undefined],
      ['redis', 'compose.yaml', 5, 'cache', 6380, 6379],
    ],
  )
  assert.ok(!JSON.stringify(services.services).includes('secret'))
})
