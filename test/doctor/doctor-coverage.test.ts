/** What the doctor claims goes no further than what it read; what it names is there; what it advises is not said twice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findSharedDatabases } from '../../doctor/database-rules.ts'
import { findRailsDatabases } from '../../doctor/rails-databases.ts'
import { runCli } from '../support/cli.ts'
import { createSandbox } from '../support/sandbox.ts'

type Answer = {
  findings: { id: string; check: string; severity: string; message: string; fix: string | null; file: string | null }[]
  read: { kind: string; files: number }[]
  notRead: { kind: string; files: number }[]
  skipped: number
}

const compose = `services:
  web: { ports: ["\${WEB_FORWARD:-127.0.0.1:8000}:8000"] }
  db: { ports: ["5432:5432"] }
  cache: { ports: ["6379:6379"] }
  mail: { ports: ["1025:1025"] }
`

test('doctor tells what it read and what it did not, names no file that is not there, and says one advice once', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', {
    'package.json': '{"devDependencies": {"vite": "8.0.0"}, "scripts": {"dev": "vite --strictPort"}}\n',
    'src/main.ts': "export const api = 'http://localhost:8000'\n",
    'src/Help.tsx': 'export const Help = () => <code>http://localhost:2375</code>\n',
    'test/fixtures/a.ts': "fetch('http://localhost:9999')\n",
    '.devcontainer/start.sh': 'vite --port 9998\n',
    Dockerfile: 'FROM node\nENV PORT=3000\nEXPOSE 3000\n',
    'compose.yaml': compose,
    'ios/App.swift': 'let port = 3000\n',
    'big.ts': `export const x = "${'x'.repeat(3000)}:3000"\n`,
    'README.md': 'http://localhost:3000\n',
  })
  const { stdout } = await runCli(sandbox, root, ['doctor', '--json'])
  const { findings, read, notRead, skipped }: Answer = JSON.parse(stdout)
  assert.deepEqual(read.slice(0, 2), [
    { kind: '.ts', files: 2 },
    { kind: '.tsx', files: 1 },
  ])
  assert.ok(read.some(({ kind, files }) => kind === 'compose file' && files === 1))
  assert.deepEqual([notRead, skipped], [[{ kind: '.swift', files: 1 }], 1])
  const ofPorts = findings.filter(({ check, severity }) => check === 'ports' && severity !== 'ok')
  assert.deepEqual(
    ofPorts.map(({ id, file }) => `${id} ${file}`),
    [...Array.from({ length: 4 }, () => 'ports.compose compose.yaml'), 'ports.address src/main.ts'],
  )
  assert.match(
    ofPorts.at(-1)?.fix ?? '',
    /import\.meta\.env\.VITE_PORT \?\? 8000\}`\nand in .*: VITE_PORT=\$AGENT_DYNAMIC_PORT$/,
  )
  assert.match(findings.find(({ id }) => id === 'ports.inside')?.message ?? '', /no clash: Dockerfile 3000/)
  const framework = findings.find(({ id }) => id === 'frameworks.port')
  assert.deepEqual([framework?.file, framework?.fix?.startsWith('make vite.config.ts: export default {')], [null, true])

  const text = (await runCli(sandbox, root, ['doctor'])).stdout
  assert.equal(
    text.match(/"compose": \{ "ports": \{ "web": 8000, "db": 5432, "cache": 6379, "mail": 1025 \} \}/g)?.length,
    1,
  )
  assert.doesNotMatch(text, /or here/)
  assert.match(
    text,
    /\nread: 2 \.ts, 1 \.tsx, 1 Dockerfile, 1 compose file, 1 package\.json;\s+not read: 1 \.swift; passed over: 1 file too large or generated\n$/,
  )
})

const look = (path: string, line: string) =>
  findSharedDatabases({ path, kind: path === 'Dockerfile' ? 'inside' : 'script', code: [line] }).length

test('a database of a form, of a fixture or of a container is none; Rails’ config/database.yml names one', () => {
  const url = 'postgresql://u:p@localhost:5432/app'
  assert.equal(look('a.ts', `connect('${url}')`), 1)
  assert.equal(look('a.tsx', `<input placeholder="${url}" />`), 0)
  assert.equal(look('a.ts', "x = 'postgresql://user:password@host:5432/db'"), 0)
  assert.equal(look('test/fixtures/a.ts', `connect('${url}')`), 0)
  assert.equal(look('Dockerfile', `ENV DATABASE_URL=${url}`), 0)
  const yml = `default: &default
  adapter: postgresql
development:
  <<: *default
  database: shop_development
test:
  database: <%= ENV.fetch("TEST_DB") { "shop_test" } %>
production:
  database: shop
`.split('\n')
  assert.deepEqual(
    findRailsDatabases(yml, new Set()).map(({ line, fix }) => [line, fix]),
    [[5, 'under "development:" of config/database.yml: url: <%= ENV["DATABASE_URL"] %>']],
  )
  assert.deepEqual(findRailsDatabases(yml, new Set(['DATABASE_URL'])), [])
  assert.deepEqual(
    findRailsDatabases(['  adapter: sqlite3', 'test:', '  database: storage/test.sqlite3'], new Set()),
    [],
  )
})
