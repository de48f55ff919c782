import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dockerOutput, listByLabel, postgresImage, removeLabelledAfter, skipWithoutDocker } from '../support/docker.ts'
import { compiledHook, createThroughHook, removeThroughHook } from '../support/hook.ts'
import {
  ask,
  createPostgresRepository,
  killAfter,
  killCreation,
  listOurs,
  runCreate,
  snapshotAll,
  urlOf,
  withFakeDocker,
} from '../support/postgres-container.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

const options = { skip: skipWithoutDocker }
const cli = [process.execPath, join(import.meta.dirname, '../../dist/cli/agent-isolate.js')]

test('a creation killed at any moment leaves no container that gc does not take away', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', storage: 'volume' })
  const { sandbox, root } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  let finished = 0
  for (let round = 0; round < 10; round++) {
    await killCreation(repository, 'doomed', 120 + round * 130 + Math.random() * 130)
    // One that got ready in time is a worktree like any other.
    if (loadLeases(sandbox)[0]?.state === 'ready') {
      finished++
      sandbox.cli(root, 'remove', 'doomed')
    }
    sandbox.cli(root, 'gc')
    assert.deepEqual(snapshotAll(repository), before, `round ${round}`)
  }
  t.diagnostic(`${finished} of 10 were quicker`)
  assert.ok(finished < 6)

  // A name whose creation was killed can be used at once, whatever docker is still doing.
  for (const ms of [400]) {
    await killCreation(repository, 'again', ms)
    const worktree = await createThroughHook(sandbox, root, 'again')
    assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'])
    assert.equal(listOurs(repository.label).length, 2)
    sandbox.cli(root, 'remove', 'again')
  }
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
    for (let round = 0; round < 4; round++) {
      await killAfter(repository, [...cli, 'db', 'reset', '--name', 'doomed'], 100 + round * 50 + Math.random() * 50)
      sandbox.cli(worktree, 'db', 'reset')
      assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'])
    }
    for (let round = 0; round < 3; round++) {
      assert.equal(await createThroughHook(sandbox, root, 'doomed'), worktree)
      const payload = { cwd: worktree, worktree_path: worktree }
      await killAfter(repository, compiledHook('worktree-remove'), 80 + round * 100 + Math.random() * 100, payload)
      sandbox.cli(root, 'gc')
      if (loadLeases(sandbox)[0]?.state === 'ready') sandbox.cli(root, 'remove', 'doomed')
      assert.deepEqual(snapshotAll(repository), before)
    }
  },
)

test('a docker that outlives the hook leaves no container behind', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', storage: 'volume' })
  const { sandbox, root } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  // It is slow to begin: the hook is long dead when the container comes.
  Object.assign(sandbox.env, withFakeDocker(sandbox, `[ "$1" != run ] || sleep 1; exec "$REAL" "$@"`))
  await killCreation(repository, 'doomed', 600)
  assert.equal(listByLabel('container', repository.label).length, 0)
  sandbox.cli(root, 'gc')
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
