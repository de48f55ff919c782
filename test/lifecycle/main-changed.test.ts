/** A worktree goes on working, and can be removed, whatever happens in the main checkout to the config and the template. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { cliJson, runCli } from '../support/cli.ts'
import { createThroughHook, removeThroughHook, runHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { loadLeases, readEnv, requireLeaseAt } from '../support/state.ts'

const template = '.env.agent.template'

/** What may become of main, and what is said when a worktree is removed then. */
const changes: Record<string, { change: (main: string) => void; says?: RegExp }> = {
  'a new port name': { change: (main) => writeFileSync(join(main, template), 'PORT=$AGENT_PORT_ZZ\n') },
  'a faulty line in the template': { change: (main) => writeFileSync(join(main, template), 'nonsense\n') },
  'an unknown variable': { change: (main) => writeFileSync(join(main, template), 'A=$AGENT_NOTHING\n') },
  'no template any more': { change: (main) => rmSync(join(main, template)) },
  'a folder in place of the template': {
    change: (main) => {
      rmSync(join(main, template))
      mkdirSync(join(main, template))
    },
    says: /\.env\.agent\.template cannot be read: it is a folder/,
  },
  'an unknown key': { change: (main) => writeConfig(main, { nonsense: 1 }), says: /nonsense/ },
  'broken JSON': { change: (main) => writeFileSync(join(main, 'agent-isolate.json'), '{'), says: /is not JSON/ },
  'eleven port names': {
    change: (main) => writeConfig(main, { ports: { names: Array.from({ length: 11 }, (_, index) => `p${index}`) } }),
  },
}

function writeConfig(main: string, config: object): void {
  writeFileSync(join(main, 'agent-isolate.json'), JSON.stringify({ teardown: ['true'], ...config }))
}

function createMain(sandbox: Sandbox): string {
  const main = sandbox.repository('repo', {
    'a.txt': 'a\n',
    [template]: 'PORT=$AGENT_DYNAMIC_PORT\n',
    'agent-isolate.json': '{"teardown": ["true"]}',
  })
  sandbox.cli(main, 'trust')
  return main
}

for (const [name, { change, says = /^/ }] of Object.entries(changes)) {
  test(`a worktree is removed after main got ${name}, by the hook, by name and by gc`, async (t) => {
    const sandbox = createSandbox(t)
    const main = createMain(sandbox)
    const worktrees = await Promise.all(['a', 'b', 'c'].map((each) => createThroughHook(sandbox, main, each)))
    change(main)
    const [first = '', second = '', third = ''] = worktrees
    const inside = await runCli(sandbox, first, ['exec', '--', 'sh', '-c', 'echo $PORT'])
    const { ports } = requireLeaseAt(sandbox, first)
    assert.ok(Object.values(ports).includes(Number(inside.stdout)), inside.stdout + inside.stderr)
    assert.equal((await runCli(sandbox, first, ['env'])).code, 0)
    assert.equal((await runCli(sandbox, first, ['db', 'url'])).code, 0)
    // Where it can be read, it is trusted as it is now.
    await runCli(sandbox, main, ['trust'])
    assert.equal((await runCli(sandbox, main, ['list'])).code, 0)
    assert.equal((await runCli(sandbox, main, ['whois', '3000'])).code, 0)
    const byHook = await removeThroughHook(sandbox, first)
    assert.equal(byHook.code, 0, byHook.stderr)
    assert.match(byHook.stderr, says)
    writeFileSync(join(second, 'new.txt'), 'work\n')
    const refused = await runCli(sandbox, main, ['remove', 'b'])
    assert.match(refused.stderr, /new\.txt/)
    const discarded = await runCli(sandbox, main, ['remove', 'b', '--discard'])
    assert.equal(discarded.code, 0, discarded.stderr)
    rmSync(third, { recursive: true })
    const collected = await runCli(sandbox, main, ['gc'])
    assert.equal(collected.code, 0, collected.stderr)
    assert.deepEqual(worktrees.filter(existsSync), [])
    assert.deepEqual(loadLeases(sandbox), [])
    assert.equal((await runCli(sandbox, main, ['uninstall', '--dry-run'])).code, 0)
  })
}

test('another tool’s worktree is released after main’s config has become unreadable', async (t) => {
  const sandbox = createSandbox(t)
  const main = createMain(sandbox)
  const worktree = join(sandbox.folder, 'other')
  sandbox.git(main, 'worktree', 'add', '--quiet', worktree)
  sandbox.cli(worktree, 'setup')
  writeFileSync(join(main, 'agent-isolate.json'), '{')
  const { code, stderr } = await runCli(sandbox, worktree, ['teardown'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /no teardown commands were run: .*is not JSON/)
})

test('teardown commands run with the environment that was written last when today’s template is faulty', async (t) => {
  const sandbox = createSandbox(t)
  const main = createMain(sandbox)
  const worktree = await createThroughHook(sandbox, main, 'one')
  const { ports } = requireLeaseAt(sandbox, worktree)
  writeConfig(main, { teardown: [`printf '%s' "$PORT" > ../../../port`, 'exit 3'] })
  writeFileSync(join(main, template), 'nonsense\n')
  sandbox.cli(main, 'trust')
  const { code, stderr } = await removeThroughHook(sandbox, worktree)
  assert.equal(code, 0, stderr)
  assert.match(stderr, /line 1 is neither KEY=value nor a comment.*written last/)
  assert.match(stderr, /"exit 3" failed \(3\)/)
  assert.equal(readFileSync(join(main, 'port'), 'utf8'), String(ports['app']))
})

test('a port name that is new in main is there for exec, env, the env file and the shells of a worktree that exists', async (t) => {
  const sandbox = createSandbox(t)
  const main = createMain(sandbox)
  const [one, two] = [await createThroughHook(sandbox, main, 'one'), await createThroughHook(sandbox, main, 'two')]
  const app = requireLeaseAt(sandbox, one).ports['app']
  writeFileSync(join(main, template), 'PORT=$AGENT_DYNAMIC_PORT\nZZ_PORT=$AGENT_PORT_ZZ\n')
  const printed = await runCli(sandbox, one, ['exec', '--', 'sh', '-c', 'echo "$PORT $ZZ_PORT"'])
  const { ports } = requireLeaseAt(sandbox, one)
  assert.equal(ports['app'], app)
  assert.equal(printed.stdout, `${app} ${ports['zz']}\n`, printed.stderr)
  assert.equal(readEnv(join(one, '.env.local'))['ZZ_PORT'], String(ports['zz']))
  assert.deepEqual(
    await Promise.all([1, 2, 3].map(() => cliJson(sandbox, one, 'env'))),
    [1, 2, 3].map(() => env(one)),
  )

  const envFile = sandbox.write('claude-env', '')
  const started = await runHook(sandbox, 'session-start', { cwd: two }, { env: { CLAUDE_ENV_FILE: envFile } })
  assert.equal(started.code, 0, started.stderr)
  const zz = requireLeaseAt(sandbox, two).ports['zz']
  assert.match(started.stdout, new RegExp(`zz ${zz}`))
  const shell = execFileSync('bash', ['-c', `. ${envFile}; echo "$ZZ_PORT"`], { cwd: two, encoding: 'utf8' })
  assert.equal(shell, `${zz}\n`)

  function env(worktree: string): unknown {
    const text = execFileSync(process.execPath, [program, 'env', '--json'], { cwd: worktree, env: sandbox.env })
    return JSON.parse(text.toString())
  }
})

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

test('a session starts in a worktree whose main has a broken config, with the environment that it had', async (t) => {
  const sandbox = createSandbox(t)
  const main = createMain(sandbox)
  const worktree = await createThroughHook(sandbox, main, 'one')
  writeFileSync(join(main, 'agent-isolate.json'), '{')
  const started = await runHook(sandbox, 'session-start', { cwd: worktree })
  assert.equal(started.code, 0, started.stderr)
  assert.match(started.stdout, /isolated git worktree/)
  assert.match(started.stderr, /is not JSON/)
})

const nine = Array.from({ length: 9 }, (_, index) => `port${index}`)

test('a port name that was renamed gives its port up, and the others keep theirs', async (t) => {
  const sandbox = createSandbox(t)
  const main = createMain(sandbox)
  writeConfig(main, { ports: { names: nine } })
  const worktree = await createThroughHook(sandbox, main, 'one')
  const before = requireLeaseAt(sandbox, worktree).ports
  writeConfig(main, { ports: { names: [...nine.slice(1), 'renamed'] } })
  sandbox.cli(worktree, 'setup')
  const { port0, ...kept } = before
  assert.deepEqual(requireLeaseAt(sandbox, worktree).ports, { ...kept, renamed: port0 })
})

test('of retired names the one whose port is in use is given up last, and with room none is', async (t) => {
  const sandbox = createSandbox(t)
  const main = createMain(sandbox)
  writeConfig(main, { ports: { names: nine } })
  const worktree = await createThroughHook(sandbox, main, 'one')
  const { ports } = requireLeaseAt(sandbox, worktree)
  const server = createServer().listen(ports['port0'], '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  writeConfig(main, { ports: { names: nine.slice(3) } })
  sandbox.cli(worktree, 'setup')
  assert.deepEqual(requireLeaseAt(sandbox, worktree).ports, ports)
  writeConfig(main, { ports: { names: [...nine.slice(3), 'new'] } })
  sandbox.cli(worktree, 'setup')
  const after = requireLeaseAt(sandbox, worktree).ports
  assert.equal(after['port0'], ports['port0'])
  assert.equal(after['new'], ports['port1'])
  assert.equal(after['port2'], ports['port2'])
})
