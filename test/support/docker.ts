/** What the tests of containers need: an image (none can be pulled in a test), a look at the engine, and clean-up by label. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, dirname } from 'node:path'
import type { TestContext } from 'node:test'
import type { ContainerRequest } from '../../lib/docker/container.ts'
import type { Labels } from '../../lib/docker/labelled.ts'
import { noDeadline } from '../../lib/report/deadline.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { UnreachableError } from '../../lib/report/unreachable-error.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'

const variable = 'AGENT_ISOLATE_TEST_POSTGRES_IMAGE'

/** An image that behaves as the official postgres one (postgres-image.sh makes it); '' where none is named. */
export const postgresImage = process.env[variable] ?? ''

/** Why a test that needs an engine and that image is skipped; false when it is not. In CI nothing is. */
export const skipWithoutDocker: string | false =
  postgresImage !== '' || process.env['CI']
    ? false
    : `no image is named by ${variable} (test/postgres-image.sh makes one)`

/** Runs docker on the machine's own engine, returns its stdout without the last newline. */
export function dockerOutput(...args: string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).replace(/\n$/, '')
}

/** Names of the containers, stopped ones too, or volumes that carry this label. */
export function listByLabel(kind: 'container' | 'volume', label: string): string[] {
  const list = kind === 'container' ? ['ps', '--all', '--format={{.Names}}'] : ['volume', 'ls', '--format={{.Name}}']
  return dockerOutput(...list, `--filter=label=${label}`)
    .split('\n')
    .filter((name) => name !== '')
    .toSorted()
}

/** Removes every container and volume with this label when the test ends. */
export function removeLabelledAfter(t: TestContext, label: string): void {
  t.after(() => {
    const containers = listByLabel('container', label)
    if (containers.length > 0) dockerOutput('rm', '--force', '--volumes', ...containers)
    const volumes = listByLabel('volume', label)
    if (volumes.length > 0) dockerOutput('volume', 'rm', ...volumes)
  })
}

/** A name and a label of this test's own; whatever carries the label is removed when the test ends. */
export function createDockerScope(t: TestContext): { name: string; label: string; labels: Labels } {
  const id = randomBytes(6).toString('hex')
  const label = `agent-isolate.test=${id}`
  removeLabelledAfter(t, label)
  return { name: `agent-isolate-test-${id}`, label, labels: { 'agent-isolate.test': id } }
}

/** Puts a shell script first on PATH as `docker` until the test ends. */
export function fakeDocker(t: TestContext, { write }: Sandbox, script: string): void {
  const path = process.env['PATH'] ?? ''
  const fake = write('fake-bin/docker', `#!/bin/sh\n${script}\n`)
  chmodSync(fake, 0o755)
  setVariable(t, 'PATH', `${dirname(fake)}${delimiter}${path}`)
}

/** Sets a variable of this process until the test ends. */
export function setVariable(t: TestContext, name: string, value: string | undefined): void {
  const before = process.env[name]
  const assign = (text: string | undefined): void => {
    if (text === undefined) delete process.env[name]
    else process.env[name] = text
  }
  t.after(() => assign(before))
  assign(value)
}

export type PreparedContainer = ReturnType<typeof createDockerScope> & {
  request: ContainerRequest
  sandbox: ReturnType<typeof createSandbox>
  /** What its reporter was told. */
  remarks: string[]
  /** Listens on the request's port until the test ends. */
  takePort: () => Promise<void>
}

/** A request for a container that only sleeps, on a port that is free. */
export async function prepareContainer(t: TestContext): Promise<PreparedContainer> {
  const sandbox = createSandbox(t)
  const scope = postgresImage === '' ? offlineScope : createDockerScope(t)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  server.close()
  await once(server, 'close')
  const hostPort = address.port
  const remarks: string[] = []
  const remark = (text: string): void => void remarks.push(text)
  const takePort = async (): Promise<void> => {
    const owner = createServer().listen(hostPort, '127.0.0.1')
    t.after(() => owner.close())
    await once(owner, 'listening')
  }
  const request = {
    name: scope.name,
    image: postgresImage,
    labels: scope.labels,
    environment: {},
    extraArgs: [],
    publish: { address: '127.0.0.1', hostPort, containerPort: 5432 },
    command: ['sleep', '60'],
    reporter: { info: remark, warn: remark, progress: remark },
    deadline: noDeadline,
  }
  return { ...scope, sandbox, remarks, takePort, request }
}

/** For tests that meet a fake engine alone. */
const offlineScope = {
  name: 'agent-isolate-test',
  label: 'agent-isolate.test=1',
  labels: { 'agent-isolate.test': '1' },
}

/** For assert.rejects: an `IsolateError`, and not one that may pass by itself. */
export function isExpected(message: RegExp, hint?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof IsolateError && !(error instanceof UnreachableError), String(error))
    assert.match(error.message, message)
    if (hint !== undefined) assert.match(error.hint ?? '', hint)
    return true
  }
}
