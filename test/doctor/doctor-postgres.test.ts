/** What the doctor says of PostgreSQL: a real server, a real engine, and such as do not answer. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, symlinkSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Finding } from '../../doctor/check.ts'
import { databaseCheck } from '../../doctor/check-database.ts'
import { loadContext } from '../../doctor/load-context.ts'
import { connectPostgres } from '../../lib/database/postgres/client/connection.ts'
import { parseDatabaseUrl, targetOf } from '../../lib/database/postgres/client/database-url.ts'
import { loadProject } from '../../lib/project/project.ts'
import { trust } from '../../lib/project/trust.ts'
import { runCli } from '../support/cli.ts'
import { fakeDocker, postgresImage, setVariable, skipWithoutDocker } from '../support/docker.ts'
import { noPostgres, postgresProgram, shareServer } from '../support/postgres.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const reporter = { info: () => {}, warn: () => {}, progress: () => {} }

type World = { sandbox: Sandbox; root: string; examine: (env?: NodeJS.ProcessEnv) => Promise<Finding[]> }

/** This process takes part, for speed: its state folder is the sandbox's. `PATH` of `env` is where programs are looked for. */
async function createWorld(
  t: TestContext,
  database: Record<string, unknown>,
  { isTrusted = true, files = {} }: { isTrusted?: boolean; files?: Record<string, string> } = {},
): Promise<World> {
  const sandbox = createSandbox(t)
  setVariable(t, 'AGENT_ISOLATE_HOME', sandbox.env['AGENT_ISOLATE_HOME'])
  const root = sandbox.repository('repo', { 'agent-isolate.json': JSON.stringify({ database }), ...files })
  if (isTrusted) await trust((await loadProject(root)).trustee)
  const examine = async (env: NodeJS.ProcessEnv = {}): Promise<Finding[]> => [
    ...(await databaseCheck.run(await loadContext(root, { ...sandbox.env, ...env }, reporter))),
  ]
  return { sandbox, root, examine }
}

const isFault = ({ severity }: Finding): boolean => severity !== 'ok'
const brief = (findings: readonly Finding[]): string[] =>
  findings.filter(isFault).map(({ id, severity, message }) => `${severity} ${id} ${message}`)

const server = { skip: noPostgres() }
const theServer = shareServer()
const onServer = { provider: 'postgres-server', url: '$SHOP_URL' }

test('a server that all is well with is told by its version; a database in use needs pg_dump', server, async (t) => {
  const { psql, url, port } = theServer()
  psql('postgres', 'CREATE DATABASE shop')
  t.after(() => psql('postgres', 'DROP DATABASE shop WITH (FORCE)'))
  const { sandbox, examine } = await createWorld(t, onServer)
  const programs = { PATH: dirname(postgresProgram('pg_dump')) }
  const noPrograms = { PATH: join(sandbox.folder, 'nothing') }
  sandbox.write('repo/.env', `SHOP_URL=${url('shop')}\n`)
  const [well, ...others] = await examine(programs)
  assert.deepEqual(others, [])
  assert.match(well?.message ?? '', new RegExp(`^PostgreSQL \\d+(\\.\\d+)? on 127\\.0\\.0\\.1:${port}, .*"shop"$`))
  assert.deepEqual(brief(await examine(noPrograms)), ['warning database.pg-dump there is no pg_dump on PATH'])
  const session = await connectPostgres(targetOf(parseDatabaseUrl(url('shop'))), { timeoutMs: 60_000 })
  try {
    assert.deepEqual(brief(await examine(programs)), [])
    assert.deepEqual(brief(await examine(noPrograms)), [
      'error database.pg-dump "shop" is in use, and there is no pg_dump on PATH',
    ])
    const old = sandbox.write('old/pg_dump', '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n')
    chmodSync(old, 0o755)
    symlinkSync(postgresProgram('pg_restore'), join(sandbox.folder, 'old/pg_restore'))
    const [found] = await examine({ PATH: `${dirname(old)}:/usr/bin:/bin` })
    assert.match(found?.message ?? '', /^"shop" is in use, and pg_dump is of version 9, the server of \d+$/)
  } finally {
    await session.close()
  }
  psql('postgres', 'ALTER DATABASE shop IS_TEMPLATE true')
  assert.deepEqual(brief(await examine(noPrograms)), [], 'what its owner made a template is copied by the server')
  psql('postgres', 'ALTER DATABASE shop IS_TEMPLATE false')
})

test(
  'a role that may make no databases, a database that is not there, and a worktree’s own are errors',
  server,
  async (t) => {
    const { psql, url, port, password } = theServer()
    psql('postgres', `CREATE ROLE weak LOGIN PASSWORD '${password}'`)
    psql('postgres', 'CREATE DATABASE own')
    psql('postgres', "COMMENT ON DATABASE own IS 'agent-isolate worktree ledger=x lease=y template= (x)'")
    t.after(() => {
      psql('postgres', 'DROP DATABASE own')
      psql('postgres', 'DROP ROLE weak')
    })
    const { sandbox, examine } = await createWorld(t, onServer)
    sandbox.write('repo/.env', `SHOP_URL=${url('missing')}\n`)
    const place = `127.0.0.1:${port}`
    assert.deepEqual(brief(await examine()), [
      `error database.source there is no database "missing" on ${place} to copy`,
    ])
    sandbox.write('repo/.env.local', `SHOP_URL=postgresql://weak:${password}@${place}/missing\n`)
    const [role] = await examine()
    assert.equal(role?.message, `the role "weak" on ${place} may not make databases`)
    assert.equal(role?.fix, 'as a superuser: ALTER ROLE "weak" CREATEDB')
    sandbox.write('repo/.env.local', `SHOP_URL=${url('own')}\n`)
    assert.deepEqual(brief(await examine()), [
      `error database.source "own" on ${place} is a worktree's own database, not one to copy`,
    ])
  },
)

test(
  'a wrong password, a closed port and a variable that is set nowhere are errors; none tells the password',
  server,
  async (t) => {
    const { url, password } = theServer()
    const { sandbox, examine } = await createWorld(t, onServer)
    const table: [string, RegExp][] = [
      [url().replace(password, 'wrong-secret'), /^error database\.server .* refuses: .*password authentication failed/],
      ['postgresql://u:wrong-secret@127.0.0.1:1/x', /^error database\.server .*127\.0\.0\.1:1 cannot be reached/],
      ['mysql://u:wrong-secret@127.0.0.1/x', /^error database\.server /],
    ]
    for (const [text, wanted] of table) {
      sandbox.write('repo/.env', `SHOP_URL=${text}\n`)
      const found = await examine()
      assert.match(brief(found).join('\n'), wanted)
      assert.doesNotMatch(JSON.stringify(found), /wrong-secret/)
    }
    sandbox.write('repo/.env', '')
    assert.match(brief(await examine()).join('\n'), /"database\.url" needs \$SHOP_URL, which is set nowhere/)
  },
)

test('the URL of a repository that is not trusted is not followed', async (t) => {
  const listener = createServer().listen(0, '127.0.0.1')
  t.after(() => listener.close())
  await once(listener, 'listening')
  let visits = 0
  listener.on('connection', (socket) => {
    visits += 1
    socket.destroy()
  })
  const address = listener.address()
  assert.ok(typeof address === 'object' && address !== null)
  const url = `postgresql://$SECRET@127.0.0.1:${address.port}/x`
  const files = { '.env': 'SECRET=value\n' }
  const { root, examine } = await createWorld(t, { provider: 'postgres-server', url }, { isTrusted: false, files })
  const [found] = await examine()
  assert.deepEqual([found?.id, visits], ['database.untrusted', 0])
  await trust((await loadProject(root)).trustee)
  assert.equal((await examine())[0]?.id, 'database.server')
  assert.ok(visits > 0)
})

test('a server and an engine that take connections and say nothing hold the doctor up for some seconds, not longer', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1')
  t.after(() => silent.close())
  silent.on('connection', (socket) => t.after(() => socket.destroy()))
  await once(silent, 'listening')
  const address = silent.address()
  assert.ok(typeof address === 'object' && address !== null)
  const url = `postgresql://u@127.0.0.1:${address.port}/x`
  const { sandbox, root, examine } = await createWorld(t, { provider: 'postgres-server', url })
  fakeDocker(t, sandbox, 'exec sleep 60')
  const start = performance.now()
  const asked = once(silent, 'connection')
  const ofServer = examine()
  await asked
  sandbox.write('repo/agent-isolate.json', '{"database": {"provider": "postgres-docker"}}')
  await trust((await loadProject(root)).trustee)
  const [first, second] = await Promise.all([ofServer, examine()])
  assert.ok(performance.now() - start < 40_000)
  assert.match(brief(first).join('\n'), /^error database\.server .* did not complete the login within 5000 ms$/)
  assert.match(brief(second).join('\n'), /^error database\.docker docker (version|image) did not end within 5 s/)
})

test('the engine, the image and the seed of a container are looked for', { skip: skipWithoutDocker }, async (t) => {
  const database = { provider: 'postgres-docker', image: postgresImage, seed: 'db' }
  const files = { 'db/1.sql': 'SELECT 1', 'db/2.sql': 'SELECT 2', 'db/readme.md': '' }
  const { sandbox, root, examine } = await createWorld(t, database, { files })
  const messages = (await examine()).map(({ severity, message }) => `${severity}: ${message}`)
  assert.match(messages[0] ?? '', /^ok: docker \d+\.\d+/)
  assert.deepEqual(messages.slice(1), [`ok: the image ${postgresImage} is here`, 'ok: seeded from 2 files in db'])
  const missing = { ...database, image: 'postgres:0-not-there', seed: 'none' }
  sandbox.write('repo/agent-isolate.json', JSON.stringify({ database: missing }))
  await trust((await loadProject(root)).trustee)
  assert.deepEqual(brief(await examine()), [
    'warning database.image the image postgres:0-not-there is not here yet',
    `error database.seed the database seed ${join(root, 'none')} does not exist`,
  ])
  const far = await examine({ DOCKER_HOST: 'tcp://127.0.0.1:1' })
  assert.match(brief(far)[0] ?? '', /^error database\.docker the container engine cannot be reached \(DOCKER_HOST=tcp/)
})

test('an engine on another machine is said to be there; without docker the error says what to install', async (t) => {
  const { sandbox, examine } = await createWorld(t, { provider: 'postgres-docker' })
  fakeDocker(t, sandbox, 'case "$1" in version) echo 27.1.0;; image) echo sha256:0;; esac')
  const [engine] = await examine({ DOCKER_HOST: 'tcp://build.example.com:2376' })
  assert.equal(engine?.message, 'docker 27.1.0, on build.example.com: worktrees reach their databases there')
  const bare = join(sandbox.folder, 'bare')
  sandbox.write('bare/x', '')
  symlinkSync(sandbox.git(sandbox.folder, '--exec-path') + '/git', join(bare, 'git'))
  setVariable(t, 'PATH', bare)
  const [none] = await examine()
  assert.deepEqual(
    [none?.id, none?.message],
    ['database.docker', 'docker is not installed: there is no such program on PATH'],
  )
  assert.match(none?.fix ?? '', /^Install Docker/)
})

test('where no PostgreSQL is configured docker is not started, be there a compose file or not', async (t) => {
  const sandbox = createSandbox(t)
  const compose = 'services:\n  db:\n    image: postgres:16\n    ports: ["5432:5432"]\n'
  const root = sandbox.repository('repo', { 'compose.yaml': compose, 'package.json': '{"dependencies": {"pg": "8"}}' })
  const proof = join(sandbox.folder, 'started')
  const fake = sandbox.write('fake/docker', `#!/bin/sh\ntouch "${proof}"\n`)
  chmodSync(fake, 0o755)
  const PATH = `${dirname(fake)}:${process.env['PATH']}`
  await runCli(sandbox, root, ['doctor', '--json'], { PATH })
  assert.equal(existsSync(proof), false)
  sandbox.write('repo/agent-isolate.json', '{"database": {"provider": "postgres-docker"}}')
  await runCli(sandbox, root, ['doctor', '--json'], { PATH })
  assert.equal(existsSync(proof), true)
})
