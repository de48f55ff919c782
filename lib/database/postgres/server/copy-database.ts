/** Copies a database that people are connected to, in one consistent snapshot: pg_dump into pg_restore, both of this machine. */
import { spawn } from 'node:child_process'
import { errorCode, IsolateError } from '../../../report/isolate-error.ts'
import { describeTarget } from '../client/database-url.ts'
import { quoteIdentifier, quoteLiteral } from '../client/sql-quoting.ts'
import { clientEnvironment } from './client-environment.ts'
import { copySettings } from './databases.ts'
import type { Server } from './server.ts'

/**
 * Makes the database `name` with the encoding, locale and content of `source`. Owners and privileges are kept where the role may set them
 * (superuser), else all belongs to the role. Throws `IsolateError` when the programs are missing, too old for the server, or
 * fail; what was made until then is its caller's to drop.
 */
export async function copyDatabase(server: Server, source: string, name: string): Promise<void> {
  await createLike(server, source, name)
  // What only a superuser may set or make: else all would fail for it.
  const superuserOnly = (await isSuperuser(server)) ? [] : ['--no-owner', '--no-privileges', '--no-publications']
  // Not compressed: it only goes from one process to the other.
  const dump = ['--format=custom', '--compress=0', '--no-password', '--no-subscriptions', lockWait]
  const restore = ['--exit-on-error', '--no-password', ...superuserOnly, `--dbname=${name}`]
  await pipe(
    { program: 'pg_dump', args: dump, env: clientEnvironment({ ...server.target, database: source }) },
    { program: 'pg_restore', args: restore, env: clientEnvironment(server.target) },
    `the database "${source}" on ${describeTarget(server.target)}`,
  )
  await copySettings(server, source, name)
}

/** A transaction that has locked a table may stay open for hours. A copy's subscription would keep it from being dropped. */
const lockWait = '--lock-wait-timeout=30s'

/** An empty database that sorts and compares as the source does. */
async function createLike({ connection }: Server, source: string, name: string): Promise<void> {
  const [row] = await connection.query(
    `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype, to_jsonb(d)->>'datlocprovider' AS provider,
       COALESCE(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale
     FROM pg_database d WHERE datname = ${quoteLiteral(source)}`,
  )
  const { encoding, datcollate, datctype, provider, locale } = row ?? {}
  const providers: Readonly<Record<string, string>> = {
    i: `LOCALE_PROVIDER icu ICU_LOCALE ${quoteLiteral(locale ?? '')}`,
    b: `LOCALE_PROVIDER builtin BUILTIN_LOCALE ${quoteLiteral(locale ?? '')}`,
  }
  await connection.query(
    [
      `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`,
      `ENCODING ${quoteLiteral(encoding ?? 'UTF8')}`,
      `LC_COLLATE ${quoteLiteral(datcollate ?? 'C')} LC_CTYPE ${quoteLiteral(datctype ?? 'C')}`,
      providers[provider ?? ''] ?? '',
    ].join(' '),
  )
}

async function isSuperuser({ connection }: Server): Promise<boolean> {
  const [row] = await connection.query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')
  return row?.['rolsuper'] === 't'
}

type Step = { program: string; args: readonly string[]; env: NodeJS.ProcessEnv }

/** The first one's stdout is the second one's stdin. The first that complains has the reason; the other only notices. */
async function pipe(first: Step, second: Step, what: string): Promise<void> {
  const writer = spawn(first.program, [...first.args], { env: first.env, stdio: ['ignore', 'pipe', 'pipe'] })
  const reader = spawn(second.program, [...second.args], { env: second.env, stdio: ['pipe', 'ignore', 'pipe'] })
  writer.stdout.pipe(reader.stdin)
  // A reader that ends early is reported by its exit code; the writer would wait for it for ever.
  reader.stdin.on('error', () => writer.kill())
  reader.on('close', () => writer.kill())
  const [wrote, read] = await Promise.all([endOf(writer, first.program), endOf(reader, second.program)])
  const failed = wrote.failure === undefined ? read : read.failure === undefined ? wrote : earlier(wrote, read)
  if (failed.failure === undefined) return
  throw new IsolateError(`${what} could not be copied: ${failed.failure}`, { hint: failed.hint })
}

type End = { failure: string | undefined; hint: string; wasKilled: boolean }

function earlier(wrote: End, read: End): End {
  return wrote.wasKilled ? read : wrote
}

function endOf(child: ReturnType<typeof spawn>, program: string): Promise<End> {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      if (errorCode(error) !== 'ENOENT') return reject(error)
      resolve({
        failure: `it is in use (or another role's), and there is no ${program} on PATH`,
        hint: missingHint,
        wasKilled: false,
      })
    })
    child.on('close', (code, signal) => {
      const failure = code === 0 ? undefined : firstError(stderr) || `${program} ended with ${code ?? signal}`
      // pg_dump catches our signal.
      const wasKilled = signal !== null || /terminated by user|broken pipe/i.test(stderr)
      resolve({ failure, hint: hintFor(stderr), wasKilled })
    })
  })
}

/** Warnings may come before it, and the statement at fault, which may be long, behind it. */
function firstError(stderr: string): string {
  const lines = stderr.trim().split('\n')
  const first = lines.findIndex((line) => /\berror:/i.test(line))
  return lines.slice(Math.max(first, 0), Math.max(first, 0) + 4).join('\n    ')
}

const missingHint =
  'Install the PostgreSQL client programs (postgresql-client), or name a database that can be cloned: "database.template".'

function hintFor(stderr: string): string {
  if (stderr.includes('server version mismatch')) {
    return 'Install client programs as new as the server, or name a database that nobody is connected to: "database.template".'
  }
  if (stderr.includes('timeout') && stderr.includes('LOCK TABLE')) {
    return 'A session has one of its tables locked: end its transaction, or name a database that nobody is connected to: "database.template".'
  }
  if (stderr.includes('permission denied'))
    return 'Let the role read all of it, or name a template that it may copy: "database.template".'
  return 'See what the program says; or name a database that can be copied: "database.template".'
}
