import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findComposeFiles, findNamedComposeFiles } from '../../lib/compose/files.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { createSandbox } from '../support/sandbox.ts'

const all = ['docker-compose.yaml', 'docker-compose.yml', 'compose.yml', 'compose.yaml']

for (const [present, found] of [
  [[], []],
  [all, ['compose.yaml']],
  [all.slice(0, 3), ['compose.yml']],
  [all.slice(0, 2), ['docker-compose.yml']],
  [
    ['docker-compose.yaml', 'compose.override.yaml'],
    ['docker-compose.yaml', 'compose.override.yaml'],
  ],
  [
    ['compose.yaml', 'docker-compose.override.yml', 'compose.override.yml'],
    ['compose.yaml', 'compose.override.yml'],
  ],
  [['compose.override.yaml'], []],
  [['compose.prod.yaml', 'sub/compose.yaml'], []],
] as const) {
  test(`of ${present.join(', ') || 'no file'}, compose takes ${found.join(' and ') || 'none'}`, (t) => {
    const { folder, write } = createSandbox(t)
    for (const name of present) write(join('tree', name), 'services: {}\n')
    const tree = join(folder, 'tree')
    mkdirSync(tree, { recursive: true })
    const absolute = (names: readonly string[]): string[] => names.map((name) => join(tree, name))
    assert.deepEqual(findComposeFiles(tree), absolute(found))
  })
}

test('a folder of that name is no compose file, and the one in the folder above is not taken', (t) => {
  const { folder, write } = createSandbox(t)
  write('compose.yaml', 'services: {}\n')
  mkdirSync(join(folder, 'tree', 'compose.yaml'), { recursive: true })
  assert.deepEqual(findComposeFiles(join(folder, 'tree')), [])
})

test('COMPOSE_FILE means the files of this worktree, wherever it was written', (t) => {
  const { folder, write } = createSandbox(t)
  const tree = join(folder, 'main/.trees/one')
  const own = ['a.yml', 'sub/b.yml'].map((name) => write(join('main/.trees/one', name), 'services: {}\n'))
  const main = write('main/a.yml', 'services: {}\n')
  const elsewhere = write('shared.yml', 'services: {}\n')
  const find = (env: NodeJS.ProcessEnv): string[] | undefined => findNamedComposeFiles(tree, join(folder, 'main'), env)
  assert.equal(find({}), undefined)
  assert.equal(find({ COMPOSE_FILE: '' }), undefined)
  assert.deepEqual(find({ COMPOSE_FILE: 'a.yml:sub/b.yml' }), own)
  assert.deepEqual(find({ COMPOSE_FILE: 'a.yml|sub/b.yml', COMPOSE_PATH_SEPARATOR: '|' }), own)
  assert.deepEqual(find({ COMPOSE_FILE: `${main}:${elsewhere}` }), [own[0], elsewhere])
  assert.throws(
    () => find({ COMPOSE_FILE: 'a.yml:gone.yml' }),
    (error) => error instanceof IsolateError && /one\/gone\.yml, which is not there/.test(error.message),
  )
  write('main/.trees/one/.env', '# settings\nCOMPOSE_PATH_SEPARATOR=","\nCOMPOSE_FILE=a.yml,sub/b.yml\n')
  assert.deepEqual(find({}), own)
  assert.deepEqual(find({ COMPOSE_FILE: 'sub/b.yml' }), own.slice(1), 'the environment beats .env')
  const ours = {
    COMPOSE_FILE: `${main};${join(folder, 'main/.git/worktrees/two/agent-isolate/compose/override.yaml')}`,
    COMPOSE_PATH_SEPARATOR: ';',
  }
  assert.deepEqual(find(ours), own, 'what we exported to another worktree says nothing here')
})
