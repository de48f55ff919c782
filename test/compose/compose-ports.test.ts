import assert from 'node:assert/strict'
import { test } from 'node:test'
import { composePortNames } from '../../lib/project/compose-ports.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'

const long = 'a-service-with-a-name-that-goes-on-and-on'

for (const [ports, names] of [
  [{ db: 5432, redis: [6379, 8001] }, ['db', 'redis', 'redis_8001']],
  [{ 'Mail.Dev-server': [1025, 8025] }, ['mail_dev_server', 'mail_dev_server_8025']],
  [{ app: 3000, web: 80 }, ['app_3000', 'web']],
  [{ '2nd': 1, _x: 2, _9: [3] }, ['service_2nd', 'service_x', 'service_9']],
  [{ [long]: [80, 65535] }, ['a_service_with_a_name_that_goes', 'a_service_with_a_name_tha_65535']],
  [{}, []],
] as const) {
  test(`${JSON.stringify(ports)} leases ports of these names: ${names.join(', ') || 'none'}`, () => {
    const named = composePortNames(ports)
    assert.deepEqual(
      named.map(({ name }) => name),
      names,
    )
    assert.ok(named.every(({ name }) => /^[a-z][a-z0-9_]{0,30}$/.test(name)))
  })
}

test('a name comes with its service and container port', () => {
  assert.deepEqual(composePortNames({ 'Re.dis': [6379, 8001] }), [
    { name: 're_dis', service: 'Re.dis', containerPort: 6379 },
    { name: 're_dis_8001', service: 'Re.dis', containerPort: 8001 },
  ])
})

for (const ports of [
  { 'my-db': 5432, my_db: 5433 },
  { redis: [6379, 8001], redis_8001: 1 },
  { db: [1, 2, 2] },
  { [`${long}-a`]: 80, [`${long}-b`]: 80 },
]) {
  test(`two ports of one name are an error: ${JSON.stringify(ports)}`, () => {
    assert.throws(
      () => composePortNames(ports),
      (error) => error instanceof IsolateError && /would both be the port "/.test(error.message),
    )
  })
}
