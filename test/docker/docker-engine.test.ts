/** Which engine is talked to, where its ports are, and what is said when it does not answer. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { currentEngine, docker, engineEnvironment, findEngineHost, parseEngineHost } from '../../lib/docker/engine.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { UnreachableError } from '../../lib/report/unreachable-error.ts'
import { dockerOutput, fakeDocker, postgresImage, setVariable, skipWithoutDocker } from '../support/docker.ts'
import { createSandbox } from '../support/sandbox.ts'

for (const [endpoint, host, isLocal] of [
  ['', '127.0.0.1', true],
  ['unix:///var/run/docker.sock', '127.0.0.1', true],
  ['unix:///run/user/1000/a b@c:1/podman.sock', '127.0.0.1', true],
  ['npipe:////./pipe/docker_engine', '127.0.0.1', true],
  ['fd://', '127.0.0.1', true],
  ['tcp://localhost:2375', '127.0.0.1', true],
  ['tcp://127.1.2.3:2375', '127.0.0.1', true],
  ['tcp://[::1]:2375', '127.0.0.1', true],
  ['tcp://:2375', '127.0.0.1', true],
  ['tcp://docker:2375', 'docker', false],
  ['tcp://10.0.0.5:2376', '10.0.0.5', false],
  ['10.0.0.5:2376', '10.0.0.5', false],
  ['tcp://[fd00::5]:2376', 'fd00::5', false],
  ['tcp://build.example.com:2376/path', 'build.example.com', false],
  ['tcp://localhost.example.com:2376', 'localhost.example.com', false],
  ['ssh://me@build.example.com', 'build.example.com', false],
  ['ssh://me@build.example.com:2222', 'build.example.com', false],
  ['ssh://Build', 'build', false],
  ['tcp://a b:1', undefined, false],
  ['tcp://a:b:1', undefined, false],
] as const) {
  test(`the host of ${endpoint === '' ? 'no setting' : endpoint} is ${host ?? 'none'}`, () => {
    assert.deepEqual(parseEngineHost(endpoint), host === undefined ? undefined : { host, isLocal })
  })
}

test('DOCKER_HOST beats DOCKER_CONTEXT, which beats the context that the user chose', (t) => {
  const { write, folder } = createSandbox(t)
  write('home/.docker/config.json', '{ "currentContext": "chosen", "auths": {} }')
  write('other/config.json', '{ "currentContext": "other" }')
  write('broken/config.json', '{ "currentContext": ')
  write('usual/config.json', '{ "currentContext": "default" }')
  const home = { HOME: join(folder, 'home') }
  for (const [env, engine] of [
    [{ DOCKER_HOST: 'tcp://a:1', DOCKER_CONTEXT: 'b' }, { host: 'tcp://a:1' }],
    [{ DOCKER_HOST: '', DOCKER_CONTEXT: 'b' }, { context: 'b' }],
    [{ DOCKER_CONTEXT: 'default' }, {}],
    [{}, { context: 'chosen' }],
    [{ DOCKER_CONTEXT: '' }, { context: 'chosen' }],
    [{ DOCKER_CONFIG: join(folder, 'other') }, { context: 'other' }],
    [{ DOCKER_CONFIG: join(folder, 'usual') }, {}],
    [{ DOCKER_CONFIG: join(folder, 'broken') }, {}],
    [{ DOCKER_CONFIG: join(folder, 'none') }, {}],
  ] as const) {
    assert.deepEqual(currentEngine({ ...home, ...env }), engine, JSON.stringify(env))
  }
})

test('an engine that a lease remembers is talked to whatever the environment says now', (t) => {
  setVariable(t, 'DOCKER_HOST', 'tcp://elsewhere:1')
  setVariable(t, 'DOCKER_CONTEXT', 'elsewhere')
  assert.deepEqual(settingsOf(engineEnvironment({ host: 'unix:///a' })), ['unix:///a', undefined, 'C'])
  assert.deepEqual(settingsOf(engineEnvironment({ context: 'mine' })), [undefined, 'mine', 'C'])
  assert.deepEqual(settingsOf(engineEnvironment({})), [undefined, 'default', 'C'])
})

test('the host of a context is what docker says of it, and only a context is asked about', async (t) => {
  const sandbox = createSandbox(t)
  const script = `echo "$DOCKER_CONTEXT $*" >>'${sandbox.folder}/calls'; echo ssh://me@far.example.com`
  fakeDocker(t, sandbox, script)
  assert.deepEqual(await findEngineHost({ context: 'far' }), { host: 'far.example.com', isLocal: false })
  assert.deepEqual(await findEngineHost({ host: 'tcp://near:1' }), { host: 'near', isLocal: false })
  assert.deepEqual(await findEngineHost({}), { host: '127.0.0.1', isLocal: true })
  const calls = openSync(join(sandbox.folder, 'calls'), 'r')
  t.after(() => closeSync(calls))
  fakeDocker(t, sandbox, 'cat')
  const { stdout } = await docker({}, ['any'], { inputFile: calls })
  assert.equal(stdout, 'far context inspect far --format {{.Endpoints.docker.Host}}\n')
})

test('a DOCKER_HOST that names no host is an error that shows it without its password', async () => {
  await assert.rejects(findEngineHost({ host: 'tcp://me:secret@a:b:1' }), (error) => {
    assert.ok(error instanceof IsolateError && !(error instanceof UnreachableError))
    assert.match(error.message, /DOCKER_HOST names no host: tcp:\/\/me:\*\*\*@a:b:1/)
    return true
  })
})

test('without docker on PATH, the error says so and what to install', async (t) => {
  const { folder } = createSandbox(t)
  setVariable(t, 'PATH', folder)
  await assert.rejects(docker({}, ['info']), isUnreachable(/docker is not installed/, /Install Docker/))
})

test('an engine that hangs is given up after the time limit, with its process', async (t) => {
  const sandbox = createSandbox(t)
  fakeDocker(t, sandbox, 'echo $$; exec sleep 60')
  const printed: string[] = []
  // On a slow machine it may not have begun by then.
  for (let timeoutMs = 200; printed.length === 0; timeoutMs *= 4) {
    const options = { timeoutMs, mergeOutput: true, onOutput: (piece: string) => void printed.push(piece) }
    await assert.rejects(
      docker({ context: 'slow' }, ['ps'], options),
      isUnreachable(/docker ps did not end within \S+ s \(context slow\)/, /info/),
    )
  }
  assert.throws(() => process.kill(Number(printed.join('')), 0), { code: 'ESRCH' })
})

for (const [program, words, hint] of [
  [
    'Docker 29',
    'failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct',
    /docker info/,
  ],
  ['podman', 'Cannot connect to Podman. Please verify your connection to the Linux system', /docker info/],
  [
    'podman on a socket',
    'Error: unable to connect to Podman socket: Get "http://d/v5/_ping": dial unix: no such file',
    /docker info/,
  ],
  [
    'ssh',
    'error during connect: Get "http://docker.example.com/v1.50/info": command [ssh -- far docker system dial-stdio] has exited with exit status 255',
    /docker info/,
  ],
  [
    'Docker Desktop',
    'request returned 500 Internal Server Error for API route and version http://%2F/v1.50/info, check if the server supports the requested API version',
    /docker info/,
  ],
  ['Docker Desktop without WSL', "The command 'docker' could not be found in this WSL 2 distro.", /WSL integration/],
  [
    'a user outside the group',
    'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://x": dial unix /var/run/docker.sock: connect: permission denied',
    /group of its socket/,
  ],
  [
    'Docker 20 with a context that is gone',
    'unable to resolve docker endpoint: context "gone" does not exist',
    /docker context ls/,
  ],
] as const) {
  test(`an engine out of reach, in the words of ${program}, is one that may come back`, async (t) => {
    const sandbox = createSandbox(t)
    sandbox.write('words', `WARNING: something else\n${words}\n`)
    fakeDocker(t, sandbox, `cat '${sandbox.folder}/words' >&2; exit 1`)
    const [start = ''] = words.split(/[[(]/)
    await assert.rejects(docker({}, ['ps']), (error) => {
      assert.ok(error instanceof UnreachableError)
      assert.ok(
        error.message.startsWith(`the container engine cannot be reached (the default one): ${start}`),
        error.message,
      )
      assert.match(error.hint ?? '', hint)
      return true
    })
  })
}

test('a command that fails for a reason of its own is an outcome', async (t) => {
  const sandbox = createSandbox(t)
  fakeDocker(t, sandbox, 'echo "Error: No such container: permission denied" >&2; exit 1')
  assert.equal((await docker({}, ['rm', 'x'])).code, 1)
})

test(
  'the real program at a dead socket, a closed port and an unknown context: out of reach each time',
  { skip: skipWithoutDocker },
  async (t) => {
    const { folder } = createSandbox(t)
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    server.close()
    for (const engine of [{ host: `unix://${folder}/none.sock` }, { host: `tcp://127.0.0.1:${address.port}` }]) {
      await assert.rejects(
        docker(engine, ['ps']),
        isUnreachable(/Cannot connect to the Docker daemon/, /DOCKER_HOST=.* docker info/),
      )
    }
    await assert.rejects(
      docker({ context: 'no-such-context' }, ['ps']),
      isUnreachable(/no-such-context/, /docker context ls/),
    )
    await assert.rejects(
      findEngineHost({ context: 'no-such-context' }),
      isUnreachable(/no-such-context/, /docker context ls/),
    )
  },
)

test('the real program reads the host of a context', { skip: skipWithoutDocker }, async (t) => {
  const { folder } = createSandbox(t)
  setVariable(t, 'DOCKER_CONFIG', join(folder, 'docker'))
  dockerOutput('context', 'create', 'far', '--docker', 'host=tcp://far.example.com:2376')
  dockerOutput('context', 'use', 'far')
  const engine = currentEngine()
  assert.deepEqual(engine, { context: 'far' })
  assert.deepEqual(await findEngineHost(engine), { host: 'far.example.com', isLocal: false })
  assert.equal((await docker({}, ['ps', '--quiet'])).code, 0, 'the default engine, although another is chosen')
})

test(
  'the machine’s own engine answers, and a file reaches the stdin of a container',
  { skip: skipWithoutDocker },
  async () => {
    const file = openSync(import.meta.filename, 'r')
    const args = ['run', '--rm', '--interactive', '--pull=never', postgresImage, 'cat']
    const { code, stdout } = await docker(currentEngine(), args, { inputFile: file })
    closeSync(file)
    assert.equal(code, 0)
    assert.match(stdout, /a file reaches the stdin of a container/)
  },
)

function settingsOf(env: NodeJS.ProcessEnv): unknown {
  return [env['DOCKER_HOST'], env['DOCKER_CONTEXT'], env['LC_ALL']]
}

function isUnreachable(message: RegExp, hint: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UnreachableError, String(error))
    assert.match(error.message, message)
    assert.match(error.hint ?? '', hint)
    return true
  }
}
