import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { releaseSharedContainer } from '../../lib/database/postgres/container/shared-container.ts'
import { stderrReporter } from '../../lib/report/reporter.ts'
import { dockerOutput, listByLabel, setVariable, skipWithoutDocker } from '../support/docker.ts'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { commandOf, creationOf, killAlong, killAt, removalOf } from '../support/kill.ts'
import { ask, createPostgresRepository, listOurs, snapshotAll, urlOf } from '../support/postgres-container.ts'
import { rounds } from '../support/rounds.ts'
import { loadLeases } from '../support/state.ts'

const options = { skip: skipWithoutDocker }
const shared = { isolation: 'database', seed: 'db' }

test('eight worktrees at once share one container, which goes with the last of them', options, async (t) => {
  const repository = createPostgresRepository(t, { ...shared, test: true, storage: 'volume' })
  const { sandbox, root, label } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const times: number[] = []
  const worktrees = await Promise.all(
    names.map(async (name) => {
      const start = performance.now()
      const worktree = await createThroughHook(sandbox, root, name)
      times.push(Math.round(performance.now() - start))
      return worktree
    }),
  )
  t.diagnostic(`ms for each of eight at once: ${times.toSorted((a, b) => a - b).join(', ')}`)
  assert.equal(listByLabel('container', label).length, 1)
  const urls = worktrees.flatMap((worktree) => [urlOf(worktree), urlOf(worktree, 'TEST_DATABASE_URL')])
  assert.equal(new Set(urls.map((url) => new URL(url).pathname)).size, 16)
  assert.equal(new Set(urls.map((url) => new URL(url).host)).size, 1)
  for (const url of urls) assert.deepEqual(await ask(url, 'select count(*) from item'), ['3'])
  const start = performance.now()
  await createThroughHook(sandbox, root, 'ninth')
  t.diagnostic(`one more: ${Math.round(performance.now() - start)} ms`)
  assert.doesNotMatch(sandbox.cli(root, 'list'), /^shop |stranger/m)
  const whois = sandbox.cli(root, 'whois', new URL(urls[0] ?? '').port)
  assert.match(whois, /^runs in +a container of that lease\nleased by +all worktrees of \S+\/shop, as "db"$/m)
  sandbox.cli(root, 'remove', 'ninth')
  const databases = "select count(*) from pg_database where datname like 'agent\\_shop\\_%'"
  assert.deepEqual(await ask(urls[0] ?? '', databases), ['16'])

  const removals = await Promise.all(worktrees.map((worktree) => removeThroughHook(sandbox, worktree)))
  for (const { code, stderr } of removals) assert.equal(code, 0, stderr)
  assert.deepEqual(snapshotAll(repository), before)
})

test(
  'creations and last removals at the same moment never fail, and the last one takes the container',
  options,
  async (t) => {
    const repository = createPostgresRepository(t, shared)
    const { sandbox, root, label } = repository
    const times = rounds({ usual: 2, thorough: 5 })
    let last = await createThroughHook(sandbox, root, 'w0')
    for (let round = 1; round <= times; round++) {
      const [removal, next] = await Promise.all([
        removeThroughHook(sandbox, last),
        sleep(Math.random() * 300).then(() => createThroughHook(sandbox, root, `w${round}`)),
      ])
      assert.equal(removal.code, 0, removal.stderr)
      assert.doesNotMatch(removal.stderr, /left for later/)
      assert.deepEqual(await ask(urlOf(next), 'select count(*) from item'), ['3'])
      assert.equal(listByLabel('container', label).length, 1)
      last = next
    }
    sandbox.cli(root, 'remove', `w${times}`)
    assert.deepEqual(listOurs(label), [])
    assert.deepEqual(loadLeases(sandbox), [])
  },
)

test('killed creations, removals and resets leave the others alone, and nothing after gc', options, async (t) => {
  const repository = createPostgresRepository(t, shared)
  const { sandbox, root, label } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  const isReady = (): boolean => loadLeases(sandbox).some(({ state, name }) => state === 'ready' && name === 'doomed')
  const assertNothing = (which: string): void => {
    if (isReady()) sandbox.cli(root, 'remove', 'doomed')
    sandbox.cli(root, 'gc')
    assert.deepEqual({ which, ...snapshotAll(repository) }, { which, ...before })
  }
  // The one that starts the container.
  const begin = () => creationOf(sandbox, root, 'doomed')
  await killAlong(rounds({ usual: 2, thorough: 5 }), { begin, look: assertNothing })
  // One that takes it along.
  await killAlong(rounds({ usual: 2, thorough: 3 }), {
    begin: async () => removalOf(sandbox, await createThroughHook(sandbox, root, 'doomed')),
    look: assertNothing,
  })
  // One beside another.
  const worktree = await createThroughHook(sandbox, root, 'other')
  await ask(urlOf(worktree), 'insert into item values (4)')
  const withOther = snapshotAll(repository)
  const count = 'select count(*) from pg_database'
  const databases = await ask(urlOf(worktree), count)
  await killAlong(rounds({ usual: 3, thorough: 5 }), {
    begin,
    look: async (which) => {
      if (isReady()) {
        await killAt(commandOf(sandbox, root, 'db', 'reset', '--name', 'doomed'), sleep(100 + Math.random() * 150))
        await killAt(commandOf(sandbox, root, 'remove', 'doomed'), sleep(100 + Math.random() * 150))
      }
      sandbox.cli(root, 'gc')
      if (loadLeases(sandbox).some(({ name }) => name === 'doomed')) sandbox.cli(root, 'remove', 'doomed')
      assert.deepEqual({ which, ...snapshotAll(repository) }, { which, ...withOther })
      assert.deepEqual(await ask(urlOf(worktree), count), databases)
    },
  })
  assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['4'])
  sandbox.cli(root, 'remove', 'other')
  assert.deepEqual(snapshotAll(repository), before)
  assert.deepEqual(listOurs(label), [])
})

test('a shared container that was stopped or removed comes back for each of its worktrees', options, async (t) => {
  const repository = createPostgresRepository(t, shared)
  const { sandbox, root, label } = repository
  const worktrees = [await createThroughHook(sandbox, root, 'one'), await createThroughHook(sandbox, root, 'two')]
  for (const command of ['stop --time=0', 'rm -fv']) {
    dockerOutput(...command.split(' '), listByLabel('container', label)[0] ?? '')
    // The second finds the container running, and its database gone.
    for (const cwd of worktrees) {
      const { code, stderr } = await runHook(sandbox, 'session-start', { cwd, hook_event_name: 'SessionStart' })
      assert.equal(code, 0, stderr)
      assert.deepEqual(await ask(urlOf(cwd), 'select count(*) from item'), ['3'])
    }
  }
  const remove = async (worktree: string): Promise<void> => {
    const { code, stderr } = await removeThroughHook(sandbox, worktree)
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stderr, /left for later/)
  }
  // On another port, the first having been taken: the database of one that does not know of it yet is dropped all the same.
  const [one = '', two = ''] = worktrees
  const { port } = new URL(urlOf(two))
  dockerOutput('stop', '--time=0', listByLabel('container', label)[0] ?? '')
  const stranger = createServer((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\n')).listen(Number(port), '127.0.0.1')
  t.after(() => stranger.close())
  assert.equal(await createThroughHook(sandbox, root, 'one'), one)
  assert.notEqual(new URL(urlOf(one)).port, port)
  await remove(two)
  const names = "select datname from pg_database where datname like 'agent\\_shop\\_%'"
  assert.deepEqual(await ask(urlOf(one), names), [new URL(urlOf(one)).pathname.slice(1)])
  // Gone for good, its databases are too.
  dockerOutput('rm', '-fv', listByLabel('container', label)[0] ?? '')
  await remove(one)
  assert.deepEqual(loadLeases(sandbox), [])
  assert.deepEqual(listOurs(label), [])
})

test(
  'of two that go at once the second takes the container, though the lease of the first is still there',
  options,
  async (t) => {
    const { sandbox, root, label } = createPostgresRepository(t, shared)
    await createThroughHook(sandbox, root, 'one')
    await createThroughHook(sandbox, root, 'two')
    setVariable(t, 'AGENT_ISOLATE_HOME', sandbox.env['AGENT_ISOLATE_HOME'])
    const leases = loadLeases(sandbox).filter(({ isShared }) => !isShared)
    for (const [index, lease] of leases.entries()) {
      assert.equal(listOurs(label).length, 1)
      await releaseSharedContainer(lease, { reporter: stderrReporter })
      assert.equal(loadLeases(sandbox).length, 3 - index)
    }
    assert.deepEqual(listOurs(label), [])
  },
)
