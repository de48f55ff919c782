import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dockerOutput, listByLabel, skipWithoutDocker } from '../support/docker.ts'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import {
  ask,
  createPostgresRepository,
  listOurs,
  runCreate,
  snapshotAll,
  urlOf,
  withFakeDocker,
  repeat,
} from '../support/postgres-container.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

const options = { skip: skipWithoutDocker }

test('five worktrees at once with a container each share nothing, and leave nothing', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', storage: 'volume', test: true })
  const { sandbox, root, label } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  const watch = watchArguments()
  const times: number[] = []
  const worktrees = await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map(async (name) => {
      const start = performance.now()
      const worktree = await createThroughHook(sandbox, root, name)
      times.push(Math.round(performance.now() - start))
      return worktree
    }),
  )
  const seen = await watch.end()
  t.diagnostic(`ms for each of five at once: ${times.join(', ')}`)
  const urls = worktrees.map((worktree) => new URL(urlOf(worktree)))
  for (const part of ['port', 'password'] as const) assert.equal(new Set(urls.map((url) => url[part])).size, 5)
  assert.equal(listByLabel('container', label).length, 5)
  assert.equal(listByLabel('volume', label).length, 5)
  for (const worktree of worktrees) {
    const [url, testUrl] = [urlOf(worktree), urlOf(worktree, 'TEST_DATABASE_URL')]
    assert.deepEqual(await ask(url, 'select count(*), current_database() from item'), ['3'])
    assert.deepEqual(await ask(url, 'select current_database()'), ['app'])
    assert.deepEqual(await ask(testUrl, 'select current_database()'), ['app_test'])
    await ask(url, 'delete from item')
    assert.deepEqual(await ask(testUrl, 'select count(*) from item'), ['3'])
    assert.equal(statSync(join(worktree, '.env.local')).mode & 0o777, 0o600)
    assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  }
  for (const { block } of loadLeases(sandbox)) {
    assert.equal(statSync(join(sandbox.folder, 'state/leases', `${block}.json`)).mode & 0o777, 0o600)
  }
  for (const name of listByLabel('container', label)) {
    assert.match(dockerOutput('port', name), /^5432\/tcp -> 127\.0\.0\.1:\d+$/)
  }
  // Each has an unnamed one too, which the image asks for.
  const volumes = listByLabel('container', label).flatMap((name) =>
    dockerOutput('inspect', '--format={{range .Mounts}}{{.Name}} {{end}}', name).trim().split(' '),
  )
  assert.equal(volumes.length, 10)
  assert.ok(seen.includes('POSTGRES_PASSWORD'), 'the watch has seen docker run')
  for (const { password } of urls) assert.ok(!seen.includes(password), 'a password is among the arguments of a process')

  const removals = await Promise.all(worktrees.map((worktree) => removeThroughHook(sandbox, worktree)))
  for (const { code, stderr } of removals) assert.equal(code, 0, stderr)
  assert.deepEqual(snapshotAll(repository), before)
  const left = new Set(dockerOutput('volume', 'ls', '--quiet').split('\n'))
  assert.deepEqual(
    volumes.filter((name) => left.has(name)),
    [],
  )
})

/** Collects the arguments of all processes until it is told to end. */
function watchArguments(): { end: () => Promise<string> } {
  const seen = new Set<string>()
  const watch = repeat(async () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))
      } catch (error) {
        // It has ended.
        if (!(error instanceof Error && /ENOENT|ESRCH/.test(error.message))) throw error
      }
    }
    await sleep(5)
  })
  return {
    end: async () => {
      await watch.end()
      return [...seen].join('\n')
    },
  }
}

test('whoever connects when the hook ends gets in, though the image starts its server twice', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', runArgs: ['--env=TEST_INIT_SLEEP=3'] })
  const creation = runCreate(repository, 'slow')
  let lies = 0
  const watch = repeat(async () => {
    const [name] = listByLabel('container', repository.label)
    if (name !== undefined && saysReady(name)) lies++
    await sleep(200)
  })
  const start = performance.now()
  const { code, stdout, stderr } = await creation
  const ended = watch.end()
  assert.equal(code, 0, stderr)
  const url = urlOf(stdout.trim())
  assert.deepEqual(await ask(url, 'select count(*) from item'), ['3'])
  assert.equal(execFileSync('psql', ['-XtA', '-c', 'select count(*) from item', url], { encoding: 'utf8' }), '3\n')
  await ended
  assert.ok(performance.now() - start > 3000)
  assert.ok(lies > 0, `pg_isready in the container said yes ${lies} times`)
})

function saysReady(container: string): boolean {
  try {
    return dockerOutput('exec', container, 'pg_isready').includes('accepting connections')
  } catch (error) {
    if (error instanceof Error && 'status' in error) return false
    throw error
  }
}

test('db url, psql and reset work on the worktree they are called in', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db', test: true })
  const { sandbox, root, label } = repository
  const begin = performance.now()
  const worktree = await createThroughHook(sandbox, root, 'one')
  const creationMs = performance.now() - begin
  const [url, testUrl] = [urlOf(worktree), urlOf(worktree, 'TEST_DATABASE_URL')]
  assert.equal(sandbox.cli(worktree, 'db', 'url'), url)
  assert.equal(sandbox.cli(root, 'db', 'url', '--test', '--name', 'one'), testUrl)
  assert.equal(sandbox.cli(worktree, 'exec', '--', 'printenv', 'DATABASE_URL'), url)

  await ask(testUrl, 'delete from item')
  await ask(url, 'drop table item')
  const session = ask(url, 'select pg_sleep(300)').then(
    () => 'went on',
    (error: unknown) => String(error),
  )
  const sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
  while ((await ask(url, sleeping))[0] !== '1') await sleep(20)
  const identify = (): string => dockerOutput('inspect', '--format={{.Id}}', listByLabel('container', label)[0] ?? '')
  const container = identify()
  const start = performance.now()
  assert.equal(sandbox.cli(worktree, 'db', 'reset'), url)
  const resetMs = performance.now() - start
  assert.match(await session, /terminat|closed|ended|lost/i)
  t.diagnostic(`creation ${Math.round(creationMs)} ms, reset ${Math.round(resetMs)} ms`)
  assert.equal(identify(), container)
  assert.deepEqual(await ask(url, 'select count(*) from item'), ['3'])
  assert.deepEqual(await ask(testUrl, 'select count(*) from item'), ['0'])
  sandbox.cli(worktree, 'db', 'reset', '--test')
  assert.deepEqual(await ask(testUrl, 'select count(*) from item'), ['3'])

  const shell = (env: NodeJS.ProcessEnv, ...args: string[]): string => {
    const cli = join(import.meta.dirname, '../../dist/cli/agent-isolate.js')
    const input = 'select current_database();\n'
    return execFileSync(process.execPath, [cli, 'db', 'psql', ...args], {
      cwd: worktree,
      env: { ...sandbox.env, ...env },
      input,
      encoding: 'utf8',
    })
  }
  assert.match(shell({}), /^ app$/m)
  assert.match(shell({}, '--test'), /^ app_test$/m)
  // No psql of this machine: the one in the container.
  const withoutPsql = join(sandbox.folder, 'bin')
  for (const program of ['git', 'docker', 'sh']) {
    const real = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
    sandbox.write(`bin/${program}`, `#!/bin/sh\nexec ${real} "$@"\n`)
    execFileSync('chmod', ['755', join(withoutPsql, program)])
  }
  assert.match(shell({ PATH: withoutPsql }, '--test'), /^ app_test$/m)

  assert.equal(requireLeaseAt(sandbox, worktree).ports['db'], Number(new URL(url).port))
  const listed = sandbox.cli(root, 'list')
  assert.doesNotMatch(listed, /stranger/)
  assert.doesNotMatch(sandbox.cli(worktree, 'exec', '--', 'true'), /stranger/)
  assert.doesNotMatch(listed, new RegExp(new URL(url).password))
  const whois = sandbox.cli(root, 'whois', new URL(url).port)
  assert.match(whois, /^runs in +a container of that lease\nleased by +one \(\S+\), as "db"$/m)
  assert.equal(listByLabel('container', label).length, 1)
})

test('in a repository that is not trusted docker is not even started', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db' })
  const { sandbox, root, label } = repository
  sandbox.cli(root, 'trust', '--revoke')
  const env = withFakeDocker(sandbox, `echo "$@" >>'${sandbox.folder}/calls'; exec "$REAL" "$@"`)
  const { code, stdout, stderr } = await runCreate(repository, 'one', env)
  assert.equal(code, 0, stderr)
  assert.match(stderr, /no database was made with postgres-docker: this repository is not trusted/)
  const { code: removed } = await removeThroughHook(sandbox, stdout.trim(), { env })
  assert.equal(removed, 0)
  assert.ok(!existsSync(join(sandbox.folder, 'calls')))
  assert.deepEqual(listOurs(label), [])
})

test("with an engine on another machine the database's host is that machine", options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db' })
  const { sandbox, root, label } = repository
  // This machine by an address that is not its loopback: that of the engine's own network, should there be no other.
  const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  const host = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address
  assert.ok(host !== undefined)
  const calls = join(sandbox.folder, 'calls')
  const fake = withFakeDocker(sandbox, `echo "$DOCKER_HOST" >>'${calls}'; unset DOCKER_HOST; exec "$REAL" "$@"`)
  const env = { ...fake, DOCKER_HOST: `ssh://me@${host}` }
  const { code, stdout, stderr } = await runCreate(repository, 'one', env)
  assert.equal(code, 0, stderr)
  const url = urlOf(stdout.trim())
  assert.equal(new URL(url).hostname, host)
  assert.deepEqual(await ask(url, 'select count(*) from item'), ['3'])
  assert.match(dockerOutput('port', listByLabel('container', label)[0] ?? ''), /^5432\/tcp -> 0\.0\.0\.0:/)
  // The lease remembers where it was made.
  Object.assign(sandbox.env, fake)
  sandbox.cli(root, 'remove', 'one')
  assert.deepEqual(listOurs(label), [])
  assert.deepEqual([...new Set(readFileSync(calls, 'utf8').trim().split('\n'))], [env.DOCKER_HOST])
})
