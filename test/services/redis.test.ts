/** One Redis server for all worktrees of a machine: what each has of it, with the real server. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { noDeadline } from '../../lib/report/deadline.ts'
import { withRedis, type Redis } from '../../lib/services/redis/connection.ts'
import { parseServiceUrl } from '../../lib/services/service-url.ts'
import { compiledHook, createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { runProgram } from '../support/postgres-repository.ts'
import { createSandbox } from '../support/sandbox.ts'
import { startRedis } from '../support/shared-servers.ts'
import { loadLeases, readEnv, requireLeaseAt } from '../support/state.ts'

const template = 'REDIS_URL=$AGENT_REDIS_URL\nREDIS_DB=$AGENT_REDIS_DB\nREDIS_PREFIX=$AGENT_REDIS_PREFIX\n'

test('worktrees have a Redis database each, which is flushed with the worktree and never another', async (t) => {
  const sandbox = createSandbox(t)
  const server = await startRedis(t, sandbox, 4)
  if (server === undefined) return
  const base = `redis://127.0.0.1:${server.port}`
  const root = sandbox.repository('shop', {
    '.gitignore': '.env\n.env.local\n',
    '.env.agent.template': template,
    'agent-isolate.json': JSON.stringify({
      database: { provider: 'none' },
      services: { redis: { kind: 'redis', url: '$SHOP_REDIS' } },
    }),
  })
  writeFileSync(join(root, '.env'), `SHOP_REDIS=${base}/0\n`)
  const on = <T>(number: string, work: (redis: Redis) => Promise<T>): Promise<T> =>
    withRedis(parseServiceUrl('redis', base, 'redis'), noDeadline, async (redis) => {
      await redis('SELECT', number)
      return work(redis)
    })
  const count = (number: string): Promise<unknown> => on(number, (redis) => redis('DBSIZE'))
  await on('0', (redis) => redis('SET', 'main', 'kept'))
  await on('1', (redis) => redis('SET', 'somebody', 'kept'))

  const untrusted = await createThroughHook(sandbox, root, 'untrusted')
  assert.match(readEnv(join(untrusted, '.env.local'))['REDIS_URL'] ?? '', /^(?:""|'')?$/)
  assert.match(sandbox.cli(root, 'trust'), /shared servers:\n {4}redis: \$SHOP_REDIS/)

  const one = await createThroughHook(sandbox, root, 'one')
  const two = await createThroughHook(sandbox, root, 'two')
  const numbers = [one, two].map((worktree) => readEnv(join(worktree, '.env.local'))['REDIS_DB'] ?? '')
  assert.deepEqual(numbers, ['2', '3'])
  const env = readEnv(join(one, '.env.local'))
  assert.equal(env['REDIS_URL'], `${base}/2`)
  assert.match(env['REDIS_PREFIX'] ?? '', /^one-[0-9a-f]{6}:$/)
  for (const number of numbers) await on(number, (redis) => redis('SET', 'cart', number))
  assert.equal(await on('2', (redis) => redis('GET', 'cart')), '2')
  assert.match(sandbox.cli(root, 'list'), /redis 2/)

  const payload = { cwd: root, name: 'three', hook_event_name: 'WorktreeCreate' }
  const third = await runHook(sandbox, 'worktree-create', payload, { command: compiledHook('worktree-create') })
  assert.equal(third.code, 0, third.stderr)
  assert.match(third.stderr, /no free database number.*\$AGENT_REDIS_PREFIX \(three-/)
  assert.equal(readEnv(join(third.stdout.trim(), '.env.local'))['REDIS_URL'], `${base}/0`)

  // The application may throw all of it away: the number stays the worktree's.
  await on('2', (redis) => redis('FLUSHDB'))
  sandbox.cli(one, 'setup')
  assert.equal(readEnv(join(one, '.env.local'))['REDIS_DB'], '2')
  await on('2', (redis) => redis('SET', 'cart', 'again'))
  assert.equal((await removeThroughHook(sandbox, one)).code, 0)
  assert.deepEqual(await Promise.all(['0', '1', '2', '3'].map(count)), [1, 1, 0, 2])

  await server.stop()
  const { code, stderr } = await removeThroughHook(sandbox, two)
  assert.equal(code, 0, stderr)
  assert.match(
    stderr,
    /the redis database 3 of two is left for later: the Redis server localhost:\d+ cannot be reached/,
  )
  assert.ok(!existsSync(two))
  assert.equal(requireLeaseAt(sandbox, two).state, 'postponed')
  const refused = await runHook(sandbox, 'worktree-create', { ...payload, name: 'four' })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /cannot be reached.*\n.*Is it running/)
  await server.start()
  sandbox.cli(root, 'gc')
  assert.deepEqual(await Promise.all(['0', '1', '2', '3'].map(count)), [1, 1, 0, 0])

  // A lost ledger file: the mark in the database says whose it was.
  await createThroughHook(sandbox, root, 'lost')
  await on('2', (redis) => redis('SET', 'cart', 'lost'))
  const leases = join(sandbox.folder, 'state/leases')
  const block = loadLeases(sandbox).find(({ name }) => name === 'lost')?.block
  rmSync(join(leases, `${block}.json`))
  assert.match(
    sandbox.cli(root, 'gc', '--dry-run'),
    /would remove the database redis 2 \(localhost:\d+\), of no worktree/,
  )
  assert.equal(await count('2'), 2)
  assert.match(sandbox.cli(root, 'gc'), /removed the database redis 2/)
  assert.deepEqual(await Promise.all(['0', '1', '2', '3'].map(count)), [1, 1, 0, 0])
  assert.equal(readdirSync(join(sandbox.folder, 'state/locks')).length, 0)

  writeFileSync(join(root, '.env'), 'SHOP_REDIS=redis://user:pass-word@db.example.com:6379/0\n')
  const far = await runProgram({ sandbox }, root, ['create', 'far'])
  assert.equal(far.code, 1)
  assert.match(far.stderr, /"services\.redis" leads to db\.example\.com:6379, which is not this machine/)
  assert.doesNotMatch(far.stderr, /pass-word/)
})
