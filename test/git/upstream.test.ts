import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { loadGitConfig } from '../../lib/git/git-config.ts'
import { compareWithUpstream, requireHead, upstreamName, type Upstream } from '../../lib/git/upstream.ts'
import { createRemoteWorld, findUpstreamOf, placeOf, useEnvironment, type RemoteWorld } from '../support/remote.ts'
import { createSandbox } from '../support/sandbox.ts'

async function findName(root: string, configured?: string): Promise<string | undefined> {
  const upstream = await findUpstreamOf(root, configured)
  return upstream === undefined ? undefined : upstreamName(upstream)
}

async function requireUpstream(root: string): Promise<Upstream> {
  const upstream = await findUpstreamOf(root)
  assert.ok(upstream)
  return upstream
}

function addFork({ git, folder, remote }: RemoteWorld, checkout: string, name: string): void {
  git(folder, 'clone', '--quiet', '--bare', remote, `${name.replace('/', '-')}.git`)
  git(checkout, 'remote', 'add', name, `${folder}/${name.replace('/', '-')}.git`)
  git(checkout, 'fetch', '--quiet', name)
}

test('the upstream is the default branch of the remote, whatever it is called', async (t) => {
  const world = createRemoteWorld(t, 'trunk')
  assert.deepEqual(await findUpstreamOf(world.clone('plain')), {
    remote: 'origin',
    branch: 'trunk',
    ref: 'refs/remotes/origin/trunk',
    url: world.remote,
  })
  assert.equal(await findName(world.clone('named', '--origin', 'team/hub')), 'team/hub/trunk')
})

test('the upstream of a feature branch is still the default branch', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  world.git(checkout, 'switch', '--quiet', '--create', 'feature')
  world.commit(checkout, 'feature.txt')
  world.git(checkout, 'push', '--quiet', '--set-upstream', 'origin', 'feature')
  assert.equal(await findName(checkout), 'origin/main')
  world.git(checkout, 'switch', '--quiet', '--detach')
  assert.equal(await findName(checkout), 'origin/main')
})

test('of several remotes the one that the current branch belongs to counts, else origin', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  addFork(world, checkout, 'team/fork')
  assert.equal(await findName(checkout), 'origin/main')
  world.git(checkout, 'switch', '--quiet', '--create', 'mine', '--track', 'team/fork/main')
  assert.equal(await findName(checkout), 'team/fork/main')
  world.git(checkout, 'switch', '--quiet', '--create', 'loose', '--no-track')
  assert.equal(await findName(checkout), 'origin/main')
  world.git(checkout, 'remote', 'rename', 'origin', 'elsewhere')
  assert.equal(await findName(checkout), undefined)
})

test('without a default branch the tracked branch counts, then the usual names', async (t) => {
  const world = createRemoteWorld(t, 'develop')
  const checkout = world.clone('checkout')
  world.git(checkout, 'remote', 'set-head', 'origin', '--delete')
  world.git(checkout, 'switch', '--quiet', '--create', 'next')
  assert.equal(await findName(checkout), 'origin/develop')
  world.git(checkout, 'push', '--quiet', '--set-upstream', 'origin', 'next')
  assert.equal(await findName(checkout), 'origin/next')
  world.git(checkout, 'switch', '--quiet', '--detach')
  assert.equal(await findName(checkout), 'origin/develop')
  world.git(checkout, 'update-ref', '-d', 'refs/remotes/origin/develop')
  assert.equal(await findName(checkout), undefined)
})

test('a default branch that is gone does not count', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  world.git(checkout, 'push', '--quiet', 'origin', 'main:master')
  world.git(checkout, 'update-ref', '-d', 'refs/remotes/origin/main')
  world.git(checkout, 'switch', '--quiet', '--detach')
  assert.equal(await findName(checkout), 'origin/master')
})

test('no remote, and a remote that is empty, are no upstream', async (t) => {
  const sandbox = createSandbox(t)
  useEnvironment(t, sandbox.env)
  const lonely = sandbox.repository('lonely')
  assert.equal(await findName(lonely), undefined)
  assert.equal(await findName(lonely, 'origin/main'), undefined)
  sandbox.git(sandbox.folder, 'init', '--quiet', '--bare', 'empty')
  sandbox.git(sandbox.folder, 'clone', '--quiet', 'empty', 'checkout')
  assert.equal(await findName(`${sandbox.folder}/checkout`), undefined)
})

test('a configured upstream is split at the name of a remote', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout', '--origin', 'team')
  addFork(world, checkout, 'team/fork')
  assert.equal((await findUpstreamOf(checkout, 'team/release/1.x'))?.ref, 'refs/remotes/team/release/1.x')
  assert.deepEqual(await findUpstreamOf(checkout, 'team/fork/main').then((found) => [found?.remote, found?.branch]), [
    'team/fork',
    'main',
  ])
  await assert.rejects(findUpstreamOf(checkout, 'origin/main'), {
    name: 'IsolateError',
    message: 'the upstream "origin/main" names no remote of this repository',
    hint: 'Write REMOTE/BRANCH in "sync.upstream"; the remotes are: team, team/fork.',
  })
})

test('commits are counted on both sides', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const upstream = await requireUpstream(checkout)
  const config = await loadGitConfig(placeOf(checkout))
  const first = world.git(checkout, 'rev-parse', 'HEAD')
  const equal = { start: first, upstream: first, ahead: 0, behind: 0, isRelated: true }
  assert.deepEqual(await compareWithUpstream(placeOf(checkout), config, upstream, 'HEAD'), equal)
  world.advance('a.txt')
  const second = world.advance('b.txt')
  world.git(checkout, 'fetch', '--quiet')
  assert.deepEqual(await compareWithUpstream(placeOf(checkout), config, upstream, 'HEAD'), {
    ...equal,
    upstream: second,
    behind: 2,
  })
  const local = world.commit(checkout, 'c.txt')
  const diverged = { start: local, upstream: second, ahead: 1, behind: 2, isRelated: true }
  assert.deepEqual(await compareWithUpstream(placeOf(checkout), config, upstream, 'HEAD'), diverged)
})

test('histories without a common commit, a missing ref and an empty repository are told apart', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const upstream = await requireUpstream(checkout)
  const config = await loadGitConfig(placeOf(checkout))
  world.git(checkout, 'switch', '--quiet', '--orphan', 'other')
  await assert.rejects(requireHead(placeOf(checkout)), { message: `${checkout} has no commit yet` })
  await assert.rejects(compareWithUpstream(placeOf(checkout), config, upstream, 'HEAD'), { name: 'IsolateError' })
  world.commit(checkout, 'other.txt')
  assert.equal((await compareWithUpstream(placeOf(checkout), config, upstream, 'HEAD')).isRelated, false)
  const missing = { ...upstream, ref: 'refs/remotes/origin/none' }
  assert.equal((await compareWithUpstream(placeOf(checkout), config, missing, 'HEAD')).upstream, undefined)
})

test('a shallow clone is compared as far as it reaches', async (t) => {
  const world = createRemoteWorld(t)
  world.advance('a.txt')
  execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${world.remote}`, 'shallow'], {
    cwd: world.folder,
    env: world.env,
  })
  const checkout = `${world.folder}/shallow`
  world.advance('b.txt')
  world.git(checkout, 'fetch', '--quiet')
  const { ahead, behind } = await compareWithUpstream(
    placeOf(checkout),
    await loadGitConfig(placeOf(checkout)),
    await requireUpstream(checkout),
    'HEAD',
  )
  assert.deepEqual({ ahead, behind }, { ahead: 0, behind: 1 })
})
