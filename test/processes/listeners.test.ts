import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findListeners, parseLsofListeners, parseProcNetTcp } from '../../lib/processes/listeners.ts'
import { createSandbox } from '../support/sandbox.ts'

async function listen(t: TestContext, host: string): Promise<number> {
  const server = createServer().listen({ host, port: 0 })
  t.after(() => server.close())
  await once(server, 'listening')
  return portOf(server)
}

function portOf(server: Server): number {
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

test('a listener is found on whichever address, with its process and folder', async (t) => {
  const hosts = ['127.0.0.1', '0.0.0.0', '::1', '::']
  const ports = await Promise.all(hosts.map((host) => listen(t, host)))
  const listeners = await findListeners([...ports, 1])
  assert.deepEqual(new Set(listeners.keys()), new Set(ports))
  for (const port of ports) {
    assert.equal(listeners.get(port)?.pid, process.pid)
    assert.equal(listeners.get(port)?.cwd, process.cwd())
    assert.match(listeners.get(port)?.command ?? '', /node/)
  }
})

test('a server that another process runs in another folder is named', async (t) => {
  const { folder } = createSandbox(t)
  const cwd = join(folder, 'other place')
  mkdirSync(cwd)
  const source = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`
  const child = spawn(process.execPath, ['-e', source, 'my-server'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    child.kill()
    await once(child, 'close')
  })
  const [output] = await once(child.stdout, 'data')
  const port = Number(output)
  const listener = (await findListeners([port])).get(port)
  assert.equal(listener?.pid, child.pid)
  assert.equal(listener?.cwd, cwd)
  if (process.platform === 'linux') assert.match(listener?.command ?? '', /my-server$/)
})

test('connections are not listeners, and a closed port has none', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  assert.equal((await findListeners([port])).size, 0)
  assert.equal((await findListeners([])).size, 0)
})

test('where the system names no processes, a listener is still seen', async (t) => {
  const ports = [await listen(t, '127.0.0.1'), await listen(t, '::1')]
  const listeners = await findListeners([...ports, 1], 'win32')
  assert.deepEqual(
    [...listeners.values()],
    ports.map((port) => ({ port })),
  )
})

test('only listening sockets on wanted ports are taken from /proc/net/tcp', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:4FBA 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0',
    '   1: 0100007F:4FBA 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000  1000        0 222 1 0 100 0 0 10 0',
    '   2: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0',
    '   3: 00000000000000000000000001000000:4FBB 00000000000000000000000000000000:0000 0A 0:0 0:0 0  0   0 444 1',
    '',
  ].join('\n')
  assert.deepEqual(
    [...parseProcNetTcp(table, new Set([20410, 20411]))],
    [
      ['111', 20410],
      ['444', 20411],
    ],
  )
})

test('lsof’s answer is read: several sockets and processes, every form of address', () => {
  const output =
    'p101\ncnode\nf20\nn127.0.0.1:20410\nf21\nn[::1]:20411\np202\ncpostgres\nf5\nn*:5432\np303\ncControlCe\nf9\nn*:7000\n'
  assert.deepEqual(
    [...parseLsofListeners(output, new Set([20411, 5432])).values()],
    [
      { port: 20411, pid: 101, command: 'node' },
      { port: 5432, pid: 202, command: 'postgres' },
    ],
  )
})
