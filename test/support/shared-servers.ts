/** Real servers of a test's own, from the machine's programs: Redis and MariaDB, on a free port of the loopback. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { requireProgram } from './dependencies.ts'
import type { Sandbox } from './sandbox.ts'

export type SharedServer = {
  port: number
  /** Ends it, without losing what it has been told. */
  stop: () => Promise<void>
  /** Starts it again, on the same port with the same data. */
  start: () => Promise<void>
}

/** A Redis server with so many databases, which writes every command to the disk. Undefined, and the test skipped, without the program. */
export async function startRedis(
  t: TestContext,
  sandbox: Sandbox,
  databases: number,
): Promise<SharedServer | undefined> {
  if (!requireProgram(t, 'redis-server')) return undefined
  const folder = join(sandbox.folder, 'redis')
  mkdirSync(folder)
  const port = await findFreePort()
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: folder,
    databases,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
  }
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)])
  return serve(t, port, () => spawn('redis-server', args, { stdio: 'ignore' }))
}

export type MariaServer = SharedServer & { sql: (text: string) => string }

/** A MariaDB server whose root has the password `secret word`. */
export async function startMariadb(t: TestContext, sandbox: Sandbox): Promise<MariaServer | undefined> {
  if (!requireProgram(t, 'mariadbd')) return undefined
  const folder = join(sandbox.folder, 'mariadb')
  const port = await findFreePort()
  const own = process.getuid?.() === 0 ? ['--user=root'] : []
  const base = ['--no-defaults', ...own, `--datadir=${folder}`]
  const plain = ['--auth-root-authentication-method=normal', '--skip-test-db']
  execFileSync('mariadb-install-db', [...base, ...plain], { stdio: 'pipe' })
  const socket = join(folder, 'socket')
  const settings = [`--port=${port}`, '--bind-address=127.0.0.1', `--socket=${socket}`, `--pid-file=${folder}/pid`]
  const server = await serve(t, port, () => spawn('mariadbd', [...base, ...settings], { stdio: 'ignore' }))
  const sql = (text: string): string =>
    execFileSync('mariadb', ['--no-defaults', `--socket=${socket}`, '--user=root', '--batch', '--skip-column-names'], {
      input: text,
      encoding: 'utf8',
      env: { ...process.env, MYSQL_PWD: existsSync(join(folder, 'ready')) ? 'secret word' : '' },
    }).trimEnd()
  sql("ALTER USER root@localhost IDENTIFIED BY 'secret word'")
  mkdirSync(join(folder, 'ready'))
  return { ...server, sql }
}

async function serve(t: TestContext, port: number, launch: () => ChildProcess): Promise<SharedServer> {
  let child: ChildProcess | undefined
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    running.kill(signal)
    await once(running, 'exit')
  }
  const start = async (): Promise<void> => {
    const started = launch()
    child = started
    for (let attempt = 0; !(await isOpen(port)); attempt += 1) {
      if (attempt > 300 || started.exitCode !== null) throw new Error(`no server came up on ${port}`)
      await sleep(50)
    }
  }
  // Its folder may be gone by then, without which neither ends by itself.
  t.after(() => stop('SIGKILL'))
  await start()
  return { port, start, stop }
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  const answers = await new Promise<boolean>((resolve) => {
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
  })
  socket.destroy()
  return answers
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
