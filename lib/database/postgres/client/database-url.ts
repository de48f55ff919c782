/**
 * The URL of a PostgreSQL database, read as libpq reads it, with what other drivers write besides: SQLAlchemy's
 * `postgresql+driver://`, JDBC's `jdbc:` in front, node-postgres's `ssl=`. No message holds the URL: there is a password in it.
 */
import { userInfo } from 'node:os'
import { IsolateError } from '../../../report/isolate-error.ts'

/** As libpq's sslmode; its `allow` is read as `prefer`. */
export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** All that a login needs. */
export type PostgresTarget = {
  /** A name, an address (IPv6 without brackets), or the absolute path of the folder of a unix socket. */
  host: string
  port: number
  user: string
  password: string | undefined
  database: string
  ssl: SslMode
  /** File with the certificates (PEM) that a server's is checked against; the runtime's own when left out or `system`. */
  sslRootCert?: string | undefined
}

/** A URL in all its parts. */
export type PostgresUrl = {
  /** As it was written. */
  text: string
  /** Without `://`: `postgresql`, `postgres`, `postgresql+psycopg`, … */
  scheme: string
  user: string | undefined
  password: string | undefined
  host: string
  port: number
  database: string | undefined
  ssl: SslMode
  sslRootCert: string | undefined
  /** All that stands behind the `?`, decoded; of two with one name the last. */
  parameters: ReadonlyMap<string, string>
}

const defaultPort = 5432
const example = 'It looks like postgresql://user:password@host:5432/database.'

/** Throws `IsolateError` for what is no URL of one PostgreSQL database. Parameters win over the parts before them, as in libpq. */
export function parseDatabaseUrl(text: string): PostgresUrl {
  const { scheme, credentials, host, path, query } = split(text)
  const parameters = parseParameters(query)
  const [, user = '', password = ''] = /^([^:]*):?(.*)@$/s.exec(credentials) ?? []
  const address = parseHost(host)
  return {
    text,
    scheme,
    user: parameters.get('user') || decode(user, 'user') || undefined,
    password: parameters.get('password') || decode(password, 'password') || undefined,
    host: requireOne(parameters.get('host') || address.host || 'localhost'),
    port: parsePort(parameters.get('port') || address.port),
    database: parameters.get('dbname') || decode(path.slice(1), 'database') || undefined,
    ssl: parseSslMode(parameters),
    sslRootCert: parameters.get('sslrootcert') || undefined,
    parameters,
  }
}

/** The URL's text with the name of another database in it, and nothing else changed. */
export function withDatabase(url: PostgresUrl, name: string): string {
  const { scheme, credentials, host, query, fragment } = split(url.text)
  const changed = query.replace(/(?<=[?&]dbname=)[^&]*/g, () => encode(name))
  return `${scheme}://${credentials}${host}/${encode(name)}${changed}${fragment}`
}

/**
 * A URL that libpq (and what is built on it) and node-postgres read alike, tried with both. `sslmode` is in it only when it is not
 * libpq's default: node-postgres takes most others for the strictest. The folder of a unix socket goes into `?host=`, behind a host
 * that Prisma wants there. postgres.js reads no sockets and no IPv6 in a URL, and takes the database's name without decoding it.
 */
export function renderDatabaseUrl(target: PostgresTarget): string {
  const isSocket = target.host.startsWith('/')
  const credentials = encode(target.user) + (target.password === undefined ? '' : `:${encode(target.password)}`)
  const parameters = [
    ...(isSocket ? [`host=${encode(target.host)}`] : []),
    ...(target.ssl === 'prefer' ? [] : [`sslmode=${target.ssl}`]),
    ...(target.sslRootCert === undefined ? [] : [`sslrootcert=${encode(target.sslRootCert)}`]),
  ]
  const address = isSocket ? `localhost:${target.port}` : describeTarget(target)
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`
  return `postgresql://${credentials}@${address}/${encode(target.database)}${query}`
}

/** `host:port`, for messages: no user, no password. */
export function describeTarget({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Where the URL leads. What it leaves out is, as in libpq, PGUSER or the name of the account, PGPASSWORD, and the user's database. */
export function targetOf(url: PostgresUrl, env: NodeJS.ProcessEnv = process.env): PostgresTarget {
  const user = url.user ?? (env['PGUSER'] || userInfo().username)
  return {
    host: url.host,
    port: url.port,
    user,
    password: url.password ?? (env['PGPASSWORD'] || undefined),
    database: url.database ?? user,
    ssl: url.ssl,
    sslRootCert: url.sslRootCert,
  }
}

/** What is behind the `://` of a server's URL. */
type Parts = {
  /** With its @, or empty. */
  credentials: string
  host: string
  /** With its slash, or empty. */
  path: string
  /** With its question mark, or empty. */
  query: string
  fragment: string
}

/**
 * By hand, since `URL` rewrites what it reads and refuses sockets. A password may hold a raw `?`, `#` or `@`, as many do: the
 * credentials end at the last @ before the first slash.
 */
export function splitServer(rest: string): Parts {
  const [, credentials = '', host = '', path = '', query = '', fragment = ''] =
    /^((?:[^/]*@)?)([^/?#]*)(\/[^?#]*)?(\?[^#]*)?(#.*)?$/s.exec(rest) ?? []
  return { credentials, host, path, query, fragment }
}

function split(text: string): Parts & { scheme: string } {
  const [, scheme = '', rest = ''] = /^((?:jdbc:)?postgres(?:ql)?(?:\+\w+)?):\/\/(.*)/is.exec(text) ?? []
  if (scheme === '') throw new IsolateError('the URL of the database is not one of PostgreSQL', { hint: example })
  return { scheme, ...splitServer(rest) }
}

function parseHost(text: string): { host: string; port: string } {
  requireOne(text)
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text)
  if (match === null) throw unreadable('host or port')
  return { host: decode(match[1] ?? match[2] ?? '', 'host'), port: match[3] ?? '' }
}

function requireOne(host: string): string {
  if (host.includes(',') && !host.startsWith('/')) {
    throw new IsolateError('the URL of the database names several hosts, and one is needed', {
      hint: 'Name the one on which databases can be made (the primary).',
    })
  }
  return host
}

function parsePort(text: string): number {
  if (text === '') return defaultPort
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw unreadable('port')
  return port
}

function parseParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const piece of query.slice(1).split('&')) {
    const [name = '', ...value] = piece.split('=')
    if (name !== '') parameters.set(decode(name, 'parameters'), decode(value.join('='), 'parameters'))
  }
  return parameters
}

/** What drivers write for each: libpq's names, node-postgres's `no-verify`, and `ssl=true` of JDBC's older days, which libpq takes too. */
const sslModes: ReadonlyMap<string, SslMode> = new Map([
  ['disable', 'disable'],
  ['false', 'disable'],
  ['0', 'disable'],
  ['allow', 'prefer'],
  ['prefer', 'prefer'],
  ['require', 'require'],
  ['no-verify', 'require'],
  ['true', 'require'],
  ['1', 'require'],
  ['verify-ca', 'verify-ca'],
  ['verify-full', 'verify-full'],
])

function parseSslMode(parameters: ReadonlyMap<string, string>): SslMode {
  const text = parameters.get('sslmode') || parameters.get('ssl') || 'prefer'
  const mode = sslModes.get(text)
  if (mode !== undefined) return mode
  throw new IsolateError('the URL of the database has an sslmode that is not known', {
    hint: 'Known are disable, allow, prefer, require, verify-ca and verify-full.',
  })
}

function decode(text: string, part: string): string {
  try {
    const decoded = decodeURIComponent(text)
    if (!decoded.includes('\0')) return decoded
  } catch (error) {
    if (!(error instanceof URIError)) throw error
  }
  throw unreadable(part)
}

function unreadable(part: string): IsolateError {
  return new IsolateError(`the ${part} in the URL of the database cannot be read`, {
    hint: `${example} Special characters are written as %40 for @, %2F for /, %25 for %.`,
  })
}

/** Also what `encodeURIComponent` leaves and a shell or an env file takes for its own. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}
