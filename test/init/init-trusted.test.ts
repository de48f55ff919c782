/** What is said of a database before it is trusted: by `init`, and by `agent-isolate trust`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { listTrusted } from '../../init/describe-plan.ts'
import { parseConfig } from '../../lib/project/config.ts'
import { cliJson, runCli } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'

const container = {
  provider: 'postgres-docker',
  image: 'postgis/postgis:17-3.5',
  runArgs: ['--memory=1g', '--volume=/:/host'],
  seed: 'db',
  seedCommand: 'npm run seed\r\u001b[2K',
}

const table: [database: unknown, lines: string[]][] = [
  [{ provider: 'none' }, []],
  [{ provider: 'sqlite', seed: 'seed.db' }, []],
  [{ provider: 'sqlite', seed: 'seed.sql' }, ['database seed: seed.sql']],
  [{ provider: 'postgres-docker' }, ['database container: postgres:16-alpine']],
  [
    container,
    [
      'database container: postgis/postgis:17-3.5',
      'arguments of docker run: --memory=1g --volume=/:/host',
      'database seed: db',
      'database seed command: npm run seed\\u{d}\\u{1b}[2K',
    ],
  ],
  [
    { provider: 'postgres-server', url: 'postgresql://u:secret@db.example.com/shop' },
    ['database server: postgresql://u:***@db.example.com/shop'],
  ],
]

for (const [database, lines] of table) {
  test(`init tells of ${JSON.stringify(database)} what will be used here`, () => {
    assert.deepEqual(listTrusted(parseConfig(JSON.stringify({ database }), '')), lines)
  })
}

test('trust prints image, arguments, every seed file and the command; JSON has the same', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', {
    'agent-isolate.json': JSON.stringify({ database: container }),
    'db/2.sql': '',
    'db/1.sql': '',
    'db/notes.md': '',
  })
  const { code, stdout } = await runCli(sandbox, root, ['trust'])
  assert.equal(code, 0)
  assert.match(
    stdout,
    /\n {2}database container:\n {4}postgis\/postgis:17-3\.5\n {2}arguments of docker run:\n {4}--memory=1g --volume=\/:\/host\n/,
  )
  assert.match(
    stdout,
    /\n {2}database seed, SQL that is run:\n {4}db\n {6}db\/1\.sql\n {6}db\/2\.sql\n {2}database seed command:\n {4}npm run seed\\u\{d\}\\u\{1b\}\[2K\n/,
  )
  const json = await cliJson(sandbox, root, 'trust')
  assert.ok(typeof json === 'object' && json !== null && 'database' in json)
  assert.deepEqual(json.database, [
    { what: 'database container', text: container.image },
    { what: 'arguments of docker run', text: '--memory=1g --volume=/:/host' },
    { what: 'database seed', text: 'db' },
    { what: 'database seed command', text: container.seedCommand },
  ])
})

test('a seed that cannot be shown is not trusted', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', { 'agent-isolate.json': JSON.stringify({ database: container }) })
  const { code, stderr } = await runCli(sandbox, root, ['trust'])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`the database seed ${join(root, 'db')} does not exist`))
  const doctor = await runCli(sandbox, root, ['doctor', '--json'])
  assert.match(doctor.stdout, /"database\.untrusted"/)
})
