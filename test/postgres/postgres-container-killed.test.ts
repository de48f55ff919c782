import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCli } from '../support/cli.ts'
import { dockerOutput, listByLabel, postgresImage, removeLabelledAfter, skipWithoutDocker } from '../support/docker.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { commandOf, creationOf, killAlong, killAt, removalOf, untilThere } from '../support/kill.ts'
import {
  ask,
  createPostgresRepository,
  listOurs,
  runCreate,
  snapshotAll,
  urlOf,
  withFakeDocker,
} from '../support/postgres-container.ts'
import { rounds } from '../support/rounds.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

const options = { skip: skipWithoutDocker }

test('a creation killed at any moment leaves no container that gc does not take away', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', storage: 'volume' })
  const { sandbox, root } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  await killAlong(rounds({ usual: 4, thorough: 10 }), {
    begin: () => creationOf(sandbox, root, 'doomed'),
    look: (which) => {
      // One that got ready in time is a worktree like any other.
      if (loadLeases(sandbox)[0]?.state === 'ready') sandbox.cli(root, 'remove', 'doomed')
      sandbox.cli(root, 'gc')
      assert.deepEqual({ which, ...snapshotAll(repository) }, { which, ...before })
    },
  })

  // A name whose creation was killed can be used at once, whatever docker is still doing.
  await killAt(creationOf(sandbox, root, 'again'), sleep(400))
  const worktree = await createThroughHook(sandbox, root, 'again')
  assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'])
  assert.equal(listOurs(repository.label).length, 2)
  sandbox.cli(root, 'remove', 'again')
  // What the killed one was writing is for gc to find.
  sandbox.cli(root, 'gc')
  assert.deepEqual(snapshotAll(repository), before)
})

test(
  'removals and resets killed at any moment are finished by the next of their kind, or by gc',
  options,
  async (t) => {
    const repository = createPostgresRepository(t, { seed: 'db', storage: 'volume' })
    const { sandbox, root } = repository
    sandbox.cli(root, 'gc')
    const before = snapshotAll(repository)
    const worktree = await createThroughHook(sandbox, root, 'doomed')
    await killAlong(rounds({ usual: 2, thorough: 4 }), {
      begin: () => commandOf(sandbox, root, 'db', 'reset', '--name', 'doomed'),
      look: async (which) => {
        sandbox.cli(worktree, 'db', 'reset')
        assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'], which)
      },
    })
    await killAlong(rounds({ usual: 2, thorough: 3 }), {
      begin: async () => removalOf(sandbox, await createThroughHook(sandbox, root, 'doomed')),
      look: (which) => {
        sandbox.cli(root, 'gc')
        if (loadLeases(sandbox)[0]?.state === 'ready') sandbox.cli(root, 'remove', 'doomed')
        assert.deepEqual({ which, ...snapshotAll(repository) }, { which, ...before })
      },
    })
  },
)

test('a docker that outlives the hook leaves no container behind', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', storage: 'volume' })
  const { sandbox, root } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  // It is slow to begin: the hook is long dead when the container comes, and gc at work. It ends with the test, whatever happens.
  const [begun, go] = [join(sandbox.folder, 'begun'), join(sandbox.folder, 'go')]
  const wait = `touch '${begun}'; until [ -e '${go}' ] || [ ! -e '${begun}' ]; do sleep 0.05; done`
  Object.assign(sandbox.env, withFakeDocker(sandbox, `[ "$1" != run ] || { ${wait}; }; exec "$REAL" "$@"`))
  await killAt(creationOf(sandbox, root, 'doomed'), untilThere(begun))
  assert.equal(listByLabel('container', repository.label).length, 0)
  const gc = runCli(sandbox, root, ['gc'])
  await sleep(300)
  writeFileSync(go, '')
  assert.equal((await gc).code, 0)
  assert.deepEqual(snapshotAll(repository), before)
})

test('gc removes containers and volumes of ours that no lease knows of, and no others', options, async (t) => {
  const repository = createPostgresRepository(t, { storage: 'volume' })
  const { sandbox, root, label } = repository
  await createThroughHook(sandbox, root, 'kept')
  const [kept = ''] = listByLabel('container', label)
  const worktree = await createThroughHook(sandbox, root, 'lost')
  const { block, id } = requireLeaseAt(sandbox, worktree)
  rmSync(join(sandbox.folder, 'state/leases', `${block}.json`))
  const lost = `db-lost-${id.slice(0, 8)}`

  const mark = `agent-isolate.test=${randomBytes(6).toString('hex')}`
  removeLabelledAfter(t, mark)
  const strangers = [`db-lost-${randomBytes(4).toString('hex')}`, `db-lost-${randomBytes(4).toString('hex')}`]
  const foreign = ['--label=agent-isolate.ledger=0123456789abcdef', `--label=agent-isolate.lease=${id}`]
  for (const [index, name] of strangers.entries()) {
    const labels = [`--label=${mark}`, ...(index === 0 ? foreign : [])]
    dockerOutput('create', `--name=${name}`, ...labels, postgresImage)
    dockerOutput('volume', 'create', ...labels, name)
  }

  const planned = sandbox.cli(root, 'gc', '--dry-run')
  assert.match(planned, new RegExp(`would remove the container ${lost} \\(docker\\), of no worktree`))
  assert.match(planned, new RegExp(`would remove the volume ${lost} `))
  assert.equal(listOurs(label).length, 4)
  assert.match(sandbox.cli(root, 'gc'), new RegExp(`removed the container ${lost} `))
  assert.deepEqual(listOurs(label), [kept, kept])
  assert.deepEqual(listByLabel('container', mark), strangers.toSorted())
  assert.deepEqual(listByLabel('volume', mark), strangers.toSorted())
})

for (const isolation of ['container', 'database']) {
  test(`a worktree goes while the engine is down, and what it had there later (${isolation})`, options, async (t) => {
    const repository = createPostgresRepository(t, { isolation, seed: 'db' })
    const { sandbox, root, label } = repository
    const worktree = await createThroughHook(sandbox, root, 'one')
    const [old = ''] = listByLabel('container', label)
    const words = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'
    const env = withFakeDocker(sandbox, `echo '${words}' >&2; exit 1`)
    const { code, stderr } = await removeThroughHook(sandbox, worktree, { env })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /of one is left for later: the container engine cannot be reached[^]*agent-isolate gc/)
    assert.doesNotMatch(sandbox.git(root, 'worktree', 'list'), /one/)
    assert.deepEqual(listByLabel('container', label), [old])

    const created = await runCreate(repository, 'one')
    assert.equal(created.code, 0, created.stderr)
    assert.equal(created.stdout.trim(), worktree)
    assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'])
    sandbox.cli(root, 'gc')
    const now = listByLabel('container', label)
    assert.equal(now.length, 1)
    if (isolation === 'container') assert.notEqual(now[0], old)
    assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'])
    sandbox.cli(root, 'remove', 'one')
    assert.deepEqual(listOurs(label), [])
    assert.deepEqual(loadLeases(sandbox), [])
  })
}
