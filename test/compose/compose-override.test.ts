/** The generated file, judged by what compose makes of it; no engine is needed. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findComposeEnvironment } from '../../lib/compose/environment.ts'
import { writeComposeOverride, type ComposeRequest } from '../../lib/compose/override.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { composeSkipReason, setEnvironment, useCompose, writeProgram, type ComposeForm } from '../support/compose.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const composeFile = `version: '3.9'
x-logging: &logging
  driver: json-file
services:
  db:
    image: postgres
    container_name: the-db
    logging: *logging
    env_file: ./db.env
    environment: {GREETING: "it's $$5 # \\"für 語\\"", WHO: "\${WHO:-nobody}"}
    ports: ["5432:5432", "9187"]
    volumes: ["data:/data", "./init:/init:ro"]
  redis:
    image: redis
    logging: *logging
    profiles: [extra]
    ports:
      - {target: 6379, published: 6379}
      - {target: 8001, published: 8001}
  web:
    build: ./web
    ports: ["8080:80", "\${PORT:-3000}:3000"]
    volumes: ["given:/given"]
volumes:
  data: {name: one-for-all}
  given: {external: true, name: given}
networks:
  default: {name: the-net}
`

const files = {
  'compose.yaml': composeFile,
  'db.env': 'FROM_FILE=yes\n',
  'web/Dockerfile': 'FROM x\n',
  '.gitignore': '.env\n',
}
const project = 'repo-one-ab12cd'
const defaults: Pick<ComposeRequest, 'source' | 'project' | 'ports' | 'leased' | 'exported'> = {
  source: undefined,
  project,
  ports: { db: 5432, redis: [6379, 8001] },
  leased: { app: 20410, db: 20411, redis: 20412, redis_8001: 20413 },
  exported: { PORT: '20410' },
}

type Place = Sandbox & { worktree: string; write: Sandbox['write'] }

function createWorktree(t: TestContext, form: ComposeForm | undefined, repository = 'repo', extra = {}): Place {
  const sandbox = createSandbox(t)
  const root = sandbox.repository(repository, { ...files, ...extra })
  const worktree = `${root}-one`
  sandbox.git(root, 'worktree', 'add', '--quiet', '-b', 'one', worktree)
  useCompose(t, sandbox, form)
  return { ...sandbox, worktree }
}

/** The whole project as compose understands it with that environment, in JSON. */
function readProject({ worktree }: Place, environment: Record<string, string>, profile = '*'): string {
  const text = execFileSync('docker', ['compose', '--profile', profile, 'config', '--format', 'json'], {
    cwd: worktree,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    stdio: 'pipe',
  })
  return text.replaceAll(/\s+/g, ' ')
}

function rejectsWith(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof IsolateError && pattern.test(error.message) && error.hint !== undefined
}

const skip = composeSkipReason()

test('named services publish their leased ports on the loopback, fixed names are gone', { skip }, async (t) => {
  const place = createWorktree(t, 'plugin')
  const { worktree } = place
  const written = await writeComposeOverride({ ...defaults, worktree })
  assert.ok(written !== undefined)
  assert.deepEqual(written.warnings, [
    'the compose service web publishes the fixed port 8080, as it does in every worktree; name it in "compose.ports"',
  ])
  assert.deepEqual(findComposeEnvironment(worktree), written.environment)
  const text = readProject(place, written.environment)
  for (const gone of [
    'the-db',
    'one-for-all',
    'the-net',
    '"5432"',
    'published: 5432',
    '"6379"',
    'published: 6379',
    '9187',
  ]) {
    assert.ok(!text.includes(gone), `${gone} is gone from ${text}`)
  }
  for (const kept of ['given', 'json-file', `${worktree}/init`, `${worktree}/web`, 'für 語', 'FROM_FILE']) {
    assert.ok(text.includes(kept), `${kept} is still in ${text}`)
  }
  for (const [host, container] of [
    [20411, 5432],
    [20412, 6379],
    [20413, 8001],
  ] as const) {
    const long = `"host_ip": "127.0.0.1", "target": ${container}, "published": "${host}"`
    assert.ok(text.includes(long), `${host} in ${text}`)
  }
})

test(`the file is the user's alone, git does not see it, and without a compose file it goes`, { skip }, async (t) => {
  const { worktree, git } = createWorktree(t, 'plugin')
  const written = await writeComposeOverride({ ...defaults, worktree })
  const path = written?.environment['COMPOSE_FILE']?.split(':').at(-1) ?? ''
  assert.match(path, /\/\.git\/worktrees\/repo-one\/agent-isolate\/compose\/\w+\.yaml$/)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(git(worktree, 'status', '--porcelain', '--ignored'), '')
  git(worktree, 'rm', '--quiet', 'compose.yaml')
  assert.equal(await writeComposeOverride({ ...defaults, worktree }), undefined)
  assert.equal(existsSync(path), false)
  assert.deepEqual(findComposeEnvironment(worktree), {})
})

test('a file that leads out of the worktree is not read', { skip }, async (t) => {
  const { worktree } = createWorktree(t, 'plugin')
  const outside = join(dirname(worktree), 'outside.yaml')
  renameSync(join(worktree, 'compose.yaml'), outside)
  symlinkSync(outside, join(worktree, 'compose.yaml'))
  await assert.rejects(writeComposeOverride({ ...defaults, worktree }), rejectsWith(/lies outside of/))
})

test('a service that is not there is an error that names those that are', { skip }, async (t) => {
  const { worktree } = createWorktree(t, 'plugin')
  const request = { ...defaults, worktree, ports: { postgres: 5432 }, leased: { postgres: 20411 } }
  await assert.rejects(writeComposeOverride(request), (error) => {
    assert.ok(error instanceof IsolateError)
    assert.match(error.message, /no service "postgres"/)
    assert.match(error.hint ?? '', /db, redis, web/)
    return true
  })
  assert.deepEqual(findComposeEnvironment(worktree), {})
})

test(`a service in the host's network is an error`, { skip }, async (t) => {
  const compose = 'services:\n  db:\n    image: x\n    network_mode: host\n'
  const { worktree } = createWorktree(t, 'plugin', 'repo', { 'compose.yaml': compose })
  const request = { ...defaults, worktree, ports: { db: 5432 } }
  await assert.rejects(writeComposeOverride(request), rejectsWith(/"db" has network_mode host/))
})

test(`a compose file that is none is an error in compose's own words`, { skip }, async (t) => {
  const { worktree } = createWorktree(t, 'plugin', 'repo', { 'compose.yaml': 'services:\n  db: [1\n' })
  await assert.rejects(writeComposeOverride({ ...defaults, worktree }), rejectsWith(/cannot read .*line \d/s))
})

test('spaces, colons and quotes in a path do no harm', { skip }, async (t) => {
  const compose = composeFile.replace(', "./init:/init:ro"', '')
  const place = createWorktree(t, 'plugin', `a "b": c's`, { 'compose.yaml': compose })
  const written = await writeComposeOverride({ ...defaults, worktree: place.worktree })
  assert.ok(written !== undefined)
  assert.equal(written.environment['COMPOSE_PATH_SEPARATOR'], ';')
  const text = readProject(place, written.environment)
  assert.ok(text.includes('20411') && !text.includes('the-db'), text)
})

test('the override file that compose takes by itself is still taken', { skip }, async (t) => {
  const extra = { 'compose.override.yaml': 'services:\n  db:\n    hostname: overridden\n    ports: ["7777:7777"]\n' }
  const place = createWorktree(t, 'plugin', 'repo', {
    ...extra,
    'compose.yaml': composeFile.replace(/^version.*\n/, ''),
  })
  const written = await writeComposeOverride({ ...defaults, worktree: place.worktree })
  const text = readProject(place, written?.environment ?? {})
  assert.ok(text.includes('overridden') && !text.includes('7777'), text)
})

test(
  `files and profiles that .env names are used, with names made of the project's left alone`,
  { skip },
  async (t) => {
    const place = createWorktree(t, 'plugin', 'repo', {
      'docker/a.yaml':
        'version: "3.9"\nservices:\n  db:\n    image: postgres\n    container_name: ${COMPOSE_PROJECT_NAME}-mine\n    ports: ["5432:5432"]\n',
      'docker/b.yaml': 'version: "3.9"\nservices:\n  db:\n    volumes: ["./sub:/sub"]\n',
    })
    place.write('repo-one/.env', 'COMPOSE_FILE=docker/a.yaml:docker/b.yaml\n')
    const request = { ...defaults, worktree: place.worktree, ports: { db: 5432 } }
    const written = await writeComposeOverride(request)
    const text = readProject(place, written?.environment ?? {})
    for (const part of [`${place.worktree}/docker/sub`, `${project}-mine`, '20411'])
      assert.ok(text.includes(part), text)
    // The session of this worktree makes another: what it exports is not the user's.
    setEnvironment(t, written?.environment ?? {})
    assert.deepEqual(await writeComposeOverride(request), written)
  },
)
test('later changes of the compose file count, and nothing is filled in before its time', { skip }, async (t) => {
  const place = createWorktree(t, 'plugin')
  const path = join(place.worktree, 'compose.yaml')
  writeFileSync(
    path,
    composeFile.replace('image: postgres', 'image: "postgres:${MUST:?be set}"').replace('./db.env', './later.env'),
  )
  const written = await writeComposeOverride({ ...defaults, worktree: place.worktree })
  const ours = written?.environment['COMPOSE_FILE']?.split(':')
  assert.deepEqual(ours?.slice(0, 1), [path])
  writeFileSync(path, composeFile.replace('image: postgres', 'image: changed'))
  const text = readProject(place, { ...written?.environment, WHO: 'somebody' })
  assert.ok(text.includes('changed') && text.includes('somebody') && text.includes('20411'), text)
  const withoutProfile = readProject(place, written?.environment ?? {}, 'none')
  assert.ok(!withoutProfile.includes('6379'), 'the profile of redis is still its own')
})

test('services of included files can be named', { skip }, async (t) => {
  const extra = {
    'compose.yaml': 'include: [parts/db.yaml]\n',
    'parts/db.yaml': composeFile.replace('./db.env', '../db.env'),
  }
  const place = createWorktree(t, 'plugin', 'repo', extra)
  const written = await writeComposeOverride({ ...defaults, worktree: place.worktree })
  const text = readProject(place, written?.environment ?? {})
  assert.ok(text.includes('20411') && !text.includes('the-db') && !text.includes('"5432"'), text)
})

test('a docker-compose that is of the second generation is used as one', { skip }, async (t) => {
  const place = createWorktree(t, 'program')
  const written = await writeComposeOverride({ ...defaults, worktree: place.worktree })
  assert.match(written?.environment['COMPOSE_FILE'] ?? '', /compose\.yaml:.*override\.yaml$/)
})

test('where no compose is installed, or one that is too old, the error says what to install', async (t) => {
  const place = createWorktree(t, undefined)
  const write = (): Promise<unknown> => writeComposeOverride({ ...defaults, worktree: place.worktree })
  await assert.rejects(write(), rejectsWith(/needs Docker Compose 2\.24\.4 or newer, and none is installed/))
  writeProgram(place, 'docker-compose', 'echo v2.24.3-desktop.1')
  await assert.rejects(write(), rejectsWith(/or newer, and docker-compose is 2\.24\.3$/))
})
