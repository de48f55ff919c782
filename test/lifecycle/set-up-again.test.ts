/** A database that is made anew, by `db reset` or because its container was gone, gets what its creation gave it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { containerShape } from '../../lib/database/postgres/resources.ts'
import { resourceOf } from '../../lib/ledger/kind.ts'
import { dockerOutput, postgresImage, removeLabelledAfter, skipWithoutDocker } from '../support/docker.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { requireLeaseAt } from '../support/state.ts'

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

function createTrusted(sandbox: Sandbox, config: object): { main: string; worktree: string } {
  const main = sandbox.repository('repo', { 'agent-isolate.json': JSON.stringify(config), '.gitignore': 'log\n' })
  sandbox.cli(main, 'trust')
  return { main, worktree: sandbox.cli(main, 'create', 'one') }
}

function countSetUps(worktree: string): number {
  return readFileSync(join(worktree, 'log'), 'utf8').length
}

test('db reset runs the set-up commands again, unless told not to', (t) => {
  const sandbox = createSandbox(t)
  const { worktree } = createTrusted(sandbox, { database: { test: true }, setup: ['printf x >> log'] })
  assert.equal(countSetUps(worktree), 1)
  sandbox.cli(worktree, 'db', 'reset')
  assert.equal(countSetUps(worktree), 2)
  sandbox.cli(worktree, 'db', 'reset', '--no-setup')
  sandbox.cli(worktree, 'db', 'reset', '--test')
  assert.equal(countSetUps(worktree), 2)
})

test('a set-up command may itself reset the database', (t) => {
  const sandbox = createSandbox(t)
  const reset = `'${process.execPath}' '${program}' db reset`
  const { worktree } = createTrusted(sandbox, { setup: [reset, 'printf x >> log'] })
  assert.equal(countSetUps(worktree), 1)
  sandbox.cli(worktree, 'db', 'reset')
  assert.equal(countSetUps(worktree), 2)
})

test('a container that had to be made again is set up again', { skip: skipWithoutDocker }, (t) => {
  const sandbox = createSandbox(t)
  const { main, worktree } = createTrusted(sandbox, {
    database: { provider: 'postgres-docker', image: postgresImage },
    setup: ['printf x >> log'],
  })
  const container = resourceOf(requireLeaseAt(sandbox, worktree), containerShape)
  assert.ok(container)
  removeLabelledAfter(t, `agent-isolate.repository=${main}`)
  sandbox.cli(worktree, 'setup')
  assert.equal(countSetUps(worktree), 1)
  dockerOutput('rm', '--force', '--volumes', container.name)
  sandbox.cli(worktree, 'setup')
  assert.equal(countSetUps(worktree), 2)
})
