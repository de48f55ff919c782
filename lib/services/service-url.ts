/** The URL of a server that checkouts share. No message holds it: there may be a password in it. Pure. */
import { describeTarget, splitServer } from '../database/postgres/client/database-url.ts'
import { decodeLeniently } from '../report/hide-secrets.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { ServiceKind } from '../project/services-config.ts'

export type ServiceUrl = {
  /** As it was written. */
  text: string
  scheme: string
  user: string | undefined
  password: string | undefined
  /** An IPv6 address without brackets; of several hosts (MongoDB) the first. */
  host: string
  port: number
  /** What is behind the first slash, decoded: a number, a database, a virtual host. */
  path: string
}

const forms: Readonly<Record<Exclude<ServiceKind, 'prefix'>, { scheme: RegExp; port: number; example: string }>> = {
  redis: { scheme: /^(?:redis|valkey)s?$/i, port: 6379, example: 'redis://localhost:6379/0' },
  mysql: {
    scheme: /^(?:jdbc:)?(?:mysql2?|mariadb|trilogy)(?:\+\w+)?$/i,
    port: 3306,
    example: 'mysql://user:password@localhost:3306/app',
  },
  mongodb: { scheme: /^mongodb(?:\+srv)?$/i, port: 27_017, example: 'mongodb://localhost:27017/app' },
  rabbitmq: { scheme: /^amqps?$/i, port: 5672, example: 'amqp://guest:guest@localhost:5672/' },
}

/** `name` is the service's, for the error: throws `IsolateError` for what is no URL of such a server. */
export function parseServiceUrl(kind: keyof typeof forms, text: string, name: string): ServiceUrl {
  const { scheme: wanted, port, example } = forms[kind]
  const { scheme, credentials, host, path, query } = split(text)
  const address = /^(?:\[([^\]]*)\]|([^:,[\]]*))(?::(\d+))?(?:,.*)?$/.exec(host)
  if (!wanted.test(scheme) || address === null) {
    throw new IsolateError(`the URL of "services.${name}" is not one of ${kind}`, { hint: `It looks like ${example}.` })
  }
  const parameters = new URLSearchParams(query)
  const [, user = '', password = ''] = /^([^:]*):?(.*)@$/s.exec(credentials) ?? []
  return {
    text,
    scheme,
    user: decodeLeniently(user) || parameters.get('user') || undefined,
    password: decodeLeniently(password) || parameters.get('password') || undefined,
    host: address[1] || address[2] || 'localhost',
    port: Number(address[3] ?? port),
    path: decodeLeniently(path.slice(1)),
  }
}

/** The URL's text with another path in it, and nothing else changed. */
export function withPath({ text }: ServiceUrl, path: string): string {
  const { scheme, credentials, host, query, fragment } = split(text)
  return `${scheme}://${credentials}${host}/${encodeURIComponent(path)}${query}${fragment}`
}

/** One text for one server, however it is written; for people, too. */
export function serverOf({ host, port }: Pick<ServiceUrl, 'host' | 'port'>): string {
  return describeTarget({ host: isLoopback(host) ? 'localhost' : host, port })
}

/** Throws `IsolateError` for a server elsewhere, unless the config lets us connect to one. */
export function requireNear({ host, port }: ServiceUrl, name: string, { isRemote }: { isRemote: boolean }): void {
  if (isRemote || isLoopback(host)) return
  throw new IsolateError(`"services.${name}" leads to ${describeTarget({ host, port })}, which is not this machine`, {
    hint: 'A service of a compose file gets a port of its own with "compose.ports"; to use a server elsewhere set "remote": true.',
  })
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|::1|0\.0\.0\.0)$/i.test(host)
}

function split(text: string): ReturnType<typeof splitServer> & { scheme: string } {
  const [, scheme = '', rest = ''] = /^((?:jdbc:)?[a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? []
  return { scheme, ...splitServer(rest) }
}
