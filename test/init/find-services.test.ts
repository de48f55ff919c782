/** Which servers of this machine `init` gives each worktree its own part of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectRepository } from '../../detect/detect.ts'
import { findServices } from '../../init/find-services.ts'
import { createSandbox } from '../support/sandbox.ts'
import { startMariadb, startRedis } from '../support/shared-servers.ts'

test('what answers, on this machine, and may make databases is found; what agent-isolate.json names is so anyway', async (t) => {
  const sandbox = createSandbox(t)
  const redis = await startRedis(t, sandbox, 16)
  const maria = await startMariadb(t, sandbox)
  if (redis === undefined || maria === undefined) return
  maria.sql("create database shop; create user app identified by 'pw'; grant all on shop.* to app")
  const port = String(maria.port)
  const lines = {
    DATABASE_URL: `mysql://root:secret%20word@127.0.0.1:${port}/shop`,
    LIMITED_URL: `mysql://app:pw@127.0.0.1:${port}/shop`,
    REDIS_URL: `redis://127.0.0.1:${redis.port}/0`,
    QUEUE_URL: `redis://localhost:${redis.port}/1`,
    NOBODY_URL: 'redis://127.0.0.1:1/0',
    FAR_URL: 'redis://cache.example.invalid:6379/0',
    REDIS_HOST: '127.0.0.1',
  }
  const root = sandbox.repository('shop', { '.gitignore': '.env\n' })
  sandbox.write(
    'shop/.env',
    Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
  const find = async (): Promise<string[]> => {
    const found = await findServices(root, await detectRepository(root))
    return found.map(({ name, kind, key }) => `${name} ${kind} ${key}`)
  }
  assert.deepEqual(await find(), ['mysql mysql DATABASE_URL', 'redis redis REDIS_URL', 'redis2 redis QUEUE_URL'])

  const services = { redis: { kind: 'redis', url: '$NOBODY_URL' }, own: { kind: 'redis', url: '${QUEUE_URL}' } }
  sandbox.write('shop/agent-isolate.json', JSON.stringify({ services }))
  assert.deepEqual(await find(), [
    'redis redis NOBODY_URL',
    'own redis QUEUE_URL',
    'mysql mysql DATABASE_URL',
    'redis2 redis REDIS_URL',
  ])
})
