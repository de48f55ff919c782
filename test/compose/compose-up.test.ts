/** Two worktrees of one repository have the same compose project up at once, on a real engine. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { writeComposeOverride } from '../../lib/compose/override.ts'
import { removeComposeProject } from '../../lib/compose/project.ts'
import { currentEngine } from '../../lib/docker/engine.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { UnreachableError } from '../../lib/report/unreachable-error.ts'
import { composeSkipReason, serviceImage, setEnvironment, useCompose, writeProgram } from '../support/compose.ts'
import { createSandbox } from '../support/sandbox.ts'

const execute = promisify(execFile)

const composeFile = `services:
  db:
    image: ${serviceImage}
    container_name: agent-isolate-test-fixed-name
    environment: {POSTGRES_PASSWORD: secret}
    ports: ["5432:5432"]
    volumes: ["data:/var/lib/postgresql/data"]
  built:
    build: .
    entrypoint: ["sleep", "1000"]
volumes:
  data: {name: agent-isolate-test-fixed-volume}
`

const files = {
  'docker-compose.yml': composeFile,
  Dockerfile: `FROM ${serviceImage}\nLABEL some=thing\n`,
}

function docker(...args: string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** Everything on the engine that has to do with the project. */
function listProject(project: string): string[] {
  const filter = ['--filter', `label=com.docker.compose.project=${project}`]
  const answers = [
    docker('ps', '--all', '--format', 'container {{.Names}}', ...filter),
    docker('network', 'ls', '--format', 'network {{.Name}}', ...filter),
    docker('volume', 'ls', '--format', 'volume {{.Name}}', ...filter),
    docker('image', 'ls', '--format', 'image {{.Repository}}')
      .split('\n')
      .filter((line) => line.startsWith(`image ${project}-`) || line.startsWith(`image ${project}_`))
      .join('\n'),
  ]
  return answers.flatMap((answer) => answer.split('\n')).filter((line) => line !== '')
}

/** Names of the volumes that the project's containers use. */
function listMounts(project: string): string[] {
  const containers = docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${project}`)
  const names = docker('inspect', '--format', '{{range .Mounts}}{{.Name}} {{end}}', ...containers.split('\n'))
  return names.split(/\s+/).filter((name) => name !== '')
}

/** A project that compose did not make in any worktree, with one of everything. */
function createStranger(project: string): string[] {
  const label = ['--label', `com.docker.compose.project=${project}`]
  docker('network', 'create', ...label, `${project}-n`)
  docker('volume', 'create', ...label, `${project}-v`)
  docker(
    'run',
    '--detach',
    '--name',
    `${project}-c`,
    '--network',
    `${project}-n`,
    ...label,
    '--entrypoint',
    'sleep',
    serviceImage,
    '1000',
  )
  return listProject(project)
}

let count = 0

/** Of this process alone: tests may run in several at once. */
function createProjectName(): string {
  return `agent-isolate-test-${process.pid}-${count++}`
}

/** All at the same time: after a failure one may hold what is another's. */
function removeAtEnd(t: TestContext, projects: readonly string[]): void {
  t.after(async () => {
    const removals = projects.map((project) => removeComposeProject(currentEngine(), project))
    for (const removal of await Promise.allSettled(removals)) assert.equal(removal.status, 'fulfilled')
  })
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

/** Asks for TLS, which PostgreSQL answers with one letter; docker's proxy takes a connection before there is anybody behind it. */
async function waitForPostgres(port: number): Promise<void> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])))
    const answer = await new Promise<string>((resolve) => {
      socket
        .once('data', (data) => resolve(data.toString()))
        .once('error', () => resolve(''))
        .once('close', () => resolve(''))
    })
    socket.destroy()
    if (answer === 'N' || answer === 'S') return
    await sleep(100)
  }
  assert.fail(`no PostgreSQL answers on port ${port}`)
}

/** What a shell of the worktree would have, and TEST_PORT, the one of its database. */
async function prepareProject(worktree: string, project: string): Promise<NodeJS.ProcessEnv> {
  const port = await findFreePort()
  const request = { worktree, source: undefined, project, exported: {} }
  const written = await writeComposeOverride({ ...request, ports: { db: 5432 }, leased: { db: port } })
  assert.ok(written !== undefined)
  assert.deepEqual(written.warnings, [])
  return { ...process.env, ...written.environment, TEST_PORT: String(port) }
}

test(
  'two worktrees are up at once on ports of their own, and go without a trace',
  { skip: composeSkipReason({ needsEngine: true }) },
  async (t) => {
    const sandbox = createSandbox(t)
    const root = sandbox.repository('repo', files)
    useCompose(t, sandbox, 'plugin')
    const worktrees = ['one', 'two'].map((name) => join(sandbox.folder, name))
    for (const worktree of worktrees) sandbox.git(root, 'worktree', 'add', '--quiet', worktree)
    const projects = worktrees.map(createProjectName)
    removeAtEnd(t, [...projects, `${projects[0]}-2`])
    const environments = await Promise.all(
      worktrees.map((worktree, index) => prepareProject(worktree, projects[index] ?? '')),
    )
    const stranger = createStranger(`${projects[0]}-2`)
    assert.equal(stranger.length, 3)

    await Promise.all(worktrees.map((worktree, index) => composeUp(worktree, environments[index] ?? {})))
    await Promise.all(environments.map((env) => waitForPostgres(Number(env['TEST_PORT']))))
    for (const [index, project] of projects.entries()) {
      const found = listProject(project)
      assert.equal(found.filter((line) => line.startsWith('container ')).length, 2, found.join(', '))
      assert.ok(found.includes(`volume ${project}_data`), found.join(', '))
      assert.ok(
        found.some((line) => /^image .*[-_]built$/.test(line)),
        found.join(', '),
      )
      const container = docker(
        'ps',
        '--quiet',
        '--filter',
        `label=com.docker.compose.project=${project}`,
        '--filter',
        'label=com.docker.compose.service=db',
      )
      assert.equal(docker('port', container), `5432/tcp -> 127.0.0.1:${environments[index]?.['TEST_PORT']}`)
    }

    const [first = '', second = ''] = projects
    const volumes = listMounts(first)
    assert.equal(volumes.length, 2, 'a named one and an anonymous one')
    // A killed creation, or `git worktree remove`, leaves neither files nor folder.
    rmSync(worktrees[0] ?? '', { recursive: true })
    await removeComposeProject(currentEngine(), first)
    assert.deepEqual(listProject(first), [])
    const left = new Set(docker('volume', 'ls', '--quiet').split('\n'))
    assert.deepEqual(
      volumes.filter((volume) => left.has(volume)),
      [],
    )
    assert.equal(listProject(second).length, 5)
    await Promise.all([second, second, first].map((project) => removeComposeProject(currentEngine(), project)))
    assert.deepEqual(listProject(second), [])
    assert.deepEqual(listProject(`${first}-2`), stranger)
  },
)
async function composeUp(worktree: string, env: NodeJS.ProcessEnv): Promise<void> {
  await execute('docker', ['compose', 'up', '--detach', '--build'], { cwd: worktree, env })
}

test(
  'a network that somebody else uses is an error, which a later removal gets over',
  { skip: composeSkipReason({ needsEngine: true }) },
  async (t) => {
    const project = createProjectName()
    const guest = `${project}-guest`
    t.after(() => docker('rm', '--force', '--volumes', guest))
    removeAtEnd(t, [project])
    docker('network', 'create', '--label', `com.docker.compose.project=${project}`, `${project}_default`)
    docker(
      'run',
      '--detach',
      '--name',
      guest,
      '--network',
      `${project}_default`,
      '--entrypoint',
      'sleep',
      serviceImage,
      '1000',
    )
    await assert.rejects(removeComposeProject(currentEngine(), project), (error) => {
      assert.ok(error instanceof IsolateError && !(error instanceof UnreachableError))
      assert.match(error.message, /has active endpoints/)
      return true
    })
    assert.equal(docker('inspect', '--format', '{{.State.Running}}', guest), 'true')
    docker('network', 'disconnect', `${project}_default`, guest)
    await removeComposeProject(currentEngine(), project)
    assert.deepEqual(listProject(project), [])
  },
)

test('an engine that does not answer is out of reach, and where there is no docker there is nothing to remove', async (t) => {
  const sandbox = createSandbox(t)
  await assert.rejects(
    removeComposeProject({ host: `unix://${sandbox.folder}/no.sock` }, 'some-project'),
    (error) => error instanceof UnreachableError && error.hint !== undefined,
  )
  setEnvironment(t, { PATH: sandbox.folder })
  await removeComposeProject({}, 'some-project')
})

test('what is no name of a project never reaches docker', async (t) => {
  const sandbox = createSandbox(t)
  useCompose(t, sandbox, undefined)
  writeProgram(sandbox, 'docker', `touch ${sandbox.folder}/called`)
  for (const project of ['', '--all', 'a b', 'Upper', 'x*']) {
    await assert.rejects(removeComposeProject({}, project), /no name of a compose project/)
  }
  assert.equal(existsSync(join(sandbox.folder, 'called')), false)
  await removeComposeProject({}, 'real-name')
  assert.ok(existsSync(join(sandbox.folder, 'called')))
})
