import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { isAgreed } from '../../cli/whois.ts'
import { runCli } from '../support/cli.ts'
import { createThroughHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { requireLeaseAt } from '../support/state.ts'

/** A server in a folder; `port` 0 takes any. Returns its port and process. */
async function serve(t: TestContext, cwd: string, port: number): Promise<{ port: number; pid: number }> {
  const source = `const s = require('net').createServer().listen(${port}, '127.0.0.1', () => console.log(s.address().port))`
  const child = spawn(process.execPath, ['-e', source], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    child.kill()
    await once(child, 'close')
  })
  const [output] = await once(child.stdout, 'data')
  assert.ok(child.pid !== undefined)
  return { port: Number(output), pid: child.pid }
}

test('who listens, where, and whose port it is', { skip: process.platform === 'win32' }, async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo')
  const [one, two] = [await createThroughHook(sandbox, root, 'one'), await createThroughHook(sandbox, root, 'two')]
  const lease = requireLeaseAt(sandbox, one)
  const app = lease.ports['app'] ?? 0
  const whois = async (port: number) => {
    const { code, stdout } = await runCli(sandbox, sandbox.folder, ['whois', String(port), '--json'])
    const answer: { agrees: boolean; listener: Record<string, unknown> | null; lease: Record<string, unknown> | null } =
      JSON.parse(stdout)
    assert.equal(code, answer.agrees ? 0 : 1)
    return answer
  }
  const silent = await whois(app)
  assert.deepEqual([silent.agrees, silent.listener, silent.lease?.['name']], [true, null, 'one'])

  const own = await serve(t, one, app)
  const agreed = await whois(app)
  assert.equal(agreed.agrees, true)
  assert.deepEqual(
    [agreed.listener?.['pid'], agreed.listener?.['name'], agreed.lease?.['portName']],
    [own.pid, 'one', 'app'],
  )

  const stranger = await serve(t, two, lease.block + 5)
  const odd = await whois(lease.block + 5)
  assert.deepEqual([odd.agrees, odd.listener?.['name'], odd.lease?.['name']], [false, 'two', 'one'])
  const { stdout } = await runCli(sandbox, sandbox.folder, ['whois', String(stranger.port)])
  assert.match(
    stdout,
    /^port \d+: pid \d+ in .*\nruns in {4}two \(.*\nleased by {2}one \(.*as a spare port\nat odds: end that process/,
  )

  const fixed = await serve(t, two, 0)
  const unleased = await whois(fixed.port)
  assert.deepEqual([unleased.agrees, unleased.listener?.['name'], unleased.lease], [false, 'two', null])

  const main = await serve(t, root, 0)
  const plain = await whois(main.port)
  assert.deepEqual([plain.agrees, plain.listener?.['worktree'], plain.lease], [true, root, null])
})

test('a port is a number from 1 to 65535', async (t) => {
  const sandbox = createSandbox(t)
  for (const word of ['0', '65536', 'http', '3e3']) {
    const { code, stderr } = await runCli(sandbox, sandbox.folder, ['whois', word])
    assert.equal(code, 2, word)
    assert.match(stderr, /not a port/)
  }
})

test('a listener in an unknown folder is at odds with a lease, and with nothing else', () => {
  const listener = { port: 1 }
  assert.equal(isAgreed({ listener, runsIn: undefined, leasedBy: undefined }), true)
  assert.equal(isAgreed({ listener, runsIn: undefined, leasedBy: { id: 'a' } }), false)
  assert.equal(isAgreed({ listener: undefined, runsIn: undefined, leasedBy: { id: 'a' } }), true)
})
