import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const demo = ['--import', import.meta.resolve('tsx'), join(import.meta.dirname, '../..', 'demo', 'demo.ts')]

type DemoResult = { code: number | null; stdout: string; stderr: string }

/** The demo, with its temporary folder inside the sandbox. `onOutput` sees what it has printed so far. */
function runDemo(
  { folder, env }: Sandbox,
  extra: NodeJS.ProcessEnv = {},
  onOutput?: (stdout: string, child: ChildProcess) => void,
): Promise<DemoResult> {
  const child = spawn(process.execPath, demo, { env: { ...env, TMPDIR: folder, ...extra } })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
    onOutput?.(output.stdout, child)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...output }))
  })
}

function assertNothingLeft({ folder }: Sandbox): void {
  const left = readdirSync(folder).filter((name) => name.startsWith('agent-isolate-demo-'))
  assert.deepEqual(left, [])
}

/** Which of the ports that the demo has named somebody listens on. */
async function listeningPorts(stdout: string): Promise<number[]> {
  const ports = Array.from(stdout.matchAll(/PORT=(\d+)/g), ([, port]) => Number(port))
  assert.equal(ports.length, 3, stdout)
  const isListening = await Promise.all(ports.map(accepts))
  return ports.filter((_, index) => isListening[index])
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

test('the demo proves what it claims, in 80 plain columns, and leaves nothing', async (t) => {
  const sandbox = createSandbox(t)
  const { code, stdout, stderr } = await runDemo(sandbox)
  assert.equal(code, 0, stderr)
  assert.equal(stderr, '')
  assert.match(stdout, /✗ agent 2: listen EADDRINUSE/)
  assert.match(stdout, /✓ ready in [\d.]+ s: a branch, ports and a database each, none shared/)
  assert.match(stdout, /^ +payments +worktree-payments +app \d+ /m)
  assert.match(stdout, /✓ each server listens on its own worktree's port/)
  assert.match(stdout, /^ +payments +\["welcome","row of payments"\]$/m)
  assert.match(stdout, /^ +main checkout +\["welcome"\]$/m)
  assert.match(stdout, /✓ git worktree list: the main checkout, alone/)
  assert.match(stdout, /✓ ports \d+, \d+, \d+: free/)
  assert.match(stdout, /^All of it held, in [\d.]+ seconds/m)
  const lines = stdout.split('\n').filter((line) => !line.includes(sandbox.folder))
  assert.deepEqual(
    lines.filter((line) => line.length > 80 || line.includes('\u001B')),
    [],
  )
  assertNothingLeft(sandbox)
  assert.deepEqual(await listeningPorts(stdout), [])
})

test('a demo that is ended while its servers run takes them and its folder along', async (t) => {
  const sandbox = createSandbox(t)
  let isEnding = false
  const { code, stdout } = await runDemo(sandbox, {}, (printed, child) => {
    if (isEnding || !printed.includes('agent-isolate list')) return
    isEnding = true
    child.kill('SIGTERM')
  })
  assert.equal(code, 143)
  assertNothingLeft(sandbox)
  assert.deepEqual(await listeningPorts(stdout), [])
})

test('a machine without any SQLite program sees the demo of ports at least', async (t) => {
  const sandbox = createSandbox(t)
  const programs = join(sandbox.folder, 'bin')
  mkdirSync(programs)
  symlinkSync(findProgram('git'), join(programs, 'git'))
  const { code, stdout, stderr } = await runDemo(sandbox, { PATH: programs })
  assert.equal(code, 0, stderr)
  if (isBuiltin('node:sqlite')) assert.match(stdout, /through node:sqlite/)
  else assert.match(stdout, /no SQLite here .*: ports alone are shown/)
  assert.match(stdout, /^All of it held/m)
  assertNothingLeft(sandbox)
})

test('a demo that cannot do what it claims says why, exits with 1 and leaves nothing', async (t) => {
  const sandbox = createSandbox(t)
  const script = `#!/bin/sh
case "$*" in *'worktree add'*) echo 'no worktrees today' >&2; exit 128 ;; esac
exec '${findProgram('git')}' "$@"
`
  chmodSync(sandbox.write('bin/git', script), 0o755)
  const path = [join(sandbox.folder, 'bin'), process.env['PATH']].join(delimiter)
  const { code, stderr } = await runDemo(sandbox, { PATH: path })
  assert.equal(code, 1)
  assert.match(stderr, /^The demo failed: .*worktree-create/m)
  assert.match(stderr, /no worktrees today/)
  assertNothingLeft(sandbox)
})

function findProgram(name: string): string {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name))
  const found = paths.find((path) => existsSync(path))
  assert.ok(found !== undefined, `no ${name} on PATH`)
  return found
}
