/** `init` and `uninstall` on whole repositories: what is planned is carried out, and what was there before comes back. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Answers, InitPlace } from '../../init/answers.ts'
import { applyPlan } from '../../init/apply.ts'
import { detectRepository } from '../../detect/detect.ts'
import { findOwnHandlers, hookEvents } from '../../init/hook-handlers.ts'
import { preferInstalled } from '../../init/installed-answers.ts'
import type { InitPlan, PlanOptions } from '../../init/file-change.ts'
import { planInit } from '../../init/plan.ts'
import { planUninstall } from '../../init/uninstall.ts'
import { parseConfig } from '../../lib/project/config.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { settingsShapes } from '../support/settings-shapes.ts'

const defaults: Answers = {
  scope: 'project',
  delivery: 'program',
  database: { provider: 'sqlite', path: '.agent-isolate/dev.db', seed: undefined, hasTest: false },
  portNames: [],
  dependencies: { node_modules: 'auto', '.venv': 'auto' },
  excludePatterns: ['**/node_modules/**', '**/dist/**', '**/package-lock.json'],
  setup: [],
  toolIgnores: true,
}

const packageJson = '{ "name": "sample", "dependencies": { "express": "5" } }\n'

for (const scope of ['project', 'local', 'user'] as const) {
  test(`scope ${scope}: init, init again, uninstall, and every byte is as it was`, async (t) => {
    const { place, init, uninstall } = prepare(createSandbox(t), { 'package.json': packageJson, '.gitignore': 'dist' })
    const before = snapshot(place)
    const plan = await init({ ...defaults, scope })
    assert.ok(!plan.isEmpty)
    const after = snapshot(place)
    assert.ok((await init({ ...defaults, scope })).isEmpty)
    assert.deepEqual(snapshot(place), after)
    await uninstall()
    assert.deepEqual(snapshot(place), before)
    assert.ok((await uninstall()).isEmpty)
  })
}

test('settings of every shape come back byte for byte', async (t) => {
  const sandbox = createSandbox(t)
  for (const [index, [shape, text]] of Object.entries(settingsShapes).entries()) {
    const { place, init, uninstall } = prepare(sandbox, { '.claude/settings.json': text }, `repo-${index}`)
    const before = snapshot(place)
    await init(defaults)
    assert.ok((await init(defaults)).isEmpty, shape)
    await uninstall()
    assert.deepEqual(snapshot(place), before, shape)
  }
})

test('the four hooks are registered, and each command starts the copied program from a folder with spaces', async (t) => {
  const sandbox = createSandbox(t)
  const { place, init } = prepare(sandbox, { 'package.json': packageJson }, 'my "odd" repo')
  await init(defaults)
  const { hooks } = readSettings(place.root)
  for (const event of hookEvents) assert.equal(findOwnHandlers(hooks[event], event).length, 1)
  assert.equal(
    JSON.stringify(hooks['WorktreeCreate']),
    JSON.stringify([
      {
        hooks: [
          { type: 'command', command: '/bin/sh "$CLAUDE_PROJECT_DIR/.claude/agent-isolate/run" worktree-create' },
        ],
      },
    ]),
  )
})

test('git carries all of a project copy, even where it ignores lib/ and code, and nothing of a local one', async (t) => {
  const sandbox = createSandbox(t)
  const { place, init } = prepare(sandbox, { '.gitignore': 'lib/\n*.js\n*.ts\n' })
  const untracked = (): string[] =>
    sandbox.git(place.root, 'ls-files', '--others', '--exclude-standard', '.claude').split('\n')
  for (const delivery of ['program', 'source'] as const) {
    await init({ ...defaults, delivery })
    const files = new Set(untracked())
    const sources = delivery === 'source' ? ['hooks/worktree-create.ts', 'lib/ledger/ports.ts'] : []
    for (const path of ['agent-isolate', 'run', 'manifest', ...sources]) {
      assert.ok(files.has(`.claude/agent-isolate/${path}`), path)
    }
  }
  await init({ ...defaults, scope: 'local' })
  assert.deepEqual(untracked(), [''])
})

test('another scope in the same repository moves the hooks', async (t) => {
  const { place, init, uninstall } = prepare(createSandbox(t), { '.claude/settings.json': '{"model":"opus"}' })
  const before = snapshot(place)
  await init(defaults)
  await init({ ...defaults, scope: 'local' })
  assert.equal(readFileSync(join(place.root, '.claude/settings.json'), 'utf8'), '{"model":"opus"}')
  assert.ok(existsSync(join(place.root, '.claude/settings.local.json')))
  await uninstall()
  assert.deepEqual(snapshot(place), before)
})

test('agent-isolate.json says what differs from the defaults, follows the answers, and goes with them', async (t) => {
  const { place, init, uninstall } = prepare(createSandbox(t), {})
  const path = join(place.root, 'agent-isolate.json')
  await init({ ...defaults, portNames: ['api'], setup: ['make'], database: { provider: 'none' } })
  const text = readFileSync(path, 'utf8')
  assert.deepEqual(Object.keys(JSON.parse(text)), ['$schema', 'database', 'ports', 'setup'])
  assert.deepEqual(parseConfig(text, path).ports.names, ['api'])
  const plan = await init({ ...defaults, portNames: ['api', 'web'], setup: ['make'], database: { provider: 'none' } })
  const changed = plan.changes.filter(({ isBundled }) => !isBundled).map((change) => change.path)
  assert.deepEqual(changed.toSorted(), [join(place.root, '.env.agent.template'), path])
  await init(defaults)
  assert.ok(!existsSync(path))
  await uninstall()
})

test('an agent-isolate.json of the user keeps its keys and layout, and comes back', async (t) => {
  const original =
    '{\n\t"sync": {"fetch": "never"},\n\t"ports": {"names": ["api"]},\n\t"database": {"provider": "none"}\n}'
  const { place, init, uninstall } = prepare(createSandbox(t), { 'agent-isolate.json': original })
  const path = join(place.root, 'agent-isolate.json')
  await init({ ...defaults, portNames: ['api', 'web'], setup: ['make'] })
  assert.equal(
    readFileSync(path, 'utf8'),
    '{\n\t"sync": {"fetch": "never"},\n\t"ports": {"names": [ "api", "web" ]},\n\t"setup": ["make"]\n}',
  )
  await uninstall()
  assert.equal(readFileSync(path, 'utf8'), original)
})

const container = {
  provider: 'postgres-docker',
  isolation: 'database',
  image: 'postgis/postgis:17-3.5',
  seed: undefined,
  hasTest: true,
} as const

const writtenContainer = {
  provider: 'postgres-docker',
  isolation: 'database',
  image: 'postgis/postgis:17-3.5',
  test: true,
}

test('a PostgreSQL database is written down as it differs from the defaults, and its settings from elsewhere stay', async (t) => {
  const { place, init, uninstall } = prepare(createSandbox(t), {})
  const path = join(place.root, 'agent-isolate.json')
  const database = (): unknown => JSON.parse(readFileSync(path, 'utf8')).database
  const before = snapshot(place)
  await init({ ...defaults, database: container })
  assert.deepEqual(database(), writtenContainer)
  await init({ ...defaults, database: { provider: 'postgres-server', url: '$DATABASE_URL', hasTest: false } })
  assert.deepEqual(database(), { provider: 'postgres-server', url: '$DATABASE_URL' })
  await init({
    ...defaults,
    database: { ...container, isolation: 'container', image: 'postgres:16-alpine', hasTest: false },
  })
  assert.deepEqual(database(), { provider: 'postgres-docker' })
  await uninstall()
  assert.deepEqual(snapshot(place), before)
})

for (const [name, text] of Object.entries({
  'a container': `{
  "database": {"provider":"postgres-docker", "isolation": "container", "image": "postgres:15",
     "name": "shop", "user": "shop", "runArgs": [ "--memory=1g" ], "storage": "volume", "seed": "db/seed",
     "seedCommand": "npm run seed", "startTimeoutSeconds": 90, "test": true }
}`,
  'a server': `{"database": {"provider": "postgres-server", "url": "postgresql://\${PGUSER}:$PGPASSWORD@db/shop",
  "template": "shop_template","maintenance":"template1"},
  "compose": { "ports": { "redis": [6379] } } }`,
})) {
  test(`all that was configured for ${name} survives a second init, byte for byte, and so it does "none" for a while`, async (t) => {
    const { place, init } = prepare(createSandbox(t), { 'agent-isolate.json': text })
    const path = join(place.root, 'agent-isolate.json')
    const installed = preferInstalled(defaults, place)
    await init(installed)
    assert.equal(readFileSync(path, 'utf8'), text)
    await init({ ...installed, database: { provider: 'none' } })
    assert.equal(parseConfig(readFileSync(path, 'utf8'), path).database.provider, 'none')
    await init(installed)
    assert.equal(readFileSync(path, 'utf8'), text)
    await init({ ...installed, database: { ...defaults.database } })
    assert.equal(parseConfig(readFileSync(path, 'utf8'), path).database.provider, 'sqlite')
  })
}

test('a SQLite file’s path and seed go where a container comes', async (t) => {
  const original = '{"database": {"path": "a.db", "seed": "b.db", "test": true}}'
  const { place, init } = prepare(createSandbox(t), { 'agent-isolate.json': original })
  const path = join(place.root, 'agent-isolate.json')
  await init({ ...defaults, database: container })
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')).database, writtenContainer)
})

const isAdvised = ({ notes }: InitPlan): boolean =>
  notes.some((note) => note.startsWith('This project is on PostgreSQL'))

test('a project on PostgreSQL whose database is left alone is told how to change that', async (t) => {
  const { init } = prepare(createSandbox(t), { 'compose.yaml': 'services:\n  db:\n    image: postgres:16\n' })
  assert.ok(isAdvised(await init({ ...defaults, database: { provider: 'none' } })))
  assert.ok(!isAdvised(await init({ ...defaults, database: container })))
})

test('an existing template is never overwritten; what it lacks is said', async (t) => {
  const template = 'APP_PORT=$AGENT_DYNAMIC_PORT\nDATABASE_URL="$AGENT_DATABASE_URL"\n'
  const { place, init } = prepare(createSandbox(t), { '.env.agent.template': template })
  const plan = await init(defaults)
  assert.equal(readFileSync(join(place.root, '.env.agent.template'), 'utf8'), template)
  assert.ok(
    plan.notes.some((note) => note.endsWith('does not set:\n  PORT=$AGENT_DYNAMIC_PORT')),
    plan.notes.join('\n'),
  )
})

test('uninstall leaves what has been edited, and says so', async (t) => {
  const { place, init, uninstall } = prepare(createSandbox(t), {})
  await init({ ...defaults, delivery: 'source', setup: ['make'] })
  const edited = {
    '.env.agent.template': '\n',
    'agent-isolate.json': '{"setup": ["make all"]}',
    '.claude/agent-isolate/lib/ledger/ports.ts': '// mine\n',
  }
  for (const [path, text] of Object.entries(edited)) {
    if (path.endsWith('.json')) writeFileSync(join(place.root, path), text)
    else appendFileSync(join(place.root, path), text)
  }
  appendFileSync(join(place.root, '.gitignore'), '*.log\n')
  const plan = await uninstall()
  for (const path of Object.keys(edited)) {
    assert.ok(existsSync(join(place.root, path)), path)
    assert.ok(
      plan.notes.some((note) => note.includes(path)),
      path,
    )
  }
  assert.equal(readFileSync(join(place.root, '.gitignore'), 'utf8'), '*.log\n')
  assert.deepEqual(readdirSync(join(place.root, '.claude/agent-isolate')), ['lib'])
})

test('a later version updates untouched copies, removes outdated ones, and keeps edited ones unless told otherwise', async (t) => {
  const { place, init } = prepare(createSandbox(t), {})
  const folder = join(place.root, '.claude/agent-isolate')
  const sources: Answers = { ...defaults, delivery: 'source' }
  await init(sources)
  const current = snapshot(place)
  pretendOlder(folder, { 'lib/ledger/ports.ts': 'older\n', 'lib/gone.ts': 'older\n', 'agent-isolate': 'older\n' })
  appendFileSync(join(folder, 'lib/ledger/lease.ts'), '// mine\n')
  const plan = await init(sources)
  assert.deepEqual(plan.conflicts, [join(folder, 'lib/ledger/lease.ts')])
  assert.match(readFileSync(join(folder, 'lib/ledger/lease.ts'), 'utf8'), /\/\/ mine\n$/)
  assert.ok(!existsSync(join(folder, 'lib/gone.ts')))
  assert.ok((await init(sources)).isEmpty)
  await init(sources, { edited: 'overwrite' })
  assert.deepEqual(snapshot(place), current)
})

test('a copy whose compiled program was deleted, to run the sources, is left so', async (t) => {
  const { place, init } = prepare(createSandbox(t), {})
  const sources: Answers = { ...defaults, delivery: 'source' }
  await init(sources)
  const compiled = join(place.root, '.claude/agent-isolate/agent-isolate')
  rmSync(compiled)
  const plan = await init(sources)
  assert.deepEqual([plan.isEmpty, plan.conflicts], [true, [compiled]])
  await init(sources, { edited: 'overwrite' })
  assert.ok(existsSync(compiled))
})

test('symlinked settings are written through, and stay links', async (t) => {
  const { place, init, uninstall } = prepare(createSandbox(t), { 'dotfiles/claude.json': '{\n  "model": "opus"\n}\n' })
  mkdirSync(join(place.root, '.claude'))
  symlinkSync('../dotfiles/claude.json', join(place.root, '.claude/settings.json'))
  const before = snapshot(place)
  await init(defaults)
  assert.ok(lstatSync(join(place.root, '.claude/settings.json')).isSymbolicLink())
  assert.match(readFileSync(join(place.root, 'dotfiles/claude.json'), 'utf8'), /worktree-create/)
  await uninstall()
  assert.deepEqual(snapshot(place), before)
})

const faultyFiles: Readonly<Record<string, [files: Record<string, string>, message: RegExp]>> = {
  'settings that are broken': [{ '.claude/settings.json': '{' }, /settings\.json is not JSON/],
  'settings that are an array': [{ '.claude/settings.json': '[]' }, /settings\.json holds no object/],
  'settings with comments': [{ '.claude/settings.json': '// a\n{}' }, /settings\.json has a comment/],
  'settings that are a folder': [{ '.claude/settings.json/x': '' }, /settings\.json cannot be read/],
  'a file for .claude': [{ '.claude': '' }, /\.claude/],
  'a broken agent-isolate.json': [{ 'agent-isolate.json': '{"ports": 3}' }, /"ports" must be an object/],
  'agent-isolate.json with comments': [{ 'agent-isolate.json': '{/**/}' }, /agent-isolate\.json has a comment/],
  'a damaged manifest': [{ '.claude/agent-isolate/manifest.json': '{"files": []}' }, /manifest\.json is damaged/],
  'a manifest that leads out': [
    { '.claude/agent-isolate/manifest.json': '{"version":"1","files":{"../../x":""}}' },
    /manifest\.json is damaged/,
  ],
}

for (const [name, [files, message]] of Object.entries(faultyFiles)) {
  test(`${name}: an error that names the file, and nothing is changed`, async (t) => {
    const { place, init } = prepare(createSandbox(t), files)
    const before = snapshot(place)
    await assert.rejects(init(defaults), (error) => error instanceof IsolateError && message.test(error.message))
    assert.deepEqual(snapshot(place), before)
  })
}

test('without a repository only the user scope is possible, and that without HOME is an error', async (t) => {
  const sandbox = createSandbox(t)
  const { place } = prepare(sandbox, {})
  const detection = await detectRepository(place.root)
  const plain = { ...place, root: join(sandbox.folder, 'plain') }
  mkdirSync(plain.root)
  await assert.rejects(planInit(plain, defaults, detection), /not in a git repository/)
  const plan = await planInit(plain, { ...defaults, scope: 'user' }, detection)
  assert.ok(plan.changes.every(({ path }) => path.startsWith(join(sandbox.folder, 'home'))))
  const homeless = { ...place, home: undefined }
  await assert.rejects(planInit(homeless, { ...defaults, scope: 'user' }, detection), /HOME is not set/)
  assert.ok(!(await planInit(homeless, defaults, detection)).isEmpty)
})

test('a repository whose .claude is ignored is told that others do not get the hooks', async (t) => {
  const { init } = prepare(createSandbox(t), { '.gitignore': '.claude/\n' })
  const { notes } = await init(defaults)
  assert.ok(notes.some((note) => note.startsWith('git ignores .claude/settings.json and .claude/agent-isolate/: ')))
  assert.ok(notes.some((note) => note.startsWith('Claude Code ignores agentConfiguration.excludePatterns.')))
})

type Prepared = {
  place: InitPlace
  init: (answers: Answers, options?: PlanOptions) => Promise<InitPlan>
  uninstall: () => Promise<InitPlan>
}

/** `init` and `uninstall` plan and carry out. */
function prepare(sandbox: Sandbox, files: Record<string, string>, name = 'repo'): Prepared {
  const root = sandbox.repository(name, { 'README.md': '# sample\n', ...files })
  const place = { root, home: join(sandbox.folder, 'home') }
  return {
    place,
    init: async (answers, options) => {
      const plan = await planInit(place, answers, await detectRepository(root), options)
      applyPlan(plan)
      return plan
    },
    uninstall: async () => {
      const plan = await planUninstall(place)
      applyPlan(plan)
      return plan
    },
  }
}

/** Every file below root and home with its mode and content, and every folder. */
function snapshot({ root, home = root }: InitPlace): string[] {
  return [root, home].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => !/^\.git(\/|$)/.test(path))
      .toSorted()
      .map((path) => describe(join(folder, path))),
  )
}

function describe(path: string): string {
  const status = lstatSync(path)
  if (status.isSymbolicLink()) return `${path} -> ${readlinkSync(path)}`
  return `${path} ${status.mode.toString(8)} ${status.isFile() ? readFileSync(path, 'utf8') : ''}`
}

function readSettings(root: string): { hooks: Record<string, unknown> } {
  return JSON.parse(readFileSync(join(root, '.claude/settings.json'), 'utf8'))
}

/** Rewrites the copy as another version would have left it. */
function pretendOlder(folder: string, files: Record<string, string>): void {
  const path = join(folder, 'manifest')
  let manifest = readFileSync(path, 'utf8').replace(/"version": "[^"]+"/, '"version": "0.0.1"')
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text)
    const hash = createHash('sha256').update(text).digest('hex')
    const entry = `"${name}": "`
    manifest = manifest.includes(entry)
      ? manifest.replace(new RegExp(`${entry}[^"]+`), `${entry}${hash}`)
      : manifest.replace('"files": {', `"files": {\n    ${entry}${hash}",`)
  }
  writeFileSync(`${path}.new`, manifest)
  renameSync(`${path}.new`, path)
}
