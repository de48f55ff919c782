import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { assignPorts, blockCandidates, isBlockFree } from '../../lib/ledger/ports.ts'

test('every whole block of the range is a candidate once, from a preferred one on', () => {
  const candidates = blockCandidates('some worktree', [20005, 20061])
  assert.deepEqual(
    candidates.toSorted((a, b) => a - b),
    [20010, 20020, 20030, 20040, 20050],
  )
  assert.deepEqual(blockCandidates('some worktree', [20005, 20061]), candidates)
  assert.deepEqual(blockCandidates('any', [4000, 4009]), [4000])
  const firsts = new Set(
    Array.from({ length: 50 }, (_, index) => blockCandidates(`worktree ${index}`, [20000, 29999])[0]),
  )
  assert.ok(firsts.size > 40, 'worktrees prefer different blocks')
})

test('a name keeps its port when other names come and go', () => {
  assert.deepEqual(assignPorts(20410, ['api']), { app: 20410, api: 20411 })
  assert.deepEqual(assignPorts(20410, ['web', 'api'], { app: 20410, api: 20411 }), {
    app: 20410,
    api: 20411,
    web: 20412,
  })
  assert.deepEqual(assignPorts(20410, [], { app: 20410, api: 20411 }), { app: 20410, api: 20411 })
  const names = Array.from({ length: 10 }, (_, index) => `n${index}`)
  assert.throws(() => assignPorts(20410, names), /has 10 ports/)
  const full = assignPorts(20410, names.slice(0, 9))
  const [first = '', second = ''] = names
  const given = assignPorts(20410, [...names.slice(2, 9), 'new'], full, [second, first])
  assert.equal(given['new'], full[second])
  assert.equal(given[first], full[first])
  assert.throws(() => assignPorts(20410, ['new'], full), /these are more: new; still in use: /)
})

for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::']) {
  test(`a listener on ${host} makes its block not free`, async (t) => {
    const server = createServer().listen({ port: 0, host })
    await once(server, 'listening')
    t.after(() => server.close())
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    assert.equal(await isBlockFree(Math.floor(address.port / 10) * 10), false)
  })
}
