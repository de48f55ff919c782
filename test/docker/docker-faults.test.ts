/** What docker is told, and what is made of its words: on a fake one, where the real one cannot be made to fail so. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runContainer } from '../../lib/docker/container.ts'
import { findFault } from '../../lib/docker/fault.ts'
import { UnreachableError } from '../../lib/report/unreachable-error.ts'
import { fakeDocker, isExpected, listByLabel, prepareContainer } from '../support/docker.ts'
import { skipWithoutDocker as skip } from '../support/docker.ts'

const engine = {}

test('no value of the environment is an argument of the program', { skip }, async (t) => {
  const { request, sandbox } = await prepareContainer(t)
  const file = join(sandbox.folder, 'seen')
  fakeDocker(
    t,
    sandbox,
    `case "$1" in run) tr '\\0' '\\n' </proc/$$/cmdline >'${file}'; printenv PASSWORD >>'${file}';; *) echo 'Error: No such container' >&2; exit 1;; esac`,
  )
  await runContainer(engine, {
    ...request,
    environment: { PASSWORD: 'se cret' },
    extraArgs: ['--memory', '1g'],
    command: ['-c', 'fsync=off'],
  })
  const seen = readFileSync(file, 'utf8').split('\n').slice(2, -1)
  const [label = ''] = Object.entries(request.labels).map((entry) => entry.join('='))
  const { hostPort } = request.publish
  const options = ['--detach', '--pull=never', '--name', request.name, '--publish', `127.0.0.1:${hostPort}:5432`]
  const rest = ['--env', 'PASSWORD', '--memory', '1g', '--', request.image, '-c', 'fsync=off', 'se cret']
  assert.deepEqual(seen, ['run', ...options, '--label', label, ...rest])
})

test('an image that is neither here nor to be had is named, with what to do', { skip }, async (t) => {
  const { request, label } = await prepareContainer(t)
  const image = 'registry.invalid/agent-isolate/none:1'
  await assert.rejects(
    runContainer(engine, { ...request, image }),
    isExpected(
      /the image registry\.invalid\/agent-isolate\/none:1 is not here and cannot be pulled/,
      /"database\.image"/,
    ),
  )
  assert.deepEqual(listByLabel('container', label), [])
})

test('an image that looks like an option is taken for an image', { skip }, async (t) => {
  const { request } = await prepareContainer(t)
  await assert.rejects(
    runContainer(engine, { ...request, image: '--privileged' }),
    isExpected(/image --privileged.*invalid reference/),
  )
})

test('a pull says how far it is, layer by layer, and the container starts after it', async (t) => {
  const { request, sandbox, remarks } = await prepareContainer(t)
  fakeDocker(
    t,
    sandbox,
    `cd '${sandbox.folder}'
case "$1" in
  run) if [ -e pulled ]; then echo id; else echo "docker: Error response from daemon: No such image: $PULL" >&2; exit 125; fi;;
  pull) touch pulled
    printf '16: Pulling from library/postgres\\n0123456789ab: Pulling fs layer\\n123456789abc: Already exists\\n23456789abcd: Pulling fs layer\\n'
    sleep 0.1; printf '0123456789ab: Pull com'; sleep 0.1; printf 'plete\\n'; sleep 0.1
    printf '23456789abcd: Download complete\\n23456789abcd: Pull complete\\nStatus: Downloaded\\n';;
esac`,
  )
  assert.equal(await runContainer(engine, { ...request, image: 'postgres:16' }), 'started')
  assert.deepEqual(remarks, [
    'pulling the image postgres:16, once for this machine',
    ...[1, 2, 3].map((done) => `pulling postgres:16: ${done} of 3 layers`),
  ])
})

for (const [what, words, message, hint] of [
  [
    'no network',
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
    /cannot be pulled: Get/,
    /docker load/,
  ],
  [
    'no such image',
    'Error response from daemon: manifest for postgres:99 not found: manifest unknown: manifest unknown',
    /cannot be pulled: manifest for/,
    /spelled right/,
  ],
  [
    'a private image',
    "Error response from daemon: pull access denied for x, repository does not exist or may require 'docker login'",
    /access denied/,
    /docker login/,
  ],
  [
    'a full disk',
    'failed to register layer: write /usr/lib/x: no space left on device',
    /image .* cannot be pulled: .*no space left/,
    /docker system df/,
  ],
  [
    'too many pulls',
    'Error response from daemon: toomanyrequests: You have reached your pull rate limit.',
    /rate limit/,
    /docker pull postgres:99 yourself/,
  ],
] as const) {
  test(`a pull that fails for ${what} says so`, async (t) => {
    const { request, sandbox } = await prepareContainer(t)
    sandbox.write('words', `${words}\n`)
    fakeDocker(
      t,
      sandbox,
      `case "$1" in pull) cat '${sandbox.folder}/words' >&2;; run) echo "Error: No such image" >&2;; *) echo "Error: No such container" >&2;; esac; exit 1`,
    )
    await assert.rejects(runContainer(engine, { ...request, image: 'postgres:99' }), isExpected(message, hint))
  })
}

test('a full disk at the start of a container is an error with the next step, and the container is removed', async (t) => {
  const { request, sandbox, name, labels } = await prepareContainer(t)
  const inspected = JSON.stringify([{ Id: 'abc', Name: `/${name}`, Config: { Labels: labels } }])
  sandbox.write('inspected', inspected)
  fakeDocker(
    t,
    sandbox,
    `echo "$*" >>'${sandbox.folder}/calls'
case "$1" in run) echo "docker: Error response from daemon: mkdir /var/lib/docker/overlay2/x: no space left on device." >&2; exit 125;; container) cat '${sandbox.folder}/inspected';; esac`,
  )
  await assert.rejects(
    runContainer(engine, request),
    isExpected(/cannot be started: mkdir .*no space left on device/, /docker system df/),
  )
  assert.deepEqual(readFileSync(join(sandbox.folder, 'calls'), 'utf8').split('\n').slice(1), [
    `container inspect -- ${name}`,
    'rm --force --volumes abc',
    '',
  ])
})

test('an engine that goes away half-way is out of reach, and that is what is told', async (t) => {
  const { request, sandbox } = await prepareContainer(t)
  fakeDocker(t, sandbox, 'echo "error during connect: Post http://x/run: EOF, in $1" >&2; exit 125')
  await assert.rejects(
    runContainer(engine, request),
    (error) => error instanceof UnreachableError && error.message.endsWith('in run'),
  )
})

for (const [words, fault] of [
  [
    'docker: Error response from daemon: driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:5432 failed: port is already allocated.',
    'port taken',
  ],
  [
    'driver failed programming external connectivity: Error starting userland proxy: listen tcp4 127.0.0.1:5432: bind: address already in use.',
    'port taken',
  ],
  [
    'Ports are not available: exposing port TCP 127.0.0.1:5432 -> 0.0.0.0:0: listen tcp 127.0.0.1:5432: bind: Only one usage of each socket address',
    'port taken',
  ],
  ['Error: rootlessport listen tcp 127.0.0.1:5432: bind: address already in use', 'port taken'],
  ['Error: something went wrong with the request: "proxy already running\\n"', 'port taken'],
  [
    'Conflict. The container name "/address already in use" is already in use by container "1a". You have to remove',
    'name taken',
  ],
  [
    'Error: creating container storage: the container name "db" is already in use by 1a. You have to remove that container',
    'name taken',
  ],
  ['Error: postgres:16: image not known', 'image missing'],
  ["Unable to find image 'postgres:16' locally", 'image missing'],
  ['Error response from daemon: invalid reference format', undefined],
] as const) {
  test(`"${words.slice(-60)}" is ${fault ?? 'no fault known by name'}`, () => {
    assert.equal(findFault(words), fault)
  })
}
