/** A repository with a compose file, from the creation of its worktrees to their removal, through the command line. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { composeKind } from '../../lib/compose/kind.ts'
import { resourceOf } from '../../lib/ledger/kind.ts'
import { composeSkipReason, serviceImage, useCompose, writeProgram } from '../support/compose.ts'
import { dockerOutput } from '../support/docker.ts'
import { runCli } from '../support/cli.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, requireLeaseAt } from '../support/state.ts'

const compose = `services:
  cache:
    image: ${serviceImage}
    container_name: the-one-cache
    entrypoint: ["sleep", "1000"]
    ports: ["16379:6379"]
    volumes: ["kept:/kept"]
volumes: {kept: {}}
`

const config = JSON.stringify({ database: { provider: 'none' }, compose: { ports: { cache: 6379 } } })

const title = "two worktrees have the repository's services up at once, and removal takes them down"
test(title, { skip: composeSkipReason({ needsEngine: true }) }, (t) => {
  const sandbox = createSandbox(t)
  useCompose(t, sandbox, 'plugin')
  for (const name of ['PATH', 'DOCKER_CONFIG']) sandbox.env[name] = process.env[name]
  const main = sandbox.repository('repo', { 'compose.yaml': compose, 'agent-isolate.json': config })
  sandbox.cli(main, 'trust')
  const worktrees = ['one', 'two'].map((name) => sandbox.cli(main, 'create', name))
  const projects = worktrees.map((worktree) => requireProject(sandbox, worktree))
  t.after(() => removeContainers(projects))
  for (const worktree of worktrees) sandbox.cli(worktree, 'exec', '--', 'docker', 'compose', 'up', '--detach')

  for (const [index, worktree] of worktrees.entries()) {
    const [container = ''] = containersOf(projects[index] ?? '')
    const port = requireLeaseAt(sandbox, worktree).ports['cache']
    assert.equal(dockerOutput('port', container), `6379/tcp -> 127.0.0.1:${port}`)
    assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
  }
  for (const name of ['one', 'two']) sandbox.cli(main, 'remove', name)
  assert.deepEqual(projects.flatMap(everythingOf), [])
  assert.deepEqual(loadLeases(sandbox), [])
  assert.ok(worktrees.every((worktree) => !existsSync(worktree)))
})
test('with docker-compose 1.x alone, a worktree comes all the same, and says what "compose.ports" needs and where to get it', async (t) => {
  const sandbox = createSandbox(t)
  useCompose(t, sandbox, undefined)
  writeProgram(sandbox, 'docker-compose', 'echo 1.29.2')
  // An engine on which there is nothing, and no plugin.
  writeProgram(sandbox, 'docker', 'if [ "$1" = compose ]; then exit 1; fi')
  for (const name of ['PATH', 'DOCKER_CONFIG']) sandbox.env[name] = process.env[name]
  const main = sandbox.repository('repo', { 'compose.yaml': compose, 'agent-isolate.json': config })
  sandbox.cli(main, 'trust')
  const { code, stderr } = await runCli(sandbox, main, ['create', 'one'])
  assert.equal(code, 0)
  assert.match(
    stderr,
    /"compose\.ports" needs Docker Compose 2\.24\.4 or newer, and docker-compose is 1\.29\.2\..*https:\/\/docs\.docker\.com\/compose\/install\//,
  )
  sandbox.cli(main, 'remove', 'one')
  assert.deepEqual(loadLeases(sandbox), [])
})

test('a repository that is not trusted gets a project name, and compose is not asked about its files', (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('repo', { 'compose.yaml': compose, 'agent-isolate.json': config })
  sandbox.write('programs/docker', '')
  sandbox.env['PATH'] = `${sandbox.env['PATH']}:${join(sandbox.folder, 'programs')}`
  const worktree = sandbox.cli(main, 'create', 'one')
  const exported = sandbox.cli(worktree, 'env')
  assert.match(exported, /^export COMPOSE_PROJECT_NAME='repo-one-[0-9a-f]{6}'$/m)
  assert.doesNotMatch(exported, /COMPOSE_FILE/)
})

test('where there is no compose file, nothing is said of compose', (t) => {
  const sandbox = createSandbox(t)
  const worktree = sandbox.cli(sandbox.repository('repo'), 'create', 'one')
  assert.doesNotMatch(sandbox.cli(worktree, 'env'), /COMPOSE/)
  assert.ok(!requireLeaseAt(sandbox, worktree).resources.some((resource) => resource.kind === 'compose'))
})

function requireProject(sandbox: Sandbox, worktree: string): string {
  const found = resourceOf(requireLeaseAt(sandbox, worktree), composeKind)
  assert.ok(found)
  return found.project
}

function containersOf(project: string): string[] {
  return lines(dockerOutput('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${project}`))
}

function everythingOf(project: string): string[] {
  const filter = `label=com.docker.compose.project=${project}`
  const networks = dockerOutput('network', 'ls', '--quiet', '--filter', filter)
  const volumes = dockerOutput('volume', 'ls', '--quiet', '--filter', filter)
  return [...containersOf(project), ...lines(networks), ...lines(volumes)]
}

/** Only what a failed test has left. */
function removeContainers(projects: readonly string[]): void {
  const left = projects.flatMap(containersOf)
  if (left.length > 0) dockerOutput('rm', '--force', '--volumes', ...left)
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
