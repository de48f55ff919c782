/**
 * The whole story of a team that adopts agent-isolate: `init`, `doctor`, two agents beside the main checkout, whose servers
 * and tests run at the same time, everything released, and not a byte left.
 */
import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { snapshotFolder } from '../support/snapshot-folder.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { loadLeases } from '../support/state.ts'
import type { Answer, Checkout, Command, Sample, Server, Surroundings } from './sample.ts'

const program = join(import.meta.dirname, '../..', 'dist/cli/agent-isolate.js')
/** In ms, for a server to answer. */
const patience = 60_000

export async function tellStory(t: TestContext, sample: Sample, around: Surroundings): Promise<void> {
  const { sandbox } = around
  const root = sandbox.repository('app', { ...sample.files })
  makeExecutable(sandbox, root, sample)
  for (const [path, text] of Object.entries(sample.local?.(around) ?? {})) sandbox.write(join('app', path), text)
  sample.prepare?.(root, around)
  assert.equal(sandbox.git(root, 'status', '--porcelain'), '', 'the sample itself is not clean')
  const before = snapshotFolder(root)

  sandbox.cli(root, 'init', '--yes', ...(sample.flags ?? []))
  sandbox.git(root, 'add', '--all')
  sandbox.git(root, 'commit', '--quiet', '--message=agents')
  assert.deepEqual(await listFindings(sandbox, root), [...sample.left].toSorted(), 'what doctor leaves to the user')
  await mendFiles(sandbox, root, sample)
  const committed = snapshotFolder(root)

  const main: Checkout = { folder: root, isMain: true, ports: mainPorts(sample) }
  const worktrees = ['one', 'two'].map((name) => openWorktree(sandbox, root, name))
  const checkouts = [main, ...worktrees]
  await withServers(t, sandbox, checkouts, sample.servers ?? [], async () => {
    for (const checkout of checkouts) {
      for (const server of sample.servers ?? []) await checkServer(server, checkout)
    }
    await Promise.all(worktrees.map((worktree) => runChecks(sandbox, worktree, sample.checks ?? [])))
    await runChecks(sandbox, main, sample.mainChecks ?? [])
  })

  for (const { folder } of worktrees) assert.equal(sandbox.git(folder, 'status', '--porcelain'), '')
  for (const name of ['one', 'two'])
    sandbox.cli(root, 'remove', name, ...(sample.discards === true ? ['--discard'] : []))
  assert.deepEqual(loadLeases(sandbox), [])
  assert.equal(sandbox.git(root, 'status', '--porcelain'), '')
  assert.deepEqual(withoutTraces(snapshotFolder(root), sample), withoutTraces(committed, sample))
  sandbox.cli(root, 'uninstall', '--yes')
  assert.deepEqual(withoutTraces(snapshotFolder(root), sample), withoutTraces({ ...before, ...sample.mend }, sample))
}

/** What the user does about doctor's lines, committed. */
async function mendFiles(sandbox: Sandbox, root: string, { mend, leftThen = [] }: Sample): Promise<void> {
  if (mend === undefined) return
  for (const [path, text] of Object.entries(mend)) sandbox.write(join(basename(root), path), text)
  sandbox.git(root, 'add', '--all')
  sandbox.git(root, 'commit', '--quiet', '--message=doctor')
  assert.deepEqual(await listFindings(sandbox, root), [...leftThen].toSorted(), 'what doctor leaves after its lines')
}

/** Whatever names its interpreter. */
function makeExecutable(sandbox: Sandbox, root: string, { files }: Sample): void {
  const programs = Object.keys(files).filter((path) => files[path]?.startsWith('#!'))
  if (programs.length === 0) return
  for (const path of programs) chmodSync(join(root, path), 0o755)
  sandbox.git(root, 'commit', '--quiet', '--all', '--message=executable')
}

function mainPorts({ servers = [] }: Sample): Record<string, number> {
  return Object.fromEntries(servers.map(({ port, mainPort }) => [port, mainPort]))
}

function openWorktree(sandbox: Sandbox, root: string, name: string): Checkout {
  const folder = sandbox.cli(root, 'create', name)
  const lease = loadLeases(sandbox).find(({ worktree }) => worktree === folder)
  assert.ok(lease !== undefined, `${name} has no lease`)
  return { folder, isMain: false, ports: lease.ports }
}

/** Findings about what `init` has left to do, as `file:line`. Doctor ends with 1 where one of them is an error. */
async function listFindings(sandbox: Sandbox, root: string): Promise<string[]> {
  const run = promisify(execFile)(process.execPath, [program, 'doctor', '--json'], { cwd: root, env: sandbox.env })
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  const { findings }: { findings: { id: string; severity: string; file: string | null; line: number | null }[] } =
    JSON.parse(stdout)
  const left = findings.filter(({ severity }) => severity === 'error' || severity === 'warning')
  return [
    ...new Set(left.map(({ id, file, line }) => [file ?? id, line].filter((part) => part !== null).join(':'))),
  ].toSorted()
}

/** In a worktree it is what an agent's shell does. */
function commandOf({ folder }: Checkout, command: Command, isMain: boolean): string[] {
  const cwd = join(folder, command.folder ?? '')
  return isMain ? [...command.argv] : [process.execPath, program, 'exec', '-C', cwd, '--', ...command.argv]
}

async function runChecks(sandbox: Sandbox, checkout: Checkout, checks: readonly Command[]): Promise<void> {
  for (const check of checks) {
    const [file = '', ...args] = commandOf(checkout, check, checkout.isMain)
    const options = { cwd: join(checkout.folder, check.folder ?? ''), env: { ...sandbox.env, ...check.env } }
    await promisify(execFile)(file, args, options)
  }
}

async function withServers(
  t: TestContext,
  sandbox: Sandbox,
  checkouts: readonly Checkout[],
  servers: readonly Server[],
  body: () => Promise<void>,
): Promise<void> {
  const started = checkouts.flatMap((checkout) => servers.map((server) => start(sandbox, checkout, server)))
  const stop = (): Promise<unknown> => Promise.all(started.map(end))
  t.after(stop)
  await body()
  await stop()
}

/** A group of its own: what it starts ends with it. */
function start(sandbox: Sandbox, checkout: Checkout, server: Server): ChildProcess {
  const [file = '', ...args] = commandOf(checkout, server, checkout.isMain)
  const child = spawn(file, args, {
    cwd: join(checkout.folder, server.folder ?? ''),
    env: { ...sandbox.env, ...server.env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let words = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = `${words}${text}`.slice(-2000)))
  child.on('exit', (code) => {
    if (code !== null && code !== 0)
      process.stderr.write(`${server.argv.join(' ')} in ${checkout.folder}: ${code}\n${words}\n`)
  })
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  process.kill(-child.pid, 'SIGTERM')
  await Promise.race([
    ended,
    sleep(3000, undefined, { ref: false }).then(() => process.kill(-(child.pid ?? 0), 'SIGKILL')),
  ])
  await ended
}

async function checkServer(server: Server, checkout: Checkout): Promise<void> {
  const port = checkout.ports[server.port]
  assert.ok(port !== undefined, `${checkout.folder} has no port ${server.port}`)
  const text = await ask(port, checkout.folder)
  const answer: Answer = text.startsWith('{') ? JSON.parse(text) : { text }
  if (answer['cwd'] !== undefined) assert.equal(answer['cwd'], join(checkout.folder, server.folder ?? ''))
  server.expect?.(answer, checkout)
}

async function ask(port: number, folder: string): Promise<string> {
  for (const started = Date.now(); ; await sleep(100)) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(20_000) })
      return await response.text()
    } catch (error) {
      if (Date.now() - started > patience) throw new Error(`nobody answers on ${port} for ${folder}`, { cause: error })
    }
  }
}

/** A program leaves caches and logs in the main checkout, which are its own. */
function withoutTraces(files: Record<string, string>, { traces = [] }: Sample): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !traces.some((trace) => trace.test(path))))
}
