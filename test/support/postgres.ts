/** Real PostgreSQL servers of a test's own, from the programs in the folder AGENT_ISOLATE_TEST_POSTGRES_BIN; CI names it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'

export type PostgresServer = {
  host: string
  port: number
  /** A superuser, with a password over TCP and over the unix socket. */
  user: string
  password: string
  /** Folder of the unix socket; may be used as a host. */
  socketFolder: string
  /** The data folder. */
  folder: string
  url: (database?: string) => string
  /** Runs SQL with psql, returns the bare rows (columns parted by |) without the last newline. Throws when it fails. */
  psql: (database: string, sql: string) => string
  /** What the server has logged since it was made. */
  log: () => string
  /** Pid of the postmaster. */
  pid: () => number
  /** Ends it, and every session: SIGINT as in a reboot, SIGQUIT as in a crash. Safe to repeat. */
  stop: (signal?: 'SIGINT' | 'SIGQUIT') => Promise<void>
  /** Starts it again, on the same port with the same data. */
  start: () => Promise<void>
}

export type ServerOptions = {
  /** Lines for postgresql.conf. */
  conf?: readonly string[]
  /** Lines for pg_hba.conf that come before the one that lets everybody in who has the password. */
  hba?: readonly string[]
  /** Files for the data folder, readable by the server alone (0600): a key, a certificate. */
  files?: Readonly<Record<string, string>>
}

/** What of a TestContext is used. */
type Owner = { after: (end: () => Promise<void>) => void }

const bin = process.env['AGENT_ISOLATE_TEST_POSTGRES_BIN']

/** For a test's `skip`: why there is no server; false when there is one. In CI nothing is skipped. */
export function noPostgres(): string | false {
  if ((bin !== undefined && existsSync(join(bin, 'postgres'))) || process.env['CI']) return false
  return 'no PostgreSQL is named by AGENT_ISOLATE_TEST_POSTGRES_BIN'
}

/** A path of PostgreSQL's own programs (`psql`, `pg_dump`). */
export function postgresProgram(name: string): string {
  if (bin === undefined) throw new Error('AGENT_ISOLATE_TEST_POSTGRES_BIN is not set')
  return join(bin, name)
}

/** A server for all tests of the file that asks for it; call it outside of any test. */
export function shareServer(options: ServerOptions = {}): () => PostgresServer {
  const endings: (() => Promise<void>)[] = []
  let server: PostgresServer | undefined
  before(async () => {
    if (noPostgres() === false) server = await startServer({ after: (end) => endings.push(end) }, options)
  })
  after(async () => {
    for (const end of endings) await end()
  })
  return () => {
    if (server === undefined) throw new Error('the server has not been started')
    return server
  }
}

/** A server of the test's own, with nothing in it; stopped and removed after the test. Takes a third of a second, the first one of a file one more. */
export async function startServer(
  t: Owner,
  { conf = [], hba = [], files = {} }: ServerOptions = {},
): Promise<PostgresServer> {
  const { account, folder: template, password } = clusterTemplate()
  const home = accountFolder(account)
  const folder = join(home, 'data')
  cpSync(template, folder, { recursive: true, preserveTimestamps: true })
  chmodSync(folder, 0o700)
  writeFileSync(join(folder, 'pg_hba.conf'), [...hba, ...usualHba, ''].join('\n'))
  appendFileSync(
    join(folder, 'postgresql.conf'),
    [...usualConf, `unix_socket_directories = '${home}'`, ...conf, ''].join('\n'),
  )
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 })
  if (account !== undefined) execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, folder])

  let current: ChildProcess | undefined
  let port = await findFreePort()
  let log = ''
  const launch = async (): Promise<boolean> => {
    const child = spawn(postgresProgram('postgres'), ['-D', folder, '-p', String(port)], {
      cwd: home,
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...account,
    })
    current = child
    running.add(child)
    child.once('exit', () => running.delete(child))
    const from = log.length
    return await new Promise((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text
        if (ready.test(log.slice(from))) resolve(true)
      })
      child.once('close', () => resolve(false))
    })
  }
  const start = async (): Promise<void> => {
    if (!(await launch())) throw new Error(`the server does not start:\n${log}`)
  }
  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<void> => {
    const child = current
    current = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGQUIT'), 5000)
    await once(child, 'exit')
    clearTimeout(timer)
  }
  t.after(async () => {
    await stop('SIGQUIT')
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  })
  // Another process may have taken the port since it was found free.
  for (let attempt = 1; !(await launch()); attempt += 1) {
    if (attempt === 5 || !log.includes('could not bind')) throw new Error(`the server does not start:\n${log}`)
    port = await findFreePort()
  }

  return {
    host: '127.0.0.1',
    port,
    user: superuser,
    password,
    socketFolder: home,
    folder,
    url: (database = 'postgres') => `postgresql://${superuser}:${password}@127.0.0.1:${port}/${database}`,
    psql: (database, sql) => {
      const args = [
        '-X',
        '-q',
        '-A',
        '-t',
        '-v',
        'ON_ERROR_STOP=1',
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        superuser,
      ]
      return execFileSync(postgresProgram('psql'), [...args, '-d', database, '-c', sql], {
        env: { PATH: process.env['PATH'], PGPASSWORD: password, PGCLIENTENCODING: 'UTF8' },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }).replace(/\n$/, '')
    },
    log: () => log,
    pid: () => current?.pid ?? 0,
    stop,
    start,
  }
}

const superuser = 'owner'
/** A standby whose hot_standby is off never gets further than the second. */
const ready = /database system is ready to accept connections|entering standby mode/

/** A test file that fails on its way never comes to its hooks. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGQUIT')
})

const usualHba = ['local all all scram-sha-256', 'host all all all scram-sha-256']
/** Nothing here outlives its test: no durability, and nothing that runs in the background. */
const usualConf = [
  "listen_addresses = '127.0.0.1'",
  'fsync = off',
  'full_page_writes = off',
  'synchronous_commit = off',
  'autovacuum = off',
  'max_connections = 100',
  'shared_buffers = 16MB',
  'dynamic_shared_memory_type = mmap',
]

/** PostgreSQL refuses to be root. */
type Account = { uid: number; gid: number }

/** `nobody`, when we are root; undefined otherwise. */
function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  return { uid: idOfNobody('-u'), gid: idOfNobody('-g') }
}

function idOfNobody(option: '-u' | '-g'): number {
  return Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }))
}

function accountFolder(account: Account | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'agent-isolate-pg-'))
  if (account !== undefined) chownSync(folder, account.uid, account.gid)
  return folder
}

type Template = { account: Account | undefined; folder: string; password: string }
let cached: Template | undefined

/** What initdb makes, once for a test file: copying it takes a tenth of the time. */
function clusterTemplate(): Template {
  if (cached !== undefined) return cached
  const account = serverAccount()
  const home = accountFolder(account)
  process.once('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }))
  const folder = join(home, 'data')
  const password = randomBytes(12).toString('hex')
  const passwordFile = join(home, 'password')
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (account !== undefined) for (const path of [folder, passwordFile]) chownSync(path, account.uid, account.gid)
  const args = ['--no-sync', '--no-locale', '--encoding=UTF8', '--auth=scram-sha-256', `--username=${superuser}`]
  execFileSync(postgresProgram('initdb'), [...args, `--pwfile=${passwordFile}`, `--pgdata=${folder}`], {
    cwd: home,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...account,
  })
  return (cached = { account, folder, password })
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
