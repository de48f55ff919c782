/** Two apps in one repository, whose env files git ignores: in main and in two worktrees at once each reaches its own sibling. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, readEnv, requireLeaseAt } from '../support/state.ts'

/** Reads `.env.local` and `.env` as dotenv does, where the environment wins. `/` asks the sibling, `/me` tells who answers. */
const server = `
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
const env = { ...process.env }
for (const file of ['.env.local', '.env']) {
  if (!existsSync(file)) continue
  for (const line of readFileSync(file, 'utf8').split('\\n')) {
    const [, key, value] = /^(\\w+)=["']?([^"'#]*?)["']?\\s*(?:#.*)?$/.exec(line) ?? []
    if (key !== undefined && env[key] === undefined) env[key] = value
  }
}
const me = env.ROLE + ' of ' + process.cwd()
createServer(async (request, response) => {
  const text = request.url === '/me' ? me : await fetch(env.SIBLING + '/me').then((answer) => answer.text(), String)
  response.end(text)
}).listen(env.PORT, '127.0.0.1', () => console.log('port ' + env.PORT))
`

const ignore = '.env\n.env.*\n!.env.example\n.mcp.json\n.claude/\n.agent-isolate/\n'

/** Ports that nobody leases or listens on are of no use to several tests at once: the main checkout's are chosen by the system. */
async function freePorts(): Promise<[string, string]> {
  const { createServer } = await import('node:net')
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(async (one) => {
      await once(one.listen(0, '127.0.0.1'), 'listening')
      const address = one.address()
      return typeof address === 'object' && address !== null ? String(address.port) : ''
    }),
  )
  for (const one of servers) one.close()
  return [ports[0] ?? '', ports[1] ?? '']
}

async function createShop(t: TestContext): Promise<{ sandbox: Sandbox; main: string; web: string; api: string }> {
  const sandbox = createSandbox(t)
  const [web, api] = await freePorts()
  const config = { ports: { remap: { [web]: 'web', [api]: 'api' } }, environment: { leaveOut: ['apps/old'] } }
  const main = sandbox.repository('shop', {
    '.gitignore': ignore,
    'agent-isolate.json': JSON.stringify(config),
    'apps/web/server.mjs': server,
    'apps/api/server.mjs': server,
    'apps/web/.env.example': 'PORT=\n',
  })
  sandbox.cli(main, 'trust')
  sandbox.write(
    'shop/apps/web/.env.local',
    `# web\nROLE=web\r\nPORT="${web}" # the port\nSIBLING=http://localhost:${api}\n`,
  )
  sandbox.write(
    'shop/apps/api/.env',
    `ROLE=api\nPORT=${api}\nSIBLING='http://127.0.0.1:${web}'\nUPLOADS=${main}/uploads\nDATABASE_URL=file:./dev.db`,
  )
  return { sandbox, main, web, api }
}

/** Started with what a shell in that folder has. */
async function start(t: TestContext, { env }: Sandbox, folder: string): Promise<string> {
  const child: ChildProcess = spawn('node', ['server.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  const [data] = await once(child.stdout ?? child, 'data')
  return `http://127.0.0.1:${String(data).replace('port ', '').trim()}`
}

/** The environment of a shell of Claude's in `folder`. */
function shellIn({ env, folder: home }: Sandbox, snippet: string, folder: string): NodeJS.ProcessEnv {
  const script = `. "${join(home, snippet)}"; exec node -p "JSON.stringify(process.env)"`
  return JSON.parse(execFileSync('bash', ['-euc', script], { cwd: folder, env, encoding: 'utf8' }))
}

test('every app reaches its own sibling, in main and in two worktrees, whose env files came along', async (t) => {
  const { sandbox, main, web, api } = await createShop(t)
  sandbox.write('shop/apps/old/.env', 'PORT=1\n')
  sandbox.write('shop/node_modules/x/.env', 'PORT=1\n')
  sandbox.write('shop/.env.local.bak', 'PORT=1\n')
  sandbox.write('shop/.mcp.json', `{"args": ["--url", "http://localhost:${api}/mcp", "${main}/tools"]}`)
  sandbox.write('shop/apps/web/CLAUDE.local.md', 'mine\n')
  // Ignored in main by rules that the worktree has not.
  sandbox.write('shop/apps/web/.gitignore', 'CLAUDE.local.md\n.gitignore\n')
  // About to be committed there.
  sandbox.write('shop/apps/api/new.env', 'PORT=1\n')
  execFileSync('mkfifo', [join(main, '.env')])
  const made = await runHook(sandbox, 'worktree-create', { cwd: main, name: 'one', hook_event_name: 'WorktreeCreate' })
  assert.match(
    made.stderr,
    /carried over: .*apps\/api\/\.env \(its own PORT, SIBLING, UPLOADS\), apps\/web\/\.env\.local \(its own PORT, SIBLING\)/,
  )
  assert.match(made.stderr, /\.env is not carried over: it is a FIFO/)
  const one = made.stdout.trim()
  const two = await createThroughHook(sandbox, main, 'two')
  const { ports } = requireLeaseAt(sandbox, one)

  // What is the worktree's own is changed, and nothing else.
  assert.equal(
    readFileSync(join(one, 'apps/web/.env.local'), 'utf8'),
    `# web\nROLE=web\r\nPORT="${ports['web']}" # the port\nSIBLING=http://localhost:${ports['api']}\n`,
  )
  assert.equal(
    readFileSync(join(one, 'apps/api/.env'), 'utf8'),
    `ROLE=api\nPORT=${ports['api']}\nSIBLING='http://127.0.0.1:${ports['web']}'\nUPLOADS=${one}/uploads\nDATABASE_URL=file:./dev.db`,
  )
  assert.equal(
    readFileSync(join(one, '.mcp.json'), 'utf8'),
    `{"args": ["--url", "http://localhost:${ports['api']}/mcp", "${one}/tools"]}`,
  )
  assert.ok(existsSync(join(one, 'apps/web/CLAUDE.local.md')))
  for (const left of ['apps/old', 'node_modules/x', '.env.local.bak', '.env', 'apps/api/new.env'])
    assert.equal(existsSync(join(one, left)), false)

  // No shell's PORT wins over an app's file; in an app's folder, and below, it is the app's.
  const started = { cwd: one, hook_event_name: 'SessionStart', source: 'startup' }
  const told = await runHook(sandbox, 'session-start', started, {
    env: { CLAUDE_ENV_FILE: join(sandbox.folder, 'snippet') },
  })
  assert.match(
    told.stdout,
    new RegExp(`PORT is set in an app's own folder only: ${ports['api']} in apps/api, ${ports['web']} in apps/web;`),
  )
  mkdirSync(join(one, 'apps/web/src'))
  const own = (folder: string): string | undefined => shellIn(sandbox, 'snippet', folder)['PORT']
  assert.deepEqual(
    [one, join(one, 'apps'), join(one, 'apps/web/src'), join(one, 'apps/api'), join(main, 'apps/web')].map(own),
    [undefined, undefined, String(ports['web']), String(ports['api']), undefined],
  )
  const inApi = await runCli(sandbox, join(one, 'apps/api'), ['exec', '--', 'sh', '-c', 'echo $PORT'])
  assert.equal(inApi.stdout, `${ports['api']}\n`, inApi.stderr)
  const inWeb = await runCli(sandbox, join(one, 'apps/web/src'), ['env', '--json'])
  assert.equal(JSON.parse(inWeb.stdout)['PORT'], String(ports['web']), inWeb.stderr)

  for (const root of [main, one, two]) {
    const urls = {
      web: await start(t, sandbox, join(root, 'apps/web')),
      api: await start(t, sandbox, join(root, 'apps/api')),
    }
    assert.equal(await (await fetch(urls.web)).text(), `api of ${root}/apps/api`)
    assert.equal(await (await fetch(urls.api)).text(), `web of ${root}/apps/web`)
    if (root === main) assert.deepEqual(urls, { web: `http://127.0.0.1:${web}`, api: `http://127.0.0.1:${api}` })
  }
  assert.equal(sandbox.git(main, 'status', '--porcelain'), '?? apps/api/new.env')
  for (const root of [one, two]) assert.equal(sandbox.git(root, 'status', '--porcelain'), '')

  for (const worktree of [one, two]) {
    const removed = await removeThroughHook(sandbox, worktree)
    assert.equal(removed.code, 0, removed.stderr)
  }
  assert.deepEqual(loadLeases(sandbox), [])
})

test('env files of single apps by config: added later they reach a worktree at setup, at its next session, and go again', async (t) => {
  const { sandbox, main, api } = await createShop(t)
  const worktree = join(sandbox.folder, 'other')
  sandbox.git(main, 'worktree', 'add', '--quiet', worktree)
  const untouched = sandbox.git(worktree, 'status', '--porcelain', '--ignored')
  writeFileSync(join(main, 'agent-isolate.json'), '{"environment": {"carry": false}}')
  sandbox.cli(worktree, 'setup')
  assert.equal(existsSync(join(worktree, 'apps/api/.env')), false, 'carry: false')

  const files = {
    'apps/web/.env.local': { PORT: '$AGENT_PORT_WEB', SIBLING: 'http://localhost:$AGENT_PORT_API', NAME: 'a "b" c' },
    'apps/api/.env': 'apps/api/env.template',
  }
  sandbox.write('shop/apps/api/env.template', 'PORT=$AGENT_PORT_API\n')
  writeFileSync(join(main, 'agent-isolate.json'), JSON.stringify({ environment: { carry: false, files } }))
  assert.match(
    sandbox.cli(main, 'trust'),
    /apps\/api\/\.env, exported to shells in its folder:\n {4}apps\/api\/env\.template/,
  )
  const again = await runHook(sandbox, 'session-start', { cwd: worktree, hook_event_name: 'SessionStart' })
  assert.match(again.stdout, /apps\/web\/\.env\.local/, again.stderr)
  const { ports } = requireLeaseAt(sandbox, worktree)
  const web = readEnv(join(worktree, 'apps/web/.env.local'))
  assert.deepEqual(
    [web['PORT'], web['SIBLING'], web['ROLE']?.trim(), web['NAME']],
    [String(ports['web']), `http://localhost:${ports['api']}`, 'web', `'a "b" c'`],
  )
  // The block's lines took the place of main's; what it does not set is main's still.
  const text = readFileSync(join(worktree, 'apps/api/.env'), 'utf8')
  assert.match(text, /^ROLE=api\n# >>> agent-isolate >>>\n.*\nPORT=\d+\n# <<< agent-isolate <<<\nSIBLING=/)
  assert.ok(!text.includes(`PORT=${api}`))
  const inWeb = await runCli(sandbox, join(worktree, 'apps/web'), ['exec', '--', 'sh', '-c', 'echo "$PORT $NAME"'])
  assert.equal(inWeb.stdout, `${ports['web']} a "b" c\n`, inWeb.stderr)

  // Another env file: the former one goes, the new one is there.
  writeFileSync(join(main, 'agent-isolate.json'), '{"environment": {"carry": false, "file": ".env"}}')
  const changed = await runCli(sandbox, worktree, ['setup'])
  assert.match(changed.stderr, /\.env\.local is released/)
  assert.deepEqual(
    ['.env', '.env.local', 'apps/web/.env.local', 'apps/api/.env'].map((path) => existsSync(join(worktree, path))),
    [true, false, false, false],
  )
  sandbox.cli(worktree, 'teardown')
  assert.equal(sandbox.git(worktree, 'status', '--porcelain', '--ignored'), untouched)
})

test('a copy of main’s env file that another tool made is the worktree’s own while it is set up, and comes back', async (t) => {
  const { sandbox, main, api } = await createShop(t)
  const worktree = join(sandbox.folder, 'other')
  sandbox.git(main, 'worktree', 'add', '--quiet', worktree)
  const copied = readFileSync(join(main, 'apps/api/.env'), 'utf8')
  const [same, changed] = [join(worktree, 'apps/api/.env'), join(worktree, 'apps/web/.env.local')]
  writeFileSync(same, copied)
  writeFileSync(changed, `PORT=${api}\nMINE=1\n`)
  sandbox.cli(worktree, 'setup')
  assert.equal(readEnv(same)['PORT'], String(requireLeaseAt(sandbox, worktree).ports['api']))
  // What somebody has written there is theirs; main's changes reach copies alone.
  writeFileSync(join(main, 'apps/api/.env'), `${copied}\nNEW=1\n`)
  sandbox.cli(worktree, 'setup')
  assert.equal(readEnv(same)['NEW'], '1')
  assert.equal(readFileSync(changed, 'utf8'), `PORT=${api}\nMINE=1\n`)
  sandbox.cli(worktree, 'teardown')
  assert.deepEqual([readFileSync(same, 'utf8'), readFileSync(changed, 'utf8')], [copied, `PORT=${api}\nMINE=1\n`])
})

test('of an address shells get the parameters that the app’s own file has, and odd env files are named in every app', async (t) => {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('shop', {
    '.gitignore': ignore,
    'agent-isolate.json': JSON.stringify({
      ports: { remap: { 6379: 'redis', 5672: 'queue' }, names: ['redis', 'queue'] },
    }),
    '.env.agent.template':
      'REDIS_URL=redis://localhost:$AGENT_PORT_REDIS/0\nQUEUE_URL=amqp://localhost:$AGENT_PORT_QUEUE/x?heartbeat=9\n',
    'apps/jobs/index.js': '',
  })
  sandbox.cli(main, 'trust')
  sandbox.write(
    'shop/.env',
    'REDIS_URL="redis://localhost:6379/0?family=6"\nQUEUE_URL=amqp://localhost:5672/x?frame=1\n',
  )
  execFileSync('mkfifo', [join(main, 'apps/jobs/.env')])
  const made = await runCli(sandbox, main, ['create', 'one'])
  assert.match(made.stderr, /apps\/jobs\/\.env is not carried over: it is a FIFO/)
  const one = join(main, '.claude/worktrees/one')
  const { ports } = requireLeaseAt(sandbox, one)
  const shell = await runCli(sandbox, one, ['exec', '--', 'sh', '-c', 'echo "$REDIS_URL $QUEUE_URL"'])
  assert.equal(
    shell.stdout.trim(),
    `redis://localhost:${ports['redis']}/0?family=6 amqp://localhost:${ports['queue']}/x?heartbeat=9`,
    'what the template says of parameters stands',
  )
})
