import assert from 'node:assert/strict'
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { loadProject } from '../../lib/project/project.ts'
import { distrust, trust } from '../../lib/project/trust.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const template = '.env.agent.template'

/** This process takes part: its state folder is the sandbox's. */
function createWorld(t: TestContext, files: Record<string, string>): { sandbox: Sandbox; repository: string } {
  const sandbox = createSandbox(t)
  const before = process.env['AGENT_ISOLATE_HOME']
  process.env['AGENT_ISOLATE_HOME'] = sandbox.env['AGENT_ISOLATE_HOME']
  t.after(() => {
    if (before === undefined) delete process.env['AGENT_ISOLATE_HOME']
    else process.env['AGENT_ISOLATE_HOME'] = before
  })
  return { sandbox, repository: sandbox.repository('repo', files) }
}

async function isTrusted(repository: string): Promise<boolean> {
  return (await loadProject(repository)).isTrusted
}

test('trust ends when the template comes, changes or goes, and returns with the text that it was given to', async (t) => {
  const { sandbox, repository } = createWorld(t, { 'agent-isolate.json': '{}' })
  await trust((await loadProject(repository)).trustee)
  assert.equal(await isTrusted(repository), true)
  sandbox.write(`repo/${template}`, '')
  assert.equal(await isTrusted(repository), false)
  await trust((await loadProject(repository)).trustee)
  assert.equal(await isTrusted(repository), true)
  sandbox.write(`repo/${template}`, 'HOME=.')
  assert.equal(await isTrusted(repository), false)
  sandbox.write(`repo/${template}`, '')
  assert.equal(await isTrusted(repository), true)
})

test('text cannot move between config, seed and template', async (t) => {
  const database = '"database": { "provider": "sqlite", "seed": "seed.sql" }'
  const { sandbox, repository } = createWorld(t, { 'agent-isolate.json': `{ ${database} }\n`, 'seed.sql': '' })
  sandbox.write(`repo/${template}`, 'A=1\n')
  await trust((await loadProject(repository)).trustee)
  sandbox.write('repo/seed.sql', 'A=1\n')
  sandbox.write(`repo/${template}`, '')
  assert.equal(await isTrusted(repository), false)
  sandbox.write('repo/agent-isolate.json', `{ ${database} }`)
  sandbox.write('repo/seed.sql', '\n')
  sandbox.write(`repo/${template}`, 'A=1\n')
  assert.equal(await isTrusted(repository), false)
})

test('without any config trust is in the clone: another at the same path is not trusted, the old one moved back is', async (t) => {
  const { sandbox, repository } = createWorld(t, { 'a.txt': '' })
  await trust((await loadProject(repository)).trustee)
  assert.equal(await isTrusted(repository), true)
  const aside = join(sandbox.folder, 'aside')
  renameSync(repository, aside)
  assert.equal(await isTrusted(aside), false)
  sandbox.git(sandbox.folder, 'clone', '--quiet', aside, repository)
  assert.equal(await isTrusted(repository), false)
  renameSync(repository, join(sandbox.folder, 'clone'))
  renameSync(aside, repository)
  assert.equal(await isTrusted(repository), true)
  assert.equal(await distrust(join(repository, '.git')), true)
  assert.equal(await isTrusted(repository), false)
  assert.deepEqual(
    readdirSync(join(repository, '.git')).filter((name) => name.startsWith('agent-isolate')),
    [],
  )
  assert.equal(existsSync(join(repository, '.git', 'config')), true)
})
