/** Whether a process still runs, asked from elsewhere: in another time zone, under another host name, from another container. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  isAlive,
  isWithinReach,
  ownIdentity,
  processSource,
  type ProcessIdentity,
} from '../../lib/processes/process-identity.ts'
import { relatePlace, type Place } from '../../lib/processes/process-place.ts'
import { repositoryLockName } from '../../lib/git/worktree.ts'
import { cliAnswer } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'

const script = ['--import', 'tsx', join(import.meta.dirname, '../support/identity.ts')]
const unshare = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']

type Told = { child: ChildProcess; identity: ProcessIdentity; text: string }

/** A process that says who it is and lives until the test ends, or until it is killed. */
async function startHolder(
  t: TestContext,
  source: string,
  env: NodeJS.ProcessEnv = {},
  wrap: string[] = [],
): Promise<Told> {
  const child = spawn('env', [...wrap, process.execPath, ...script, source], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [text] = (await once(child.stdout ?? child, 'data')).map(String)
  return { child, identity: JSON.parse(text ?? ''), text: text ?? '' }
}

function judgeElsewhere(text: string, source: string, env: NodeJS.ProcessEnv = {}, wrap: string[] = []): string {
  const command = [...wrap, process.execPath, ...script, source, 'judge']
  return execFileSync('/usr/bin/env', command, { env: { ...process.env, ...env }, input: text, encoding: 'utf8' })
}

async function kill({ child }: Told): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Why the tests with namespaces are skipped; false when they are not. In CI they are not, where Linux is. */
function skipWithoutNamespaces(): string | false {
  if (process.platform === 'linux' && spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0) {
    return false
  }
  return 'no pid namespace can be made: that needs unshare, and root'
}

test('macOS and the BSDs ask ps, Linux reads /proc', () => {
  assert.deepEqual((['linux', 'darwin', 'freebsd', 'win32'] as const).map(processSource), ['proc', 'ps', 'ps', 'none'])
})

test('a process that ps knows lives in every time zone and language, and is dead once it is killed', async (t) => {
  const holder = await startHolder(t, 'ps', { TZ: 'Asia/Tokyo' })
  const zones = ['America/Los_Angeles', 'UTC', '']
  assert.match(holder.identity.startTime, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual(
    zones.map((TZ) => judgeElsewhere(holder.text, 'ps', { TZ, LC_ALL: 'de_DE.UTF-8' })),
    ['alive', 'alive', 'alive'],
  )
  const reused = JSON.stringify({ ...holder.identity, startTime: '2001-02-03T04:05:06.000Z' })
  assert.equal(judgeElsewhere(reused, 'ps'), 'dead')
  await kill(holder)
  assert.equal(judgeElsewhere(holder.text, 'ps', { TZ: 'America/Los_Angeles' }), 'dead')
})

test('a lock that an older version wrote in local time is not taken from a living holder', async (t) => {
  const holder = await startHolder(t, 'ps')
  const { pid, bootId, host } = holder.identity
  const old = { pid, bootId, host, startTime: 'Thu Jan  2 03:04:05 2025' }
  assert.equal(judgeElsewhere(JSON.stringify(old), 'ps'), 'alive')
  await kill(holder)
  assert.equal(judgeElsewhere(JSON.stringify(old), 'ps'), 'dead')
})

test('a ps that knows no start times, or none at all, proves no death', async (t) => {
  const sandbox = createSandbox(t)
  const busybox = 'echo "ps: bad -o argument \'lstart\'" >&2; exit 1'
  const holder = await startHolder(t, 'ps')
  for (const body of [busybox, 'echo "S nonsense"', undefined]) {
    const file = sandbox.write('bin/ps', `#!/bin/sh\n${body ?? ''}\n`)
    execFileSync('chmod', [body === undefined ? '-x' : '+x', file])
    assert.equal(judgeElsewhere(holder.text, 'ps', { PATH: join(sandbox.folder, 'bin') }), 'alive')
  }
})

test('a maker that was killed before the host got another name is dead, and keeps nobody waiting', async (t) => {
  const holder = await startHolder(t, 'proc')
  const renamed = { ...holder.identity, host: 'the-name-before' }
  assert.equal(isAlive(renamed), true)
  assert.equal(isWithinReach(renamed), true)
  await kill(holder)
  assert.equal(isAlive(renamed), false)
})

test('a lock of a killed process under the host’s earlier name does not stop a creation', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('app')
  const holder = await startHolder(t, 'proc')
  await kill(holder)
  mkdirSync(join(sandbox.folder, 'state/locks'), { recursive: true })
  const lock = join(sandbox.folder, 'state/locks', repositoryLockName(join(root, '.git')))
  writeFileSync(lock, JSON.stringify({ token: 'aaaa', ...holder.identity, host: 'the-name-before' }))
  await cliAnswer(sandbox, root, 'create', 'one')
  assert.deepEqual(readdirSync(join(sandbox.folder, 'state/locks')), [])
})

test('what two places are to each other', () => {
  const outside = 'pid:[4026531836]'
  const here: Place = { host: 'h', machine: 'm', bootId: 'b', pidNamespace: outside }
  const inside: Place = { host: 'c1', machine: '', bootId: 'b', pidNamespace: 'pid:[1]' }
  const mac: Place = { host: 'h', machine: '', bootId: '', pidNamespace: '' }
  const old = { machine: '', pidNamespace: undefined }
  const table: [there: Place, here: Place, expected: string][] = [
    [here, here, 'same'],
    [{ ...here, host: 'other' }, here, 'same'],
    [{ ...here, bootId: 'b0' }, here, 'ended'],
    [{ ...here, bootId: 'b0', host: 'other' }, here, 'ended'],
    // Two machines of one name that share a home folder.
    [{ ...here, bootId: 'b0', machine: 'n' }, here, 'elsewhere'],
    [{ ...here, bootId: 'b0', machine: '', host: 'other' }, here, 'elsewhere'],
    // A container, seen from the machine; the machine, and another container, seen from it.
    [inside, here, 'inner'],
    [here, inside, 'elsewhere'],
    [{ ...inside, pidNamespace: 'pid:[2]' }, inside, 'elsewhere'],
    [{ ...inside, bootId: 'b0' }, inside, 'ended'],
    [{ ...inside, bootId: 'b0', host: 'c2' }, inside, 'elsewhere'],
    // As older versions wrote.
    [{ ...here, ...old }, here, 'same'],
    [{ ...here, ...old, bootId: 'b0' }, here, 'ended'],
    [{ ...here, ...old, host: 'other' }, here, 'elsewhere'],
    // Where the system does not tell of boots.
    [mac, mac, 'same'],
    [{ ...mac, host: 'other' }, mac, 'elsewhere'],
    [mac, { ...mac, bootId: 'b' }, 'same'],
  ]
  for (const [there, from, expected] of table) {
    assert.equal(relatePlace(there, from), expected, JSON.stringify([there, from]))
  }
})

test('a process in a container lives for others until it is gone', { skip: skipWithoutNamespaces() }, async (t) => {
  const contained = await startHolder(t, 'proc', {}, unshare)
  const outer = await startHolder(t, 'proc')
  assert.notEqual(contained.identity.pidNamespace, ownIdentity().pidNamespace)
  assert.equal(isWithinReach(contained.identity), false)
  assert.equal(isAlive(contained.identity), true)
  // Another container sees neither of them.
  assert.equal(judgeElsewhere(contained.text, 'proc', {}, unshare), 'alive')
  assert.equal(judgeElsewhere(outer.text, 'proc', {}, unshare), 'alive')
  await kill(contained)
  // The kernel kills all of a namespace with its first process; a moment passes.
  for (let waited = 0; waited < 1500 && isAlive(contained.identity); waited++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal(isAlive(contained.identity), false)
})

test('gc leaves alone what a process of another machine or container is about to rename, for a day', async (t) => {
  const sandbox = createSandbox(t)
  const fresh = sandbox.write('state/tmp/99999999-0123456789ab-0123456789ab', 'half')
  assert.match(await cliAnswer(sandbox, sandbox.folder, 'gc'), /nothing/)
  assert.ok(existsSync(fresh))
  const before = new Date(Date.now() - 25 * 60 * 60 * 1000)
  utimesSync(fresh, before, before)
  assert.equal(await cliAnswer(sandbox, sandbox.folder, 'gc'), 'removed 1 temporary file of dead processes')
})
