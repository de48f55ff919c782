/** An agent's end-to-end tests must not run against the server of another: doctor says how, `exec --own-ports` sees to it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { cliAnswer, runCli } from '../support/cli.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

type Finding = { id: string; severity: string; fix: string; file: string; line: number }

async function testTargetFindings(sandbox: Sandbox, root: string): Promise<Finding[]> {
  const { stdout } = await runCli(sandbox, root, ['doctor', '--json'])
  const { findings }: { findings: (Finding & { check: string })[] } = JSON.parse(stdout)
  return findings.filter(({ check, severity }) => check === 'ports' && severity !== 'ok')
}

test('tests with a fixed target do not start while a sibling serves it, and go to the own server once doctor’s lines are there', async (t) => {
  const sandbox = createSandbox(t)
  const port = await freePort()
  const reuse = 'reuseExistingServer: !process.env.CI'
  const root = sandbox.repository('repo', {
    '.gitignore': '.env.local\n.claude/worktrees/\n',
    '.env.agent.template': 'PORT=$AGENT_DYNAMIC_PORT\n',
    'agent-isolate.json': '{"database": {"provider": "none"}}\n',
    'e2e/playwright.config.mjs': `export default { use: { baseURL: 'http://localhost:${port}' }, webServer: { url: 'http://localhost:${port}', ${reuse} } }\n`,
    'cypress.config.mjs': `export default { e2e: { baseUrl: 'http://localhost:${port}' } }\n`,
  })
  const [one, two] = [await cliAnswer(sandbox, root, 'create', 'one'), await cliAnswer(sandbox, root, 'create', 'two')]
  const start = (folder: string) => runCli(sandbox, folder, ['exec', '--own-ports', '--', 'echo', 'started'])

  const server = await serve(t, one, port)
  const refused = await start(two)
  assert.deepEqual([refused.code, refused.stdout], [1, ''])
  const whose = `port ${port}, where cypress.config.mjs looks for the server, is served from the worktree one (${one}): pid ${server.pid}`
  assert.ok(refused.stderr.includes(whose), refused.stderr)
  assert.match(refused.stderr, /agent-isolate doctor has the lines/)
  assert.deepEqual((await start(one)).stdout, 'started\n')
  server.kill()
  await once(server, 'exit')
  assert.deepEqual((await start(two)).stdout, 'started\n')

  const [cypress, playwright] = await testTargetFindings(sandbox, root)
  assert.deepEqual(
    [playwright?.id, playwright?.severity, playwright?.file],
    ['ports.test-target', 'error', 'e2e/playwright.config.mjs'],
  )
  assert.equal(cypress?.fix, 'in .env.agent.template: CYPRESS_BASE_URL=http://localhost:$AGENT_DYNAMIC_PORT')
  const lines = playwright?.fix.split('\n') ?? []
  const setting = lines.at(-1)?.replace('and in .env.agent.template: ', '') ?? ''
  const config = `${lines[0]}\nexport default { ${lines[1]} ${lines[2]?.replace(/, with .*/, '')} }\n`
  sandbox.write('repo/e2e/playwright.config.mjs', config)
  assert.deepEqual(
    (await testTargetFindings(sandbox, root)).map(({ file }) => file),
    ['cypress.config.mjs'],
    'PORT, which the lines fall back to, is set; what Cypress reads is not',
  )
  sandbox.write('repo/.env.agent.template', `PORT=$AGENT_DYNAMIC_PORT\n${setting}\n${cypress?.fix.split(': ')[1]}\n`)
  assert.deepEqual(await testTargetFindings(sandbox, root), [])
  sandbox.git(root, 'commit', '-qam', 'tests go to the own server')

  await serve(t, root, port)
  const three = await cliAnswer(sandbox, root, 'create', 'three')
  const main = await start(two)
  assert.ok(main.stderr.includes(`is served from the main checkout (${root})`), main.stderr)
  const script = `import(${JSON.stringify(join(three, 'e2e/playwright.config.mjs'))}).then(({ default: { use, webServer } }) => console.log(use.baseURL, webServer.env.PORT, process.env.PORT, process.env.CYPRESS_BASE_URL))`
  const own = await runCli(sandbox, three, ['exec', '--own-ports', '--', process.execPath, '-e', script])
  const [, leased] = own.stdout.split(' ')
  assert.equal(own.stdout, `http://localhost:${leased} ${leased} ${leased} http://localhost:${leased}\n`, own.stderr)

  sandbox.write(
    'repo/agent-isolate.json',
    `{"database": {"provider": "none"}, "ports": {"remap": {"${port}": "app"}}}\n`,
  )
  const remapped = await start(three)
  assert.match(
    remapped.stderr,
    /which is "app" in "ports\.remap" of agent-isolate\.json, is served from the main checkout/,
  )
})

async function serve(t: TestContext, cwd: string, port: number) {
  const script = `require('node:http').createServer().listen(${port}, '127.0.0.1', () => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', script], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}
