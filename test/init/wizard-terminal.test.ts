/**
 * The wizard as a person has it before them, in 80 columns. What the default answers look like from the first question to
 * the last line is kept in wizard-transcript.txt; UPDATE_TRANSCRIPT=1 writes it anew.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { snapshotFolder } from '../support/snapshot-folder.ts'
import { requireTmux, startTerminal, type Terminal } from '../support/terminal.ts'
import { writeTinyDatabase } from '../support/tiny-database.ts'

const transcriptFile = join(import.meta.dirname, 'wizard-transcript.txt')
const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

/** The questions in their order, each told by its first words. */
const questions = {
  scope: 'Who is it for?',
  database: 'A database for each worktree?',
  path: 'Where in the repository is that file?',
  seed: 'What is it filled from?',
  ports: 'Ports beside PORT',
  nodeModules: 'How does a worktree get its node_modules?',
  exclude: 'What is the agent not to read?',
  setup: 'Run in a new worktree?',
  another: 'And then?',
  confirm: 'Write these changes?',
  trial: 'Try it now?',
} as const

test('Enter to every question writes the defaults; the screens are those of the transcript', async (t) => {
  if (!requireTmux(t)) return
  const { sandbox, root, terminal } = startWizard(t)
  const screens: string[] = []
  for (const question of Object.values(questions)) {
    screens.push(activePart(await reach(terminal, question)))
    // Prisma is not installed.
    if (question === questions.trial) terminal.press('Right')
    terminal.press('Enter')
  }
  const { code, text } = await terminal.end()
  assert.equal(code, 0, text)
  assert.ok(text.split('\n').every((line) => line.length <= 80))
  const transcript = normalise([...screens, text].join(`\n\n${'='.repeat(80)}\n`), sandbox)
  if (process.env['UPDATE_TRANSCRIPT']) writeFileSync(transcriptFile, transcript)
  assert.equal(transcript, readFileSync(transcriptFile, 'utf8'))
  assert.ok(existsSync(join(root, '.claude/settings.json')))
  assert.deepEqual(readConfig(root), {
    $schema: 'https://unpkg.com/agent-isolate/agent-isolate.schema.json',
    database: { path: 'prisma/dev.db' },
    setup: ['npx prisma db push'],
  })
})

test('other answers are written; a wrong one is refused where it is typed', async (t) => {
  if (!requireTmux(t)) return
  const { root, terminal } = startWizard(t, '--scope', 'local', '--node-modules', 'clone', '--exclude', 'none')
  await reach(terminal, questions.database)
  terminal.press('Enter')
  await reach(terminal, questions.path)
  terminal.press('C-u')
  terminal.type('/tmp/dev.db')
  terminal.press('Enter')
  await terminal.waitFor(/must be a relative path inside the repository/)
  terminal.press('C-u')
  terminal.type('data/shop.db')
  terminal.press('Enter')
  await reach(terminal, questions.seed)
  terminal.press('Enter')
  await reach(terminal, questions.ports)
  terminal.type('api admin')
  terminal.press('Enter')
  await reach(terminal, questions.setup)
  terminal.press('C-u', 'Enter')
  await reach(terminal, 'Run anything in a new worktree?')
  terminal.type('echo ready')
  terminal.press('Enter')
  await reach(terminal, questions.another)
  terminal.press('Enter')
  const screen = await reach(terminal, questions.confirm)
  assert.match(screen, /allowed to run this here:\n│ {4}set-up: echo ready\n/)
  assert.doesNotMatch(screen, /Who is it for|node_modules\?|not to read/, 'what an option answered is not asked')
  terminal.press('Enter')
  await reach(terminal, questions.trial)
  terminal.press('Enter')
  const { code, text } = await terminal.end()
  assert.equal(code, 0, text)
  assert.match(text, /tried: a worktree was made, set up and removed/)
  assert.ok(existsSync(join(root, '.claude/settings.local.json')))
  assert.deepEqual(readConfig(root), {
    $schema: 'https://unpkg.com/agent-isolate/agent-isolate.schema.json',
    database: { path: 'data/shop.db' },
    ports: { names: ['api', 'admin'] },
    dependencies: { node_modules: 'clone' },
    setup: ['echo ready'],
  })
})

for (const [key, name] of [
  ['Escape', 'Esc'],
  ['C-c', 'Ctrl-C'],
  ['C-d', 'Ctrl-D'],
] as const) {
  test(`${name} in the middle leaves everything as it was`, async (t) => {
    if (!requireTmux(t)) return
    const { sandbox, root, terminal } = startWizard(t)
    const before = snapshotFolder(root)
    for (const question of [questions.scope, questions.database]) {
      await reach(terminal, question)
      terminal.press('Enter')
    }
    await reach(terminal, questions.path)
    terminal.press(key)
    await requireNothingChanged(terminal, { sandbox, root, before })
  })
}

test('"No" to the last question leaves everything as it was', async (t) => {
  if (!requireTmux(t)) return
  const long = `make ${'ready-'.repeat(20)}`
  const { sandbox, root, terminal } = startWizard(t, ...allOptions.slice(0, -1), long)
  const before = snapshotFolder(root)
  const screen = await reach(terminal, questions.confirm)
  assert.match(
    screen,
    /set-up: make (?:ready-)+[^\n]*\n│ [^\n]*ready-\n│\n/,
    'what is too long has the guide at its left',
  )
  terminal.press('Right', 'Enter')
  await requireNothingChanged(terminal, { sandbox, root, before })
})

test('a second time the wizard has the earlier answers filled in, and nothing to change', async (t) => {
  if (!requireTmux(t)) return
  const sandbox = createSandbox(t)
  const root = createShop(sandbox)
  sandbox.cli(root, 'init', '--yes', '--scope', 'local', '--ports', 'api', '--setup', 'make')
  const before = snapshotFolder(root)
  const terminal = startTerminal(t, sandbox, { cwd: root, command: [process.execPath, program, 'init'] })
  const { confirm: _, trial: __, ...asked } = questions
  for (const question of Object.values(asked)) {
    await reach(terminal, question)
    terminal.press('Enter')
  }
  const { code, text } = await terminal.end()
  assert.equal(code, 0)
  assert.match(text, /Nothing to change\. Next: npx agent-isolate doctor, then claude -w NAME$/)
  assert.deepEqual(snapshotFolder(root), before)
})

test('it is coloured, unless NO_COLOR is set', async (t) => {
  if (!requireTmux(t)) return
  for (const [value, isColored] of [
    ['', true],
    ['1', false],
  ] as const) {
    const sandbox = createSandbox(t)
    const command = [process.execPath, program, 'init', ...allOptions]
    const terminal = startTerminal(t, sandbox, { cwd: createShop(sandbox), command, env: { NO_COLOR: value } })
    await reach(terminal, questions.confirm)
    assert.equal(terminal.isColored(), isColored)
  }
})

test('uninstall shows what goes, and asks', async (t) => {
  if (!requireTmux(t)) return
  const sandbox = createSandbox(t)
  const root = createShop(sandbox)
  const before = snapshotFolder(root)
  sandbox.cli(root, 'init', '--yes')
  const terminal = startTerminal(t, sandbox, { cwd: root, command: [process.execPath, program, 'uninstall'] })
  const screen = await terminal.waitFor(/Take this out\?/)
  assert.match(screen, /^deleted \.claude\/settings\.json$/m)
  terminal.press('Enter')
  const { code, text } = await terminal.end()
  assert.equal(code, 0, text)
  assert.deepEqual(snapshotFolder(root), before)
})

const allOptions = '--scope project --database none --ports none --node-modules auto --exclude none --setup none'.split(
  ' ',
)

function startWizard(t: TestContext, ...args: string[]): { sandbox: Sandbox; root: string; terminal: Terminal } {
  const sandbox = createSandbox(t)
  const root = createShop(sandbox)
  const command = [process.execPath, program, 'init', ...args]
  return { sandbox, root, terminal: startTerminal(t, sandbox, { cwd: root, command }) }
}

/** A Vite application with Prisma on a SQLite file, which git ignores. */
function createShop(sandbox: Sandbox): string {
  const manifest = {
    scripts: { dev: 'vite' },
    dependencies: { '@prisma/client': '7.0.0' },
    devDependencies: { vite: '8.0.0' },
  }
  const root = sandbox.repository('home/shop', {
    'package.json': JSON.stringify(manifest),
    'package-lock.json': '{}',
    'prisma/schema.prisma': 'datasource db {\n  provider = "sqlite"\n  url = env("DATABASE_URL")\n}\n',
    '.gitignore': 'node_modules/\n.env\n*.db\n',
  })
  sandbox.write('home/shop/.env', 'DATABASE_URL="file:./dev.db"\n')
  writeTinyDatabase(join(root, 'prisma/dev.db'))
  return root
}

/** Waits until that question is the one that is asked: clack marks it with a filled diamond. */
function reach(terminal: Terminal, question: string): Promise<string> {
  return terminal.waitFor(new RegExp(`^◆ {2}${question.replaceAll(/[?.]/g, '\\$&')}`, 'm'))
}

/** The question that is asked, with its answers. */
function activePart(screen: string): string {
  return screen.slice(screen.lastIndexOf('◆'))
}

/** Without what differs from machine to machine, and from one version to the next. */
function normalise(text: string, { folder }: Sandbox): string {
  return `${text
    .replaceAll(folder, '/home/me')
    .replaceAll(/agent-isolate \d+\.\d+\.\d+/g, 'agent-isolate VERSION')
    .replaceAll(/\(\d+ files, \d+ kB\)/g, '(N files)')}\n`
}

function readConfig(root: string): unknown {
  return JSON.parse(readFileSync(join(root, 'agent-isolate.json'), 'utf8'))
}

async function requireNothingChanged(
  terminal: Terminal,
  { sandbox, root, before }: { sandbox: Sandbox; root: string; before: Record<string, string> },
): Promise<void> {
  const { code, text } = await terminal.end()
  assert.equal(code, 130)
  assert.match(text, /└ {2}Nothing was changed\.$/)
  assert.deepEqual(snapshotFolder(root), before)
  assert.equal(existsSync(join(sandbox.folder, 'state')), false)
}
