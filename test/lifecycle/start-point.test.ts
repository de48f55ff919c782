import assert from 'node:assert/strict'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { noDeadline } from '../../lib/report/deadline.ts'
import { loadGitConfig } from '../../lib/git/git-config.ts'
import { loadProject } from '../../lib/project/project.ts'
import { placeHere } from '../../lib/git/repository.ts'
import { rebaseWorktree } from '../../lib/git/rebase.ts'
import { chooseStart, type StartPoint } from '../../lib/lifecycle/start-point.ts'
import {
  addWorktree,
  createRemoteWorld,
  rememberingReporter,
  useEnvironment,
  type RemoteWorld,
} from '../support/remote.ts'
import { createSandbox } from '../support/sandbox.ts'

type Chosen = { start: StartPoint; warnings: string[] }

async function choose(cwd: string): Promise<Chosen> {
  const reporter = rememberingReporter()
  const project = await loadProject(cwd)
  const config = await loadGitConfig(placeHere(project.repository))
  return { start: await chooseStart(project, config, { reporter, deadline: noDeadline }), warnings: reporter.warnings }
}

/** A worktree made as a creation makes it: at the start point, then rebased. */
async function build(
  world: RemoteWorld,
  checkout: string,
): Promise<{ worktree: string; isRebased: boolean; warnings: string[] }> {
  const { start } = await choose(checkout)
  assert.ok(start.rebaseOnto)
  const worktree = addWorktree(world, checkout, 'x', start.commit)
  const reporter = rememberingReporter()
  const isRebased = await rebaseWorktree({ worktree, onto: start.rebaseOnto, reporter })
  assert.equal(world.git(worktree, 'status', '--porcelain', '--branch'), '## worktree-x')
  return { worktree, isRebased, warnings: reporter.warnings }
}

function isAncestor({ git }: RemoteWorld, checkout: string, ancestor: string, commit = 'HEAD'): boolean {
  return git(checkout, 'merge-base', ancestor, commit) === git(checkout, 'rev-parse', ancestor)
}

test('starts at the upstream where it is newer, which is found out by fetching', async (t) => {
  const world = createRemoteWorld(t, 'trunk')
  const checkout = world.clone('checkout')
  const newest = world.advance('a.txt')
  assert.deepEqual(await choose(checkout), { start: { commit: newest }, warnings: [] })
})

test('starts at the local commits where only those are new', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  assert.deepEqual(await choose(checkout), {
    start: { commit: world.git(checkout, 'rev-parse', 'HEAD') },
    warnings: [],
  })
  const local = world.commit(checkout, 'a.txt')
  assert.deepEqual(await choose(checkout), { start: { commit: local }, warnings: [] })
})

test('starts at HEAD without a remote, offline, and where the upstream has nothing in common with it', async (t) => {
  const sandbox = createSandbox(t)
  useEnvironment(t, sandbox.env)
  const lonely = sandbox.repository('lonely')
  assert.deepEqual(await choose(lonely), { start: { commit: sandbox.git(lonely, 'rev-parse', 'HEAD') }, warnings: [] })
  const stranger = sandbox.repository('stranger', { 'other.txt': 'other' })
  sandbox.git(lonely, 'remote', 'add', 'origin', stranger)
  sandbox.git(lonely, 'fetch', '--quiet')
  const { start, warnings } = await choose(lonely)
  assert.equal(start.commit, sandbox.git(lonely, 'rev-parse', 'HEAD'))
  assert.deepEqual(warnings, [
    'origin/main and the local commits have no past in common; the new branch starts at the local ones',
  ])
  sandbox.git(lonely, 'remote', 'set-url', 'origin', join(sandbox.folder, 'gone'))
  assert.match((await choose(lonely)).warnings.join(), /^origin\/main could not be fetched/)
})

test('a repository without a commit is a clear error', async (t) => {
  const sandbox = createSandbox(t)
  useEnvironment(t, sandbox.env)
  sandbox.git(sandbox.folder, 'init', '--quiet', 'empty')
  await assert.rejects(choose(join(sandbox.folder, 'empty')), { message: `${sandbox.folder}/empty has no commit yet` })
})

test('the configured upstream and fetch mode are obeyed', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const released = world.advance('a.txt')
  world.git(world.remote, 'branch', 'release/1', 'main')
  world.advance('b.txt')
  world.write('checkout/agent-isolate.json', '{ "sync": { "upstream": "origin/release/1", "fetch": "never" } }')
  assert.equal((await choose(checkout)).start.commit, world.git(checkout, 'rev-parse', 'HEAD'))
  world.write('checkout/agent-isolate.json', '{ "sync": { "upstream": "origin/release/1" } }')
  assert.equal((await choose(checkout)).start.commit, released)
})

test('a shallow clone and a detached HEAD start at the newer upstream too', async (t) => {
  const world = createRemoteWorld(t)
  world.advance('a.txt')
  world.git(world.folder, 'clone', '--quiet', '--depth=1', `file://${world.remote}`, 'shallow')
  const shallow = join(world.folder, 'shallow')
  world.git(shallow, 'switch', '--quiet', '--detach')
  const newest = world.advance('b.txt')
  assert.deepEqual(await choose(shallow), { start: { commit: newest }, warnings: [] })
  assert.equal(world.git(shallow, 'rev-parse', '--is-shallow-repository'), 'true')
})

test('local commits are rebased where both sides have moved, merges kept, and no other branch is moved', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  for (const setting of ['rebase.updateRefs', 'rebase.autoStash', 'rebase.autoSquash']) {
    world.git(checkout, 'config', setting, 'true')
  }
  world.git(checkout, 'switch', '--quiet', '--create', 'side')
  world.commit(checkout, 'side.txt')
  world.git(checkout, 'switch', '--quiet', 'main')
  world.commit(checkout, 'local.txt')
  world.git(checkout, 'merge', '--quiet', '--no-edit', 'side')
  const before = world.git(checkout, 'for-each-ref', 'refs/heads/main', 'refs/heads/side')
  const newest = world.advance('a.txt')
  const { worktree, isRebased, warnings } = await build(world, checkout)
  assert.deepEqual({ isRebased, warnings }, { isRebased: true, warnings: [] })
  assert.ok(isAncestor(world, worktree, newest))
  assert.equal(world.git(worktree, 'rev-list', '--count', '--merges', 'HEAD'), '1')
  for (const file of ['side.txt', 'local.txt', 'a.txt']) assert.ok(existsSync(join(worktree, file)))
  assert.equal(world.git(checkout, 'for-each-ref', 'refs/heads/main', 'refs/heads/side'), before)
  assert.equal(world.git(checkout, 'status', '--porcelain', '--untracked-files=no'), '')
})

test('a conflict leaves the worktree at the local commits, with a warning that names the files', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  const local = world.commit(checkout, 'same.txt', 'ours')
  world.commit(checkout, 'ä b.txt', 'ours')
  world.git(checkout, 'reset', '--quiet', '--soft', local)
  world.git(checkout, 'commit', '--quiet', '--amend', '--no-edit')
  world.advance('same.txt', 'theirs')
  world.advance('ä b.txt', 'theirs')
  const { worktree, isRebased, warnings } = await build(world, checkout)
  assert.equal(isRebased, false)
  assert.equal(world.git(worktree, 'rev-parse', 'HEAD'), world.git(checkout, 'rev-parse', 'HEAD'))
  assert.deepEqual(warnings, [
    'the new branch starts at the local commits, 2 behind origin/main: rebasing them failed ' +
      `(conflict in same.txt, ä b.txt) and was undone; by hand: git -C ${worktree} rebase origin/main`,
  ])
})

test("the repository's hooks are left alone", async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  world.commit(checkout, 'local.txt')
  world.advance('a.txt')
  const ran = join(world.folder, 'ran')
  const { start } = await choose(checkout)
  const worktree = addWorktree(world, checkout, 'x', start.commit)
  for (const name of ['pre-rebase', 'post-checkout', 'post-rewrite', 'post-commit']) {
    const hook = world.write(`checkout/.git/hooks/${name}`, `#!/bin/sh\necho ${name} >> '${ran}'\nexit 1\n`)
    chmodSync(hook, 0o755)
  }
  assert.ok(start.rebaseOnto)
  assert.equal(await rebaseWorktree({ worktree, onto: start.rebaseOnto, reporter: rememberingReporter() }), true)
  assert.equal(existsSync(ran), false)
})

for (const [title, setting, value, words] of [
  ['signing that fails', 'commit.gpgSign', 'true', /gpg failed to sign/],
  ['a missing identity', 'user.useConfigOnly', 'true', /user\.email|no email was given/],
] as const) {
  test(`${title} undoes the rebase, with a warning`, async (t) => {
    const world = createRemoteWorld(t)
    const checkout = world.clone('checkout')
    const local = world.commit(checkout, 'local.txt')
    world.advance('a.txt')
    world.git(checkout, 'config', setting, value)
    world.git(checkout, 'config', 'gpg.program', '/bin/false')
    if (setting === 'user.useConfigOnly') world.git(checkout, 'config', '--remove-section', 'user')
    if (setting === 'user.useConfigOnly') world.git(checkout, 'config', setting, value)
    const { worktree, isRebased, warnings } = await build(world, checkout)
    assert.equal(isRebased, false)
    assert.equal(world.git(worktree, 'rev-parse', 'HEAD'), local)
    assert.match(warnings.join(), words)
  })
}

test('local commits that the upstream has taken meanwhile are not made twice', async (t) => {
  const world = createRemoteWorld(t)
  const checkout = world.clone('checkout')
  world.commit(checkout, 'same.txt', 'the same')
  world.advance('a.txt')
  const newest = world.advance('same.txt', 'the same')
  const { worktree, isRebased } = await build(world, checkout)
  assert.equal(isRebased, true)
  assert.equal(world.git(worktree, 'rev-parse', 'HEAD'), newest)
  writeFileSync(join(worktree, 'new'), '')
})
