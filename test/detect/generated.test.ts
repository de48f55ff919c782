/** Generated code that git does not have is found, named by the doctor, and made in a worktree once init has written the command. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { detectGenerated } from '../../detect/generated.ts'
import { runCli } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'

test('a Prisma client with an output of its own is named by doctor, and there in a worktree after init', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('shop', {
    '.gitignore': 'node_modules\nsrc/generated\n.env.local\n.agent-isolate/\n.claude/worktrees/\n',
    'package.json': '{"scripts": {"postinstall": "prisma generate", "db:generate": "prisma generate"}}',
    'prisma/schema.prisma':
      'generator client {\n  provider = "prisma-client"\n  output   = "../src/generated/prisma"\n}\n',
  })
  // What stands for Prisma's program writes what Prisma would.
  const program = sandbox.write(
    'shop/node_modules/.bin/prisma',
    '#!/bin/sh\nmkdir -p src/generated/prisma && echo "export {}" >src/generated/prisma/client.ts\n',
  )
  chmodSync(program, 0o755)
  sandbox.write('shop/src/generated/prisma/client.ts', 'export {}\n')
  const findings = async (): Promise<string[]> => {
    const { stdout } = await runCli(sandbox, root, ['doctor', '--json'])
    const found: { id: string; severity: string; message: string; fix: string }[] = JSON.parse(stdout).findings
    return found
      .filter(({ id, severity }) => id.startsWith('generated.') && severity !== 'ok')
      .map(({ message, fix }) => `${message}: ${fix}`)
  }
  assert.deepEqual(await findings(), [
    'src/generated/prisma is ignored by git, and not made in a worktree: add to "setup": "npm run db:generate"',
  ])
  sandbox.cli(root, 'init', '--yes')
  sandbox.git(root, 'add', '--all')
  sandbox.git(root, 'commit', '--quiet', '--message=init')
  assert.deepEqual(await findings(), [])
  const worktree = sandbox.cli(root, 'create', 'one')
  assert.ok(existsSync(join(worktree, 'src/generated/prisma/client.ts')))
  assert.equal(sandbox.git(worktree, 'status', '--porcelain'), '')
})

const graphql =
  'schema: schema.graphql\ngenerates:\n  src/gql/:\n    preset: client\n  ./types/api.ts:\n    plugins: [x]\n'
const rows: [title: string, tracked: Record<string, string>, untracked: string[], expected: string[]][] = [
  ['no output in place', { 'codegen.yml': graphql, 'package.json': '{}' }, [], []],
  [
    'GraphQL, two outputs, one of them made',
    { 'codegen.yml': graphql, 'package.json': '{"scripts": {"types": "dotenv -- graphql-codegen"}}' },
    ['src/gql/graphql.ts'],
    ['src/gql: npm run types'],
  ],
  [
    'GraphQL in TypeScript',
    { 'apps/web/codegen.ts': "export default { generates: {\n  'gql/': {\n } } }", 'apps/web/package.json': '{}' },
    ['apps/web/gql/a.ts'],
    ['apps/web/gql: cd apps/web && npx graphql-codegen'],
  ],
  [
    'protobuf',
    { 'buf.gen.yaml': 'version: v2\nplugins:\n  - remote: x\n    out: gen/go\n', 'go.mod': '' },
    ['gen/go/a.pb.go'],
    ['gen/go: npx buf generate'],
  ],
  ['tracked output', { 'buf.gen.yaml': 'plugins:\n  - out: gen\n', 'gen/a.go': '' }, ['gen/b.go'], []],
]

for (const [title, tracked, untracked, expected] of rows) {
  test(`generated code: ${title}`, () => {
    const files = { tracked: Object.keys(tracked), untracked }
    const found = detectGenerated(files, 'npx', (path) => tracked[path])
    assert.deepEqual(
      found.map(({ output, command }) => `${output}: ${command}`),
      expected,
    )
  })
}
