/** Name-spaces that no server is asked for, and what "services" of agent-isolate.json may say. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../lib/project/config.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { parseServiceUrl, requireNear, serverOf, withPath } from '../../lib/services/service-url.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { readEnv } from '../support/state.ts'

test('MongoDB, RabbitMQ and others give each worktree a name of its own, for which nothing has to run', async (t) => {
  const sandbox = createSandbox(t)
  const services = {
    mongo: { kind: 'mongodb', url: '$MONGO_URL' },
    rabbit: { kind: 'rabbitmq', url: 'amqp://guest@localhost/%2Fshop' },
    search: { kind: 'prefix' },
  }
  const root = sandbox.repository('shop', {
    '.gitignore': '.env\n.env.local\n',
    'agent-isolate.json': JSON.stringify({ database: { provider: 'none' }, services }),
  })
  writeFileSync(join(root, '.env'), 'MONGO_URL=mongodb://u:p@a:27017,b:27017/app?replicaSet=x\n')
  sandbox.cli(root, 'trust')
  const worktree = await createThroughHook(sandbox, root, 'feature/Pay')
  const own = sandbox.cli(root, 'list', '--json').match(/app_feature_pay_[0-9a-f]{6}/)?.[0]
  // Without a template: the variable that the service's name says.
  const env = readEnv(join(worktree, '.env.local'))
  assert.equal(env['MONGO_URL'], `mongodb://u:p@a:27017,b:27017/${own}?replicaSet=x`)
  assert.match(env['RABBIT_URL'] ?? '', /^amqp:\/\/guest@localhost\/%2Fshop_feature_pay_[0-9a-f]{6}$/)
  const listed: unknown = JSON.parse(sandbox.cli(root, 'list', '--json'))
  assert.match(
    JSON.stringify(listed),
    /"name":"search","kind":"prefix","url":null,"database":null,"prefix":"feature-pay-\w{6}-"/,
  )
  assert.ok(!JSON.stringify(listed).includes('u:p@'))
  sandbox.cli(worktree, 'setup')
  assert.deepEqual(readEnv(join(worktree, '.env.local')), env)
  assert.equal((await removeThroughHook(sandbox, worktree)).code, 0)
})

function parse(services: unknown): unknown {
  return parseConfig(JSON.stringify({ services }), 'agent-isolate.json').services
}

test('"services" is read to the last key, and has no name that would hide another variable', () => {
  assert.deepEqual(parse({ redis: { kind: 'redis', url: '$X' } }), {
    redis: { kind: 'redis', url: '$X', isSeeded: false, isRemote: false },
  })
  for (const [wrong, message] of [
    [{ redis: { kind: 'redis' } }, /"services\.redis\.url" must be set/],
    [{ redis: { url: 'x' } }, /"services\.redis\.kind" must be one of redis, mysql/],
    [{ redis: { kind: 'redis', url: 'x', seed: true } }, /unknown key "services\.redis\.seed"/],
    [{ search: { kind: 'prefix', url: 'x' } }, /unknown key "services\.search\.url"/],
    [{ database: { kind: 'prefix' } }, /a name that cannot be one/],
    [{ port_a: { kind: 'prefix' } }, /a name that cannot be one/],
    [{ Redis: { kind: 'prefix' } }, /a name that cannot be one/],
    [[], /"services" must be an object/],
  ] as const)
    assert.throws(
      () => parse(wrong),
      (error) => error instanceof IsolateError && message.test(error.message),
      JSON.stringify(wrong),
    )
})

test('URLs of servers are read as people write them, and only this machine is near', () => {
  for (const [kind, text, wanted] of [
    ['redis', 'redis://:p%40ss@127.0.0.1', 'undefined p@ss localhost:6379 '],
    ['redis', 'rediss://u:p@[::1]:6380/2', 'u p localhost:6380 2'],
    ['mysql', 'jdbc:mysql://localhost:3307/shop?user=me&password=x', 'me x localhost:3307 shop'],
    ['mysql', 'mysql+pymysql://root:a@b@db/shop', 'root a@b db:3306 shop'],
  ] as const) {
    const url = parseServiceUrl(kind, text, 'x')
    assert.equal([url.user, url.password, serverOf(url), url.path].map(String).join(' '), wanted)
  }
  const url = parseServiceUrl('mysql', 'mysql://u:p@db.example.com/shop?ssl=true', 'x')
  assert.equal(withPath(url, 'own'), 'mysql://u:p@db.example.com/own?ssl=true')
  assert.throws(() => requireNear(url, 'x', { isRemote: false }), IsolateError)
  requireNear(url, 'x', { isRemote: true })
  assert.throws(
    () => parseServiceUrl('redis', 'http://u:secret@localhost', 'x'),
    (error) => error instanceof IsolateError && !`${error.message}${error.hint}`.includes('secret'),
  )
})
