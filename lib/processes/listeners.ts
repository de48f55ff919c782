/**
 * Who listens on a TCP port of this machine. On Linux read from /proc (proc_pid_net(5)) without starting a process; on macOS
 * asked of lsof(8); elsewhere only whether anyone does, by connecting. Never fails for what it may not see: it knows less.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { errorCode } from '../report/isolate-error.ts'
import { run } from './run.ts'

/** `pid`, `command` and `cwd` are unknown for another user's process, or where the system does not tell. */
export type Listener = { port: number; pid?: number; command?: string; cwd?: string }

/** The listeners on those of `ports` that have one. Of several on one port, the one that could be identified is named. */
export async function findListeners(
  ports: readonly number[],
  platform: NodeJS.Platform = process.platform,
): Promise<Map<number, Listener>> {
  if (ports.length === 0) return new Map()
  if (platform === 'linux') return findWithProc(new Set(ports))
  const found = platform === 'darwin' ? await findWithLsof(new Set(ports)) : undefined
  return found ?? findByConnecting(ports)
}

function findWithProc(ports: ReadonlySet<number>): Map<number, Listener> {
  const sockets = new Map(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => [...parseProcNetTcp(readProcFile(path) ?? '', ports)]),
  )
  const listeners = new Map([...sockets.values()].map((port): [number, Listener] => [port, { port }]))
  for (const pid of sockets.size === 0 ? [] : pidsNewestFirst()) {
    if (sockets.size === 0) break
    for (const inode of socketInodes(pid)) {
      const port = sockets.get(inode)
      sockets.delete(inode)
      if (port !== undefined) listeners.set(port, describeProcess(port, pid))
    }
  }
  return listeners
}

/** Inode → port of the listening sockets in /proc/net/tcp or tcp6: columns local address (hex), state (0A), inode. */
export function parseProcNetTcp(table: string, ports: ReadonlySet<number>): Map<string, number> {
  const sockets = new Map<string, number>()
  for (const line of table.split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    const port = Number.parseInt(local?.split(':')[1] ?? '', 16)
    if (state === '0A' && inode !== undefined && ports.has(port)) sockets.set(inode, port)
  }
  return sockets
}

/** A server that someone is asking about tends to be among the youngest processes. */
function pidsNewestFirst(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .toSorted((a, b) => b - a)
}

function* socketInodes(pid: number): Generator<string> {
  const folder = `/proc/${pid}/fd`
  for (const name of ifVisible(() => readdirSync(folder)) ?? []) {
    const inode = /^socket:\[(\d+)\]$/.exec(ifVisible(() => readlinkSync(`${folder}/${name}`)) ?? '')?.[1]
    if (inode !== undefined) yield inode
  }
}

function describeProcess(port: number, pid: number): Listener {
  const command = readProcFile(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim()
  const cwd = ifVisible(() => readlinkSync(`/proc/${pid}/cwd`))
  return { port, pid, ...(command ? { command } : {}), ...(cwd === undefined ? {} : { cwd }) }
}

function readProcFile(path: string): string | undefined {
  return ifVisible(() => readFileSync(path, 'utf8'))
}

/** Undefined for a process that has ended meanwhile, or that belongs to another user. */
function ifVisible<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}

/** Undefined when there is no lsof, or it does not answer. */
async function findWithLsof(ports: ReadonlySet<number>): Promise<Map<number, Listener> | undefined> {
  const sockets = await run('lsof', ['-nP', '-iTCP', '-sTCP:LISTEN', '-Fpcn'], { timeoutMs: lsofTimeoutMs })
  if (sockets.isMissing || sockets.timedOut) return undefined
  const listeners = parseLsofListeners(sockets.stdout, ports)
  if (listeners.size === 0) return listeners
  const pids = [...listeners.values()].map(({ pid }) => pid).join(',')
  const folders = await run('lsof', ['-a', '-d', 'cwd', '-p', pids, '-Fpn'], { timeoutMs: lsofTimeoutMs })
  for (const { pid, name: cwd } of parseLsof(folders.stdout)) {
    for (const listener of listeners.values()) if (listener.pid === pid) listener.cwd = cwd
  }
  return listeners
}

/** A network file system that hangs can make lsof hang. */
const lsofTimeoutMs = 5_000

/** The wanted ones among what `lsof -iTCP -sTCP:LISTEN -Fpcn` printed; names look like `*:3000`, `127.0.0.1:3000`, `[::1]:3000`. */
export function parseLsofListeners(output: string, ports: ReadonlySet<number>): Map<number, Listener> {
  const listeners = new Map<number, Listener>()
  for (const { pid, command, name } of parseLsof(output)) {
    const port = Number(/:(\d+)$/.exec(name)?.[1])
    if (ports.has(port)) listeners.set(port, { port, pid, ...(command === '' ? {} : { command }) })
  }
  return listeners
}

/** lsof's `-F` output, one field a line: `p` and `c` hold for the `n` lines up to the next `p`. */
function parseLsof(output: string): { pid: number; command: string; name: string }[] {
  const names: { pid: number; command: string; name: string }[] = []
  let pid = 0
  let command = ''
  for (const line of output.split('\n')) {
    const text = line.slice(1)
    if (line.startsWith('p')) [pid, command] = [Number(text), '']
    else if (line.startsWith('c')) command = text
    else if (line.startsWith('n')) names.push({ pid, command, name: text })
  }
  return names
}

async function findByConnecting(ports: readonly number[]): Promise<Map<number, Listener>> {
  const answers = await Promise.all(
    ports.map(async (port): Promise<[number, boolean]> => {
      const each = await Promise.all(['127.0.0.1', '::1'].map((host) => answersAt(host, port)))
      return [port, each.includes(true)]
    }),
  )
  return new Map(answers.filter(([, isListening]) => isListening).map(([port]) => [port, { port }]))
}

/** Any error counts as nobody there: refused, no such address family, no answer within a second. */
export function answersAt(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 })
    const finish = (isListening: boolean): void => {
      socket.destroy()
      resolve(isListening)
    }
    socket.once('connect', () => finish(true))
    socket.once('timeout', () => finish(false))
    socket.once('error', () => finish(false))
  })
}
