import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cliAnswer, cliJson, runCli } from '../support/cli.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

test('create prints the path alone, and the same name opens the same worktree again', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const made = await runCli(sandbox, repository, ['create', 'fix/login', '--timings'])
  const path = join(repository, '.claude/worktrees/fix+login')
  assert.deepEqual([made.code, made.stdout], [0, `${path}\n`])
  assert.match(made.stderr, /^git worktree add +\d+\.\d ms$/m)

  const again = await cliJson(sandbox, path, 'create', 'fix/login')
  const { ports, ...rest } = requireRecord(again)
  assert.deepEqual(rest, {
    name: 'fix/login',
    path,
    branch: 'worktree-fix+login',
    database: {
      url: `file:${join(path, '.agent-isolate/dev.db')}`,
      path: join(path, '.agent-isolate/dev.db'),
    },
    testDatabase: null,
    services: [],
    reopened: true,
  })
  const port = requireRecord(ports)['app']
  assert.ok(typeof port === 'number' && port >= 20_000 && port < 30_000 && port % 10 === 0)
})

test('a hostile name changes nothing', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const { code, stdout, stderr } = await runCli(sandbox, repository, ['create', '../x'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /not a usable worktree name/)
  assert.equal(sandbox.git(repository, 'worktree', 'list').split('\n').length, 1)
})

test('list shows this repository, --all and a folder outside show all of them', async (t) => {
  const sandbox = createSandbox(t)
  const [one, two] = [sandbox.repository('one'), sandbox.repository('two')]
  await cliAnswer(sandbox, one, 'create', 'x')
  await cliAnswer(sandbox, two, 'create', 'y')
  const [here, all, outside, json, colored] = await Promise.all([
    cliAnswer(sandbox, join(one, '.claude/worktrees/x'), 'list'),
    cliAnswer(sandbox, one, 'list', '--all'),
    cliAnswer(sandbox, sandbox.folder, 'list'),
    cliJson(sandbox, one, 'list'),
    runCli(sandbox, one, ['list'], { NO_COLOR: '', FORCE_COLOR: '1' }),
  ])
  assert.match(
    here,
    /^NAME +BRANCH +PORTS +DATABASE +AGE +STATE\nx +worktree-x +app 2\d{3}0 +\.agent-isolate\/dev\.db +\d+ s +ready$/,
  )
  for (const text of [all, outside]) {
    assert.match(text, new RegExp(`^${one}\nNAME.*\nx .*\n\n${two}\nNAME.*\ny .*$`))
  }
  assert.ok(Array.isArray(json) && json.length === 1)
  const { createdAt, ports: _, ...entry } = requireRecord(json[0])
  assert.ok(typeof createdAt === 'string' && Date.parse(createdAt) <= Date.now())
  const path = join(one, '.claude/worktrees/x')
  const database = join(path, '.agent-isolate/dev.db')
  assert.deepEqual(entry, {
    name: 'x',
    path,
    branch: 'worktree-x',
    database: { url: `file:${database}`, path: database, bytes: null },
    testDatabase: null,
    services: [],
    repository: one,
    state: 'ready',
    advice: null,
    listeners: [],
  })
  const escape = '\u001b['
  assert.ok(!here.includes(escape) && colored.stdout.includes(escape))
})

test('env is for eval, and fails clearly in the main checkout', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', {
    '.env.agent.template': 'PORT=$AGENT_DYNAMIC_PORT\nAPI_URL=http://localhost:$AGENT_PORT_API\nQUOTE="it\'s"\n',
  })
  const untrusted = await runCli(sandbox, repository, ['create', 'x'])
  const path = untrusted.stdout.trim()
  const advice =
    /shells do not get QUOTE: this repository is not trusted\. Read .*, then: agent-isolate (trust); agent-isolate (.*)/
  const [, trust = '', setup = ''] = advice.exec(untrusted.stderr) ?? []
  assert.equal(setup, `setup -C ${path}`)
  assert.equal(Object.hasOwn(requireRecord(await cliJson(sandbox, path, 'env')), 'QUOTE'), false)
  await cliAnswer(sandbox, repository, trust)
  await cliAnswer(sandbox, repository, ...setup.split(' '))
  const [lines, json, byName, main] = await Promise.all([
    cliAnswer(sandbox, path, 'env'),
    cliJson(sandbox, path, 'env'),
    cliAnswer(sandbox, repository, 'env', '--name', 'x'),
    runCli(sandbox, repository, ['env']),
  ])
  const printed = execFileSync('sh', ['-c', `${lines}\necho "$PORT|$API_URL|$QUOTE"`], { encoding: 'utf8' })
  const { PORT, API_URL, QUOTE } = requireRecord(json)
  assert.equal(printed, `${String(PORT)}|${String(API_URL)}|it's\n`)
  assert.equal(API_URL, `http://localhost:${Number(PORT) + 1}`)
  assert.equal(QUOTE, "it's")
  assert.equal(byName, lines)
  assert.deepEqual([main.code, main.stdout], [1, ''])
  assert.match(main.stderr, /not in a linked worktree.*\n.*agent-isolate create NAME/)
})

test('db url names the worktree’s own file, db reset puts its seed back', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', {
    'agent-isolate.json': '{ "database": { "path": "dev.db", "seed": "seed.sql" } }',
    'seed.sql': 'create table t (x); insert into t values (1);',
  })
  assert.match(await cliAnswer(sandbox, repository, 'trust'), /SQL that is run:\n {4}seed\.sql$/m)
  const path = await cliAnswer(sandbox, repository, 'create', 'x')
  const file = join(path, 'dev.db')
  assert.equal(await cliAnswer(sandbox, path, 'db', 'url'), `file:${file}`)
  const before = pagesOf(file)
  execFileSync('rm', [file])
  assert.deepEqual(await cliJson(sandbox, path, 'db', 'reset'), { url: `file:${file}`, path: file })
  assert.equal(pagesOf(file), before)
})

test('a worktree without a database says so', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { 'agent-isolate.json': '{ "database": { "provider": "none" } }' })
  const path = await cliAnswer(sandbox, repository, 'create', 'x')
  for (const action of ['url', 'reset']) {
    const { code, stdout, stderr } = await runCli(sandbox, path, ['db', action])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /has no database/)
  }
  assert.match(await cliAnswer(sandbox, repository, 'list'), / none /)
})

test('sync takes in what upstream has, and only in a worktree', async (t) => {
  const sandbox = createSandbox(t)
  const repository = withUpstream(sandbox)
  const path = await cliAnswer(sandbox, repository, 'create', 'x')
  assert.match(await cliAnswer(sandbox, path, 'sync'), /^up to date with origin\/main/)
  const colleague = join(sandbox.folder, 'colleague')
  sandbox.git(sandbox.folder, 'clone', '--quiet', join(sandbox.folder, 'upstream.git'), colleague)
  sandbox.write('colleague/new.txt', 'new\n')
  sandbox.git(colleague, 'add', '--all')
  sandbox.git(colleague, '-c', 'user.name=C', '-c', 'user.email=c@example.invalid', 'commit', '--quiet', '-m', 'new')
  sandbox.git(colleague, 'push', '--quiet')
  const result = requireRecord(await cliJson(sandbox, path, 'sync'))
  assert.deepEqual([result['status'], result['behind'], result['upstream']], ['fast-forwarded', 1, 'origin/main'])
  assert.ok(existsSync(join(path, 'new.txt')))
  const main = await runCli(sandbox, repository, ['sync'])
  assert.equal(main.code, 1)
  assert.match(main.stderr, /not in a linked worktree/)
})

test('remove refuses to lose work, and --discard does not', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const path = await cliAnswer(sandbox, repository, 'create', 'x')
  sandbox.write('repo/.claude/worktrees/x/draft.txt', 'unsaved\n')
  const refused = await runCli(sandbox, repository, ['remove', 'x'])
  assert.deepEqual([refused.code, refused.stdout], [1, ''])
  assert.match(refused.stderr, /stays.*\n.*agent-isolate remove x --discard/)
  assert.ok(existsSync(join(path, 'draft.txt')))
  // From inside the very folder that goes.
  assert.deepEqual(await cliJson(sandbox, path, 'remove', 'x', '--discard'), {
    name: 'x',
    path,
    branch: 'worktree-x',
    removed: true,
  })
  assert.equal(existsSync(path), false)
  assert.equal(sandbox.git(repository, 'branch', '--list', 'worktree-x'), '')
  assert.match(await cliAnswer(sandbox, repository, 'list'), /^no worktrees of this repository yet/)
  const again = await runCli(sandbox, repository, ['remove', 'x'])
  assert.equal(again.code, 1)
})

test('setup isolates a worktree that git made, teardown releases that and leaves the worktree', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo')
  const path = join(realpathSync(sandbox.folder), 'review')
  sandbox.git(repository, 'worktree', 'add', '--quiet', path)
  const before = await runCli(sandbox, path, ['env'])
  assert.equal(before.code, 1)
  assert.match(before.stderr, /agent-isolate setup/)
  assert.equal(await cliAnswer(sandbox, repository, 'setup', '-C', path), path)
  assert.match(await cliAnswer(sandbox, path, 'env'), /^export PORT='2\d{3}0'$/m)
  assert.ok(existsSync(join(path, '.env.local')))
  assert.deepEqual(await cliJson(sandbox, path, 'teardown'), { name: 'review', path, tornDown: true })
  assert.ok(existsSync(join(path, 'README.md')))
  assert.equal(existsSync(join(path, '.env.local')), false)
  assert.equal(sandbox.git(path, 'status', '--porcelain'), '')
  assert.match(await cliAnswer(sandbox, repository, 'list'), /^no worktrees/)
})

test('teardown refuses in a worktree of ours: it goes as a whole', async (t) => {
  const sandbox = createSandbox(t)
  const path = await cliAnswer(sandbox, sandbox.repository('repo'), 'create', 'x')
  const { code, stderr } = await runCli(sandbox, path, ['teardown'])
  assert.equal(code, 1)
  assert.match(stderr, /agent-isolate remove x/)
})

test('trust shows what will run, and its commands run from then on, until it is revoked', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', {
    'agent-isolate.json': '{ "setup": ["echo $PORT > made.txt"], "teardown": ["true \\u001b[2K"] }',
    '.env.agent.template': 'PORT=$AGENT_DYNAMIC_PORT\n',
  })
  const untrusted = await runCli(sandbox, repository, ['create', 'before'])
  assert.equal(untrusted.code, 0)
  assert.match(untrusted.stderr, /not trusted.*agent-isolate trust/)
  assert.equal(existsSync(join(untrusted.stdout.trim(), 'made.txt')), false)

  const text = await cliAnswer(sandbox, repository, 'trust')
  assert.equal(
    text,
    `trusted: ${repository}
  as ${join(repository, 'agent-isolate.json')} is now
  setup:
    echo $PORT > made.txt
  teardown:
    true \\u{1b}[2K
  environment template, exported to shells:
    ${join(repository, '.env.agent.template')}
  its packages: installs may run their scripts, and a database driver may be loaded`,
  )
  const path = await cliAnswer(sandbox, repository, 'create', 'after')
  assert.ok(existsSync(join(path, 'made.txt')))

  const revoked = requireRecord(await cliJson(sandbox, repository, 'trust', '--revoke'))
  assert.equal(revoked['trusted'], false)
  assert.match(await cliAnswer(sandbox, repository, 'trust', '--revoke'), /^was not trusted/)
})

function withUpstream(sandbox: Sandbox): string {
  const repository = sandbox.repository('repo')
  sandbox.git(sandbox.folder, 'clone', '--quiet', '--bare', repository, join(sandbox.folder, 'upstream.git'))
  sandbox.git(repository, 'remote', 'add', 'origin', join(sandbox.folder, 'upstream.git'))
  sandbox.git(repository, 'fetch', '--quiet', 'origin')
  sandbox.git(repository, 'remote', 'set-head', 'origin', 'main')
  return repository
}

/** SQLite's file header: its size in pages, and the version of its schema. */
function pagesOf(file: string): string {
  const header = execFileSync('head', ['-c', '48', file])
  return `${header.readUInt32BE(28)} ${header.readUInt32BE(40)}`
}

function requireRecord(value: unknown): Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null)
  return { ...value }
}
