import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { isAlive, ownIdentity, type ProcessIdentity } from '../../lib/processes/process-identity.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const contender = join(import.meta.dirname, '../support/contend.ts')
const loader = ['--import', 'tsx']

function contend(sandbox: Sandbox, contenders: number, rounds: number) {
  const args = [...loader, contender, sandbox.folder, String(contenders), String(rounds)]
  return promisify(execFile)(process.execPath, args, { env: sandbox.env })
}

function plantLock(sandbox: Sandbox, text: string): void {
  mkdirSync(join(sandbox.folder, 'state/locks'), { recursive: true })
  writeFileSync(join(sandbox.folder, 'state/locks/contended'), text)
}

async function deadIdentity(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await once(child, 'exit')
  return { ...ownIdentity(), pid: child.pid ?? 0, startTime: '1' }
}

test('processes that contend for a lock are never in it together, and leave nothing', async (t) => {
  const sandbox = createSandbox(t)
  await Promise.all(Array.from({ length: 4 }, () => contend(sandbox, 8, 4)))
  assert.equal(readFileSync(join(sandbox.folder, 'entries'), 'utf8').length, 4 * 8 * 4)
  assert.deepEqual(readdirSync(join(sandbox.folder, 'state/locks')), [])
  assert.deepEqual(readdirSync(join(sandbox.folder, 'state/tmp')), [])
})

test('a dead holder’s lock is taken over by one contender at a time, and a dead successor’s right as well', async (t) => {
  const sandbox = createSandbox(t)
  const dead = await deadIdentity()
  for (let round = 0; round < 3; round++) {
    plantLock(sandbox, JSON.stringify({ token: 'aaaa', ...dead }))
    writeFileSync(join(sandbox.folder, 'state/locks/contended.after.aaaa'), JSON.stringify({ token: 'bbbb', ...dead }))
    await Promise.all(Array.from({ length: 3 }, () => contend(sandbox, 20, 1)))
    assert.deepEqual(readdirSync(join(sandbox.folder, 'state/locks')), [])
  }
  assert.equal(readFileSync(join(sandbox.folder, 'entries'), 'utf8').length, 3 * 3 * 20)
})

test('a lock file torn by a crash of the machine is taken over', async (t) => {
  const sandbox = createSandbox(t)
  for (const text of ['', '{"token":"aa"', 'null', '{"token":7}']) {
    plantLock(sandbox, text)
    await contend(sandbox, 1, 1)
  }
  assert.equal(readFileSync(join(sandbox.folder, 'entries'), 'utf8'), 'xxxx')
})

test('a process is dead when its pid is gone, reused, of another boot, or a zombie; another machine’s is not', async () => {
  const own = ownIdentity()
  assert.equal(isAlive(own), true)
  assert.equal(isAlive(await deadIdentity()), false)
  assert.equal(isAlive({ ...own, startTime: '1' }), false)
  assert.equal(isAlive({ ...own, bootId: 'another' }), false)
  const elsewhere = { host: `${hostname()}-not`, machine: '', bootId: 'another' }
  assert.equal(isAlive({ ...(await deadIdentity()), ...elsewhere }), true)
})

test('a killed holder does not keep anybody out', async (t) => {
  const sandbox = createSandbox(t)
  const args = [...loader, contender, sandbox.folder, '1', '1000']
  const holder = spawn(process.execPath, args, { env: sandbox.env, stdio: 'ignore' })
  while (!existsSync(join(sandbox.folder, 'inside'))) await new Promise((resolve) => setTimeout(resolve, 1))
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  rmSync(join(sandbox.folder, 'inside'), { force: true })
  await contend(sandbox, 2, 1)
})
