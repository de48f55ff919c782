import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dockerOutput, listByLabel, skipWithoutDocker } from '../support/docker.ts'
import { createThroughHook } from '../support/hook.ts'
import {
  ask,
  assertClear,
  createPostgresRepository,
  listOurs,
  runCreate,
  snapshotAll,
  urlOf,
  withFakeDocker,
} from '../support/postgres-container.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { loadLeases, readEnv } from '../support/state.ts'

const options = { skip: skipWithoutDocker }

type Fault = {
  title: string
  database?: Readonly<Record<string, unknown>>
  files?: Readonly<Record<string, string>>
  env?: (folder: string) => NodeJS.ProcessEnv
  message: RegExp
  hint: RegExp
}

const faults: readonly Fault[] = [
  {
    title: 'an engine that does not run',
    env: (folder) => ({ DOCKER_HOST: `unix://${folder}/none.sock` }),
    message: /the container engine cannot be reached \(DOCKER_HOST=unix:.*none\.sock\)/,
    hint: /Start it, or see what is wrong with it: DOCKER_HOST=\S+ docker info/,
  },
  {
    title: 'an image that is not there and cannot be pulled',
    database: { image: 'registry.invalid/none:1' },
    message: /the image registry\.invalid\/none:1 is not here and cannot be pulled/,
    hint: /docker pull registry\.invalid\/none:1/,
  },
  {
    title: 'a container that dies at its start',
    database: { runArgs: ['--env=TEST_INIT_FAIL=the flux capacitor is missing'] },
    message: /ended with exit code 1 while it started:\n\s+the flux capacitor is missing/,
    hint: /"image" and "runArgs"/,
  },
  {
    title: 'a start that takes longer than the limit',
    database: { runArgs: ['--env=TEST_INIT_SLEEP=30'], startTimeoutSeconds: 2 },
    message: /did not let a client in within 2 s/,
    hint: /raise "database\.startTimeoutSeconds"/,
  },
  {
    title: 'a disk that is full',
    database: { storage: 'memory', runArgs: ['--tmpfs=/agent-isolate:size=10m'] },
    message: /No space left on device/,
    hint: /"image" and "runArgs"/,
  },
  {
    title: 'an argument of docker run that docker does not know',
    database: { runArgs: ['--nonsense'] },
    message: /cannot be started: .*unknown flag: --nonsense/,
    hint: /"runArgs"/,
  },
  {
    title: 'a seed with an error in its SQL',
    database: { seed: 'db' },
    files: { 'db/1.sql': 'create table a(id int);\ninsert into a values (1);\ninsert into b values (1);\n' },
    message: /the database seed \S+db\/1\.sql failed:\n.*:3: ERROR: +relation "b" does not exist/,
    hint: /Fix it/,
  },
  {
    title: 'a seed that fills another database',
    database: { seed: 'db' },
    files: { 'db/1.sql': 'create database app;\n\\connect app\ncreate table a(id int);\n' },
    message: /the database seed \S+db\/1\.sql failed:\n\s+ERROR: +the script goes over to the database "app"/,
    hint: /Fix it/,
  },
  {
    title: 'a password that the arguments of docker run change',
    database: { runArgs: ['--env=POSTGRES_PASSWORD=other'] },
    message: /the container db-one-\w+ refuses the login that it was made with/,
    hint: /"runArgs"/,
  },
  {
    title: 'a seed command that fails',
    database: { seedCommand: 'echo the well is dry >&2; exit 3' },
    message: /the command "echo the well is dry.*" failed \(3\)[^]*the well is dry/,
    hint: /"database\.seedCommand"/,
  },
]

for (const { title, database = {}, files, env, message, hint } of faults) {
  test(`${title} is a clear error, and everything is undone`, options, async (t) => {
    const repository = createPostgresRepository(t, { storage: 'volume', ...database }, files)
    repository.sandbox.cli(repository.root, 'gc')
    const before = snapshotAll(repository)
    assertClear(await runCreate(repository, 'one', env?.(repository.sandbox.folder)), message, hint)
    assert.deepEqual(snapshotAll(repository), before)
  })
}

test('without docker on PATH it is a clear error, and everything is undone', options, async (t) => {
  const repository = createPostgresRepository(t, { test: true })
  const { sandbox, root } = repository
  sandbox.cli(root, 'gc')
  const before = snapshotAll(repository)
  const PATH = pathWithoutDocker(repository.sandbox.env['PATH'] ?? '', sandbox)
  assertClear(await runCreate(repository, 'one', { PATH }), /docker is not installed/, /Install Docker/)
  assert.deepEqual(snapshotAll(repository), before)
})

/** Git and the shell alone. */
function pathWithoutDocker(path: string, { write, folder }: { write: Sandbox['write']; folder: string }): string {
  for (const program of ['git', 'sh']) {
    const real = path
      .split(':')
      .map((one) => join(one, program))
      .find(existsSync)
    chmodSync(write(`bin/${program}`, `#!/bin/sh\nexec ${real} "$@"\n`), 0o755)
  }
  return join(folder, 'bin')
}

async function listenAt(t: TestContext, port: number): Promise<void> {
  const server = createServer((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\n')).listen(port, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
}

/** `docker run` waits until it is let go: by then a lease is written. */
function withGate(repository: ReturnType<typeof createPostgresRepository>): {
  env: NodeJS.ProcessEnv
  reached: () => Promise<Record<string, number>>
  open: () => void
} {
  const { sandbox } = repository
  const [here, go] = [join(sandbox.folder, 'here'), join(sandbox.folder, 'go')]
  const env = withFakeDocker(
    sandbox,
    `if [ "$1" = run ]; then touch '${here}'; while [ ! -e '${go}' ]; do sleep 0.02; done; fi; exec "$REAL" "$@"`,
  )
  const reached = async (): Promise<Record<string, number>> => {
    while (!existsSync(here)) await sleep(10)
    return { ...loadLeases(sandbox)[0]?.ports }
  }
  return { env, reached, open: () => void sandbox.write('go', '') }
}

test('a port that a stranger has taken meanwhile is given up for another of the block', options, async (t) => {
  const repository = createPostgresRepository(t, { seed: 'db' })
  const { sandbox, root, label } = repository
  sandbox.write(
    'shop/.env.agent.template',
    'DATABASE_URL=$AGENT_DATABASE_URL\nDB_PORT=$DYNAMIC_DB_PORT\nP=$AGENT_PORT_DB\n',
  )
  sandbox.git(root, 'add', '--all')
  sandbox.git(root, 'commit', '--quiet', '--message=template')
  sandbox.cli(root, 'trust')
  const gate = withGate(repository)
  const creation = runCreate(repository, 'one', gate.env)
  const { db } = await gate.reached()
  assert.ok(db !== undefined)
  await listenAt(t, db)
  gate.open()
  const { code, stdout, stderr } = await creation
  assert.equal(code, 0, stderr)
  assert.match(stderr, new RegExp(`port ${db} is taken, ${db + 1} is tried`))
  const worktree = stdout.trim()
  const env = readEnv(join(worktree, '.env.local'))
  const port = new URL(urlOf(worktree)).port
  assert.deepEqual([port, env['DB_PORT'], env['P']], [String(db + 1), String(db + 1), String(db + 1)])
  assert.deepEqual(loadLeases(sandbox)[0]?.ports, { app: db - 1, db: db + 1 })
  assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'])
  assert.equal(listOurs(label).length, 1)

  // The same to a container that has stopped.
  const [container = ''] = listByLabel('container', label)
  dockerOutput('stop', '--time=0', container)
  await listenAt(t, db + 1)
  assert.equal(await createThroughHook(sandbox, root, 'one'), worktree)
  assert.equal(new URL(urlOf(worktree)).port, String(db + 2))
  assert.deepEqual(await ask(urlOf(worktree), 'select count(*) from item'), ['3'])
  sandbox.cli(root, 'remove', 'one')
  assert.deepEqual(listOurs(label), [])
})

test('with all ports of the block taken it is a clear error, and everything is undone', options, async (t) => {
  const repository = createPostgresRepository(t, {})
  repository.sandbox.cli(repository.root, 'gc')
  const before = snapshotAll(repository)
  const gate = withGate(repository)
  const creation = runCreate(repository, 'one', gate.env)
  const { db = 0, app } = await gate.reached()
  assert.equal(app, db - 1)
  for (let port = db; port < db + 9; port++) await listenAt(t, port)
  gate.open()
  assertClear(await creation, /all ports of the lease are taken: \d+, \d+/, /agent-isolate whois PORT/)
  assert.deepEqual(snapshotAll(repository), before)
})
