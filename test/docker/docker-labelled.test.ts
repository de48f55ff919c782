/** Volumes, and all that is found by a label, on a real engine. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removeContainer, runContainer } from '../../lib/docker/container.ts'
import { labelArguments, listLabelled, parseLabelled } from '../../lib/docker/labelled.ts'
import { createVolume, removeVolume } from '../../lib/docker/volume.ts'
import { dockerOutput, isExpected, listByLabel, postgresImage, prepareContainer } from '../support/docker.ts'
import { skipWithoutDocker as skip } from '../support/docker.ts'

const engine = {}
const data = '/var/lib/postgresql/data'

test('a volume is made once, keeps its data while in use, and is removed only with its labels', { skip }, async (t) => {
  const { request, name, labels, label } = await prepareContainer(t)
  await createVolume(engine, name, labels)
  await createVolume(engine, name, labels)
  await assert.rejects(
    createVolume(engine, name, { 'agent-isolate.test': 'other' }),
    isExpected(/there is a volume .* already/, /inspect/),
  )
  assert.equal(await removeVolume(engine, name, { 'agent-isolate.test': 'other' }), 'not ours')
  await runContainer(engine, { ...request, volume: { name, path: data } })
  await assert.rejects(removeVolume(engine, name, labels), isExpected(/volume .* cannot be removed: .*in use/))
  await removeContainer(engine, name, labels)
  assert.deepEqual(listByLabel('volume', label), [name], 'the named volume outlives its container')
  assert.equal(await removeVolume(engine, name, labels), 'removed')
  assert.equal(await removeVolume(engine, name, labels), 'absent')
})

test('containers and volumes are found by their labels, whatever is in a label', { skip }, async (t) => {
  const { name, labels } = await prepareContainer(t)
  const odd = { ...labels, odd: 'a=b,c "d"\ne' }
  dockerOutput('create', '--name', `${name}-a`, ...labelArguments(odd), postgresImage)
  dockerOutput('create', '--name', `${name}-b`, ...labelArguments(labels), postgresImage)
  await createVolume(engine, `${name}-c`, odd)
  const containers = await listLabelled(engine, 'container', labels)
  assert.deepEqual(
    new Map(containers.map((one) => [one.name, one.labels])),
    new Map([
      [`${name}-a`, odd],
      [`${name}-b`, labels],
    ]),
  )
  assert.deepEqual(
    (await listLabelled(engine, 'container', odd)).map((one) => one.name),
    [`${name}-a`],
  )
  assert.deepEqual(await listLabelled(engine, 'volume', labels), [{ id: `${name}-c`, name: `${name}-c`, labels: odd }])
  assert.deepEqual(await listLabelled(engine, 'container', { 'agent-isolate.test': 'none' }), [])
})

test('what inspect says is read whether there are labels or none', () => {
  assert.deepEqual(parseLabelled({ Name: 'v', Labels: null }), { id: 'v', name: 'v', labels: {} })
  assert.deepEqual(parseLabelled({ Id: '1', Name: '/c', Config: { Labels: { a: 'b' } } }), {
    id: '1',
    name: 'c',
    labels: { a: 'b' },
  })
  assert.equal(parseLabelled('text'), undefined)
})
