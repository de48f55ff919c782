/** `init` keeps the main checkout's tools out of the worktrees, in what is safe to edit, and `uninstall` takes every byte of it back. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { editForTool, undoToolEdit } from '../../init/tool-edits.ts'
import { runCli } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'
import { snapshotFolder } from '../support/snapshot-folder.ts'

test('Biome, Jest and Prettier are kept out by init, the rest is left to doctor, and uninstall leaves no trace', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', {
    'package.json':
      '{\n\t"name": "shop",\n\t"devDependencies": { "@biomejs/biome": "^2.6.0", "jest": "30", "prettier": "3", "vitest": "4" },\n\t"jest": {}\n}\n',
    'biome.json': '{ "formatter": { "enabled": false } }',
    'vitest.config.mjs': 'export default {\n  test: {\n    globals: true,\n  },\n}\n',
    '.prettierignore': 'dist',
    'agent-isolate.json': '{ "worktrees": { "folder": "trees" } }\n',
  })
  const before = snapshotFolder(root)
  const read = (path: string): string => readFileSync(join(root, path), 'utf8')
  const { stdout } = await runCli(sandbox, root, ['init', '--yes'])
  assert.match(stdout, /biome\.json.*: keeps trees out/)
  assert.equal(read('biome.json'), '{ "formatter": { "enabled": false }, "files": { "includes": [ "**", "!trees" ] } }')
  assert.deepEqual(JSON.parse(read('package.json')).jest, { modulePathIgnorePatterns: ['<rootDir>/trees/'] })
  assert.match(read('.prettierignore'), /^trees\/$/m)
  const { stdout: json } = await runCli(sandbox, root, ['doctor', '--json'])
  const { findings }: { findings: { id: string; file: string }[] } = JSON.parse(json)
  const left = findings.filter(({ id }) => id === 'tools.worktrees').map(({ file }) => file)
  assert.deepEqual(left, ['vitest.config.mjs'])
  const after = snapshotFolder(root)
  assert.match(sandbox.cli(root, 'init', '--yes'), /^nothing to change/)
  assert.deepEqual(snapshotFolder(root), after)
  sandbox.cli(root, 'init', '--yes', '--tool-ignores', 'no')
  assert.equal(read('biome.json'), before['biome.json'] ?? read('biome.json'))
  assert.doesNotMatch(read('biome.json') + read('package.json') + read('.prettierignore'), /trees/)
  assert.match(sandbox.cli(root, 'init', '--yes'), /^nothing to change/, 'a no is remembered')
  sandbox.cli(root, 'init', '--yes', '--tool-ignores', 'yes')
  // As an install does it.
  sandbox.write('shop/package.json', read('package.json').replace('"jest": "30"', '"jest": "31"'))
  sandbox.cli(root, 'uninstall', '--yes')
  assert.match(read('package.json'), /"jest": "31"/)
  sandbox.write('shop/package.json', read('package.json').replace('"jest": "31"', '"jest": "30"'))
  assert.deepEqual(snapshotFolder(root), before)
})

const biome2 = '{"devDependencies": {"@biomejs/biome": "2.1.0"}}'

const rows: [title: string, tool: string, file: string, text: string, expected: string | undefined][] = [
  [
    'a list that is there',
    'Biome',
    'biome.json',
    '{"files":{"includes":["src/**"]}}',
    '{"files":{"includes":["src/**","!trees"]}}',
  ],
  ['an empty section', 'Biome', 'biome.json', '{"files":{ }}', '{"files":{"includes":["**","!trees"]}}'],
  ['an inherited list', 'Biome', 'biome.json', '{"extends":["./base.json"]}', undefined],
  ['comments', 'Biome', 'biome.jsonc', '{\n  // ours\n}', undefined],
  ['another shape', 'Biome', 'biome.json', '{"files":[]}', undefined],
  ['several projects', 'Jest', 'jest.config.json', '{"projects":["a"]}', undefined],
  [
    'no file at all',
    'Jest',
    'jest.config.json',
    '{\n}\n',
    '{\n  "modulePathIgnorePatterns": ["<rootDir>/trees/"]\n}\n',
  ],
  ['code', 'Vitest', 'vitest.config.ts', 'export default {}', undefined],
  ['a list that is there', 'TypeScript', 'tsconfig.json', '{"exclude":["dist"]}', '{"exclude":["dist","trees"]}'],
  ['the default, which leaves out what is built', 'TypeScript', 'tsconfig.json', '{"include":["src"]}', undefined],
]

for (const [title, tool, file, text, expected] of rows) {
  test(`${tool} is kept out of the worktrees in ${file}: ${title}`, () => {
    const edited = editForTool({ tool, file }, text, 'trees', biome2)
    assert.equal(edited?.text, expected)
    if (edited === undefined) return
    assert.equal(undoToolEdit(edited.text, edited.edit), text)
    const more = edited.text.replace('trees"]', 'trees","mine"]').replace('trees/"]', 'trees/","mine"]')
    const left = undoToolEdit(more, edited.edit)
    assert.ok(left.includes('mine') && !left.includes('trees'), left)
  })
}

test('of Biome 1, or one that is not known, nothing is written', () => {
  const place = { tool: 'Biome', file: 'biome.json' }
  for (const manifest of ['{"devDependencies": {"@biomejs/biome": "1.9.4"}}', '{}']) {
    assert.equal(editForTool(place, '{}', 'trees', manifest), undefined)
  }
  assert.notEqual(editForTool(place, '{}', 'trees', biome2), undefined)
})
