import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { fetchUpstream, shownUrl, type FetchOptions, type FetchResult } from '../../lib/git/fetch.ts'
import { isAlive, ownIdentity } from '../../lib/processes/process-identity.ts'
import { loadGitConfig } from '../../lib/git/git-config.ts'
import { createRemoteWorld, findUpstreamOf, placeOf, rememberingReporter, type RemoteWorld } from '../support/remote.ts'

type Fetched = { result: FetchResult; warnings: string[] }

async function fetchOnce(root: string, changes: Partial<FetchOptions> = {}): Promise<Fetched> {
  const reporter = rememberingReporter()
  const upstream = await findUpstreamOf(root)
  assert.ok(upstream)
  const usual = { mode: 'stale' as const, staleAfterMs: 60_000, timeoutMs: 20_000 }
  const place = placeOf(root)
  const config = await loadGitConfig(place)
  const options = { place, config, commonDir: join(root, '.git'), upstream, reporter, ...usual, ...changes }
  return { result: await fetchUpstream(options), warnings: reporter.warnings }
}

function script(world: RemoteWorld, name: string, ...lines: string[]): string {
  const path = world.write(name, ['#!/bin/sh', ...lines, ''].join('\n'))
  chmodSync(path, 0o755)
  return path
}

/** Lets every fetch from the remote write a line. Returns how many there were. */
function countFetches(world: RemoteWorld, checkout: string): () => number {
  const log = world.write('fetches', '')
  world.git(
    checkout,
    'config',
    'remote.origin.uploadpack',
    script(world, 'pack', `echo x >> '${log}'`, 'sleep 0.2', 'exec git-upload-pack "$@"'),
  )
  return () => readFileSync(log, 'utf8').length / 2
}

function tip({ git }: RemoteWorld, checkout: string): string {
  return git(checkout, 'rev-parse', 'refs/remotes/origin/main')
}

test('fetches the branch of the upstream and nothing else', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const newest = world.advance('a.txt')
  world.git(world.remote, 'tag', 'v1', 'main')
  world.git(world.remote, 'branch', 'other', 'main')
  assert.deepEqual(await fetchOnce(checkout), { result: 'fetched', warnings: [] })
  assert.equal(tip(world, checkout), newest)
  assert.equal(world.git(checkout, 'for-each-ref', 'refs/tags', 'refs/remotes/origin/other'), '')
  assert.equal(existsSync(join(checkout, '.git', 'FETCH_HEAD')), false)
})

test('is skipped where it is fresh, never done where it is not wanted, and done always where it is', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  assert.equal((await fetchOnce(checkout, { mode: 'never' })).result, 'skipped')
  assert.equal((await fetchOnce(checkout)).result, 'fetched')
  const newest = world.advance('a.txt')
  assert.equal((await fetchOnce(checkout)).result, 'skipped')
  assert.equal((await fetchOnce(checkout, { staleAfterMs: 0 })).result, 'fetched')
  assert.equal(tip(world, checkout), newest)
  assert.equal((await fetchOnce(checkout, { mode: 'always' })).result, 'fetched')
})

test("the user's own fetch of the branch counts, one of another branch or a failed one does not", async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  world.git(world.remote, 'branch', 'other', 'main')
  world.git(checkout, 'fetch', '--quiet', 'origin', 'main')
  assert.equal((await fetchOnce(checkout)).result, 'skipped')
  world.git(checkout, 'fetch', '--quiet', 'origin', 'other')
  assert.equal((await fetchOnce(checkout)).result, 'fetched')
})

test('a URL is compared as git writes it into FETCH_HEAD', () => {
  const table = [
    ['git@github.com:team/app.git', 'github.com:team/app'],
    ['https://user:secret@example.invalid/team/app.git/', 'https://example.invalid/team/app'],
    ['ssh://git@example.invalid:22/app', 'ssh://example.invalid:22/app'],
    ['/srv/app.git', '/srv/app'],
    ['/srv/a@b', '/srv/a@b'],
  ]
  for (const [url = '', shown] of table) assert.equal(shownUrl(url), shown)
})

for (const mode of ['stale', 'always'] as const) {
  test(`twenty at once in two processes fetch ${mode === 'stale' ? 'once' : 'twice at most'} (${mode})`, async (t) => {
    const world = createRemoteWorld(t)
    const checkout = world.clone('checkout')
    const newest = world.advance('a.txt')
    const count = countFetches(world, checkout)
    const helper = join(import.meta.dirname, '../support/fetch-many.ts')
    const one = (): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, ['--import', 'tsx', helper, checkout, mode, '10'], { env: world.env })
    const results = (await Promise.all([one(), one()])).flatMap(({ stdout }): unknown => JSON.parse(stdout))
    assert.equal(results.length, 20)
    assert.equal(results.filter((result) => result === 'fetched').length, count())
    assert.ok(count() === 1 || (mode === 'always' && count() === 2), `${count()} fetches`)
    assert.equal(tip(world, checkout), newest)
  })
}

test('a remote that cannot be reached is one warning, and not tried again for a while', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const before = tip(world, checkout)
  world.advance('a.txt')
  renameSync(world.remote, `${world.remote}-away`)
  const warning = `origin/main could not be fetched ('${world.remote}' does not appear to be a git repository); going on with what was fetched before`
  assert.deepEqual(await fetchOnce(checkout), { result: 'failed', warnings: [warning] })
  renameSync(`${world.remote}-away`, world.remote)
  const count = countFetches(world, checkout)
  assert.deepEqual(await fetchOnce(checkout), { result: 'failed', warnings: [warning] })
  assert.equal(count(), 0)
  assert.equal(tip(world, checkout), before)
  assert.equal((await fetchOnce(checkout, { mode: 'always' })).result, 'fetched')
  assert.deepEqual(await fetchOnce(checkout), { result: 'skipped', warnings: [] })
})

test('a branch that the remote does not have any more is a warning with a hint', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  world.git(world.remote, 'branch', '--move', 'main', 'trunk')
  const { result, warnings } = await fetchOnce(checkout)
  assert.equal(result, 'failed')
  assert.match(warnings.join(), /renamed: git remote set-head origin --auto$/)
})

test('a remote that does not answer is given up, and no process of it is left', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const started = join(world.folder, 'started')
  const ssh = script(world, 'ssh', 'sleep 60 &', `echo $$ $! > '${started}'`, 'sleep 60')
  world.git(checkout, 'config', 'core.sshCommand', ssh)
  world.git(checkout, 'remote', 'set-url', 'origin', 'nobody@host.invalid:repo')
  // On a slow machine ssh may not have begun by then.
  for (let seconds = 0.7; !existsSync(started); seconds *= 4) {
    const { result, warnings } = await fetchOnce(checkout, { timeoutMs: seconds * 1000 })
    assert.equal(result, 'failed')
    assert.match(
      warnings.join('\n'),
      /^origin\/main could not be fetched \(no answer within \S+ s\); going on with what was/,
    )
  }
  const pids = readFileSync(started, 'utf8').trim().split(' ').map(Number)
  assert.equal(pids.length, 2)
  const areAlive = (): boolean => pids.some((pid) => isAlive({ ...ownIdentity(), pid, startTime: '' }))
  for (let nap = 0; nap < 1500 && areAlive(); nap++) await sleep(20)
  assert.equal(areAlive(), false)
})

test('ssh is asked in batch mode, unless the user chose another', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const log = join(world.folder, 'arguments')
  const bin = join(world.folder, 'bin')
  script(world, 'bin/ssh', `echo "$@" > '${log}'`, 'exit 1')
  process.env['PATH'] = `${bin}:${process.env['PATH']}`
  delete process.env['GIT_SSH_COMMAND']
  delete process.env['GIT_SSH']
  world.git(checkout, 'remote', 'set-url', 'origin', 'nobody@host.invalid:repo')
  assert.equal((await fetchOnce(checkout)).result, 'failed')
  assert.match(
    readFileSync(log, 'utf8'),
    /^-o BatchMode=yes -o ControlMaster=no .*nobody@host\.invalid git-upload-pack/,
  )
  world.git(checkout, 'config', 'core.sshCommand', 'ssh -i mine')
  assert.equal((await fetchOnce(checkout, { mode: 'always' })).result, 'failed')
  assert.match(readFileSync(log, 'utf8'), /^-i mine .*nobody@host\.invalid/)
})

test('nobody is asked for a password, but a credential helper is', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const asked = join(world.folder, 'asked')
  const askpass = script(world, 'askpass', `echo "$1" >> '${asked}'`, 'echo secret')
  for (const name of ['GIT_ASKPASS', 'SSH_ASKPASS']) process.env[name] = askpass
  world.git(checkout, 'config', 'core.askPass', askpass)
  const { url, seen } = await startServer(t)
  world.git(checkout, 'remote', 'set-url', 'origin', `${url}/repo`)
  const { result, warnings } = await fetchOnce(checkout)
  assert.equal(result, 'failed')
  assert.match(warnings.join(), /could not read Username|terminal prompts disabled/)
  assert.equal(existsSync(asked), false)
  const helper = script(world, 'helper', '[ "$1" = get ] && echo username=robot && echo password=key')
  world.git(checkout, 'config', 'credential.helper', helper)
  await fetchOnce(checkout, { mode: 'always' })
  assert.ok(seen.includes(`Basic ${Buffer.from('robot:key').toString('base64')}`))
  assert.equal(existsSync(asked), false)
})

/** An HTTP server that lets nobody in. `seen`: the Authorization headers that it was sent. */
async function startServer(t: TestContext): Promise<{ url: string; seen: (string | undefined)[] }> {
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="test"' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { url: `http://127.0.0.1:${address.port}`, seen }
}

test('a torn note about the last fetch is no note', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  await fetchOnce(checkout)
  const folder = join(world.folder, 'state', 'fetched')
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), '{"startedAt":')
  assert.equal((await fetchOnce(checkout)).result, 'fetched')
})
