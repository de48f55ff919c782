/** Containers on a real engine: none is left by a failure, and none of a stranger’s is touched. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  findContainerState,
  lastLogLines,
  removeContainer,
  runContainer,
  startStoppedContainer,
} from '../../lib/docker/container.ts'
import { labelArguments } from '../../lib/docker/labelled.ts'
import { dockerOutput, isExpected, listByLabel, postgresImage, prepareContainer } from '../support/docker.ts'
import { skipWithoutDocker as skip } from '../support/docker.ts'

const engine = {}
const data = '/var/lib/postgresql/data'

test('a container is started with its labels, port, memory and environment, and goes whole', { skip }, async (t) => {
  const { request, name, labels } = await prepareContainer(t)
  const environment = { POSTGRES_PASSWORD: 'se cret\n"two"', EMPTY: '' }
  assert.equal(await runContainer(engine, { ...request, environment, tmpfs: `${data}:rw,size=64m` }), 'started')
  const [inspected] = JSON.parse(dockerOutput('inspect', name))
  const { hostPort } = request.publish
  assert.deepEqual(inspected.HostConfig.PortBindings, {
    '5432/tcp': [{ HostIp: '127.0.0.1', HostPort: `${hostPort}` }],
  })
  assert.deepEqual(inspected.HostConfig.Tmpfs, { [data]: 'rw,size=64m' })
  assert.deepEqual(inspected.Mounts, [], 'no unnamed volume beside the memory')
  assert.ok(inspected.Config.Env.includes('POSTGRES_PASSWORD=se cret\n"two"'))
  assert.ok(inspected.Config.Env.includes('EMPTY='))
  const state = await findContainerState(engine, name)
  assert.deepEqual(state, { id: inspected.Id, labels, isRunning: true, exitCode: 0, isOutOfMemory: false })
  assert.equal(await findContainerState(engine, inspected.Id.slice(0, 12)), undefined, 'an id is not a name')
  assert.equal(await removeContainer(engine, name, labels), 'removed')
  assert.equal(await removeContainer(engine, name, labels), 'absent')
  assert.equal(await findContainerState(engine, name), undefined)
})

test('a port that another program has is told apart, and not even a created container stays', { skip }, async (t) => {
  const { request, label, takePort } = await prepareContainer(t)
  await takePort()
  assert.equal(await runContainer(engine, request), 'port taken')
  assert.deepEqual(listByLabel('container', label), [])
})

test('a port that another container has is told apart, and that container stays', { skip }, async (t) => {
  const { request, label, name } = await prepareContainer(t)
  assert.equal(await runContainer(engine, request), 'started')
  assert.equal(await runContainer(engine, { ...request, name: `${name}-2` }), 'port taken')
  assert.deepEqual(listByLabel('container', label), [name])
  assert.equal((await findContainerState(engine, name))?.isRunning, true)
})

test('what a killed attempt of ours left under the name is replaced', { skip }, async (t) => {
  const { request, name, labels } = await prepareContainer(t)
  dockerOutput('create', '--name', name, ...labelArguments(labels), postgresImage)
  const before = await findContainerState(engine, name)
  assert.equal(await runContainer(engine, request), 'started')
  const after = await findContainerState(engine, name)
  assert.equal(after?.isRunning, true)
  assert.notEqual(after.id, before?.id)
})

test('a stranger’s container of the same name is an error, and is neither removed nor started', { skip }, async (t) => {
  const { request, name, labels, label } = await prepareContainer(t)
  dockerOutput('create', '--name', name, '--label', label, postgresImage)
  const ours = { ...labels, 'agent-isolate.lease': 'mine' }
  const before = await findContainerState(engine, name)
  await assert.rejects(
    runContainer(engine, { ...request, labels: ours }),
    isExpected(/there is a container .* already/, /docker rename/),
  )
  assert.equal(await removeContainer(engine, name, ours), 'not ours')
  assert.equal(await removeContainer(engine, name, {}), 'not ours', 'no label is nobody’s')
  assert.equal(await startStoppedContainer(engine, name, ours), 'absent')
  assert.deepEqual(await findContainerState(engine, name), before)
})

test('a container that cannot be started is an error in docker’s words, and is removed', { skip }, async (t) => {
  const { request, label } = await prepareContainer(t)
  const extraArgs = ['--entrypoint', '/no/such/program']
  await assert.rejects(
    runContainer(engine, { ...request, extraArgs }),
    isExpected(/cannot be started: .*\/no\/such\/program.*no such file/),
  )
  assert.deepEqual(listByLabel('container', label), [])
  await assert.rejects(
    runContainer(engine, { ...request, extraArgs: ['--no-such-flag'] }),
    isExpected(/unknown flag: --no-such-flag$/),
  )
})

test('a container that dies has an exit code and last words', { skip }, async (t) => {
  const { request, name } = await prepareContainer(t)
  const command = ['sh', '-c', 'printf "first\\n\\nsecond\\033[31m\\nthird\\n" >&2; exit 3']
  await runContainer(engine, { ...request, command })
  const state = await waitForEnd(name)
  assert.equal(state?.exitCode, 3)
  assert.deepEqual(await lastLogLines(engine, name, 2), ['second\\u{1b}[31m', 'third'])
  assert.deepEqual(await lastLogLines(engine, 'agent-isolate-test-none', 2), [])
})

test(
  'a stopped container starts again on its port, unless that is taken; its data is still there',
  { skip },
  async (t) => {
    const { request, name, labels, takePort } = await prepareContainer(t)
    await runContainer(engine, {
      ...request,
      command: ['sh', '-c', 'cat /tmp/kept; echo kept >/tmp/kept; exec sleep 60'],
    })
    assert.equal(await startStoppedContainer(engine, name, labels), 'started', 'one that runs is left')
    dockerOutput('kill', name)
    assert.equal(await startStoppedContainer(engine, name, labels), 'started')
    // It has yet to begin.
    while ((await lastLogLines(engine, name, 1)).length === 0) await sleep(20)
    assert.deepEqual(await lastLogLines(engine, name, 1), ['kept'])
    dockerOutput('kill', name)
    await takePort()
    assert.equal(await startStoppedContainer(engine, name, labels), 'port taken')
    assert.equal((await findContainerState(engine, name))?.isRunning, false)
    assert.equal(await startStoppedContainer(engine, `${name}-none`, labels), 'absent')
  },
)

test('ten removals of one container at once all find it gone, and its unnamed volume with it', { skip }, async (t) => {
  const { request, name, labels } = await prepareContainer(t)
  await runContainer(engine, request)
  const [inspected] = JSON.parse(dockerOutput('inspect', name))
  const volume: unknown = inspected.Mounts[0].Name
  const results = await Promise.all(Array.from({ length: 10 }, () => removeContainer(engine, name, labels)))
  assert.ok(results.includes('removed'))
  assert.ok(!results.includes('not ours'))
  assert.equal(await findContainerState(engine, name), undefined)
  assert.ok(!dockerOutput('volume', 'ls', '--quiet').split('\n').includes(String(volume)))
})

async function waitForEnd(name: string): ReturnType<typeof findContainerState> {
  dockerOutput('wait', name)
  return findContainerState(engine, name)
}
