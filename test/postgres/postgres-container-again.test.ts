import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionError, PostgresError } from '../../lib/database/postgres/client/connection.ts'
import { dockerOutput, listByLabel, skipWithoutDocker } from '../support/docker.ts'
import { createThroughHook, runHook } from '../support/hook.ts'
import {
  ask,
  createPostgresRepository,
  listOurs,
  repeat,
  runCreate,
  urlOf,
  withFakeDocker,
} from '../support/postgres-container.ts'

const options = { skip: skipWithoutDocker }

test('a container that was stopped or removed by hand comes back with its seed', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db' })
  const { sandbox, root, label } = repository
  const worktree = await createThroughHook(sandbox, root, 'one')
  const url = urlOf(worktree)
  const container = (): string => listByLabel('container', label)[0] ?? ''
  const losses = [() => dockerOutput('stop', '--time=0', container()), () => dockerOutput('rm', '-fv', container())]
  const returns: (() => Promise<unknown>)[] = [
    async () => sandbox.cli(worktree, 'setup'),
    async () => {
      const { stdout } = await runHook(sandbox, 'session-start', { cwd: worktree, hook_event_name: 'SessionStart' })
      assert.match(stdout, /app on 127\.0\.0\.1/)
      assert.ok(!stdout.includes(new URL(url).password))
    },
  ]
  for (const [index, comeBack] of returns.entries()) {
    await ask(url, 'delete from item')
    losses[index % 2]?.()
    await comeBack()
    assert.equal(urlOf(worktree), url)
    assert.deepEqual(await ask(url, 'select count(*) from item'), ['3'])
  }
  assert.equal(listOurs(label).length, 1)
})

test('a volume keeps its data when the container is stopped, and goes with the worktree', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', storage: 'volume' })
  const { sandbox, root, label } = repository
  const worktree = await createThroughHook(sandbox, root, 'one')
  await ask(urlOf(worktree), 'insert into item values (4)')
  const [container = ''] = listByLabel('container', label)
  dockerOutput('stop', '--time=0', container)
  sandbox.cli(worktree, 'setup')
  assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['4'])
  dockerOutput('pause', container)
  sandbox.cli(worktree, 'setup')
  assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['4'])
  dockerOutput('rm', '-fv', container)
  sandbox.cli(worktree, 'setup')
  assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['4'])
  assert.equal(listOurs(label).length, 2)
  sandbox.cli(root, 'remove', 'one')
  assert.deepEqual(listOurs(label), [])
})

test('programs that connect again while a container comes back do not keep it from its seed', options, async (t) => {
  const { sandbox, root, label } = createPostgresRepository(t, { seed: 'db' })
  const worktree = await createThroughHook(sandbox, root, 'one')
  const url = urlOf(worktree)
  dockerOutput('stop', '--time=0', listByLabel('container', label)[0] ?? '')
  let ended = 0
  // Whoever starts the container goes on when the pool is in.
  const inside = join(sandbox.folder, 'inside')
  const untilInside = `until [ -e '${inside}' ] || [ ! -e '${root}' ]; do sleep 0.02; done`
  const script = `"$REAL" "$@"; code=$?; case $1 in start | run) ${untilInside} ;; esac; exit $code`
  const sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
  const watch = repeat(async () => {
    const [count] = await ask(url, sleeping).catch(() => ['0'])
    if (count !== '0') writeFileSync(inside, '')
    await sleep(20)
  })
  const pool = Array.from({ length: 4 }, () =>
    repeat(async () => {
      try {
        // A pool keeps its connections.
        await ask(url, 'select pg_sleep(20)')
      } catch (error) {
        if (!(error instanceof PostgresError || error instanceof ConnectionError)) throw error
        if (/terminat/.test(error.message)) ended++
        await sleep(5)
      }
    }),
  )
  const { code, stderr } = await runCreate({ sandbox, root }, 'one', withFakeDocker(sandbox, script))
  await watch.end()
  const ends = pool.map(({ end }) => end())
  await ask(
    url,
    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query like '%sleep%'",
  ).catch(String)
  await Promise.all(ends)
  assert.equal(code, 0, stderr)
  assert.ok(ended > 0, 'the pool was in before us')
  assert.deepEqual(await ask(url, 'select count(*) from item'), ['3'])
})
