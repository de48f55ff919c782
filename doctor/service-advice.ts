/** What to write so that a variable leads to a worktree's own part of a shared server, and never to the application's port. Pure. */
import { readVariable, type ServiceId } from '../detect/services.ts'
import { configFileName } from '../lib/project/config.ts'
import type { Context } from './check.ts'
import { findVariable } from './compose-variable.ts'

/** What worktrees of a shared server would do to each other. */
export const sharedService =
  'Every worktree reaches the same server: jobs, keys and data of one agent are read and wiped by another’s.'

/** Undefined for a variable that leads to no such server; a database's URL is one of MySQL or MongoDB alone. */
export function adviseService(context: Context, key: string, body: string): string | undefined {
  const found = readVariable(key, body)
  if (found === undefined) return undefined
  const { config } = context.project
  const { template } = config.environment
  const leased = findVariable(context.detection.compose, config.compose.ports, found.port)
  if (leased !== undefined && found.port !== undefined) {
    return `in ${template}: ${key}=${hideCredentials(body).replace(String(found.port), () => leased.value)}`
  }
  const known = Object.entries(config.services).find(([, { url }]) => url.includes(`$${key}`))?.[0]
  const name = known ?? nameFor(found.kind, Object.keys(config.services))
  const start = `$AGENT_${name.toUpperCase()}`
  const service =
    known === undefined
      ? `in ${configFileName}: "services": { "${name}": ${configFor(found.kind, key, body)} }\nand `
      : ''
  if (isPrefixed(found.kind))
    return `${service}begin the names of its indices or buckets with ${start}_PREFIX (set it in ${template})`
  return `${service}in ${template}: ${templateLine(key, start, found.isUrl)}`
}

function nameFor(kind: ServiceId, taken: readonly string[]): string {
  return taken.includes(kind) ? `${kind}2` : kind
}

/** One server for all, which keeps them apart by nothing but names. */
function isPrefixed(kind: ServiceId): boolean {
  return kind === 'elasticsearch' || kind === 'minio'
}

function configFor(kind: ServiceId, key: string, body: string): string {
  if (isPrefixed(kind)) return '{ "kind": "prefix" }'
  const scheme = kind === 'rabbitmq' ? 'amqp' : kind
  // A host or a port alone: whoever reads this knows the rest.
  const host = key.endsWith('_PORT') ? `localhost:$${key}` : `$${key}`
  const isUrl = body.includes('://')
  return `{ "kind": "${kind}", "url": "${isUrl ? `$${key}` : `${scheme}://${host}`}" }`
}

function templateLine(key: string, start: string, isUrl: boolean): string {
  if (!isUrl) return `${key.replace(/_(?:HOST|HOSTNAME|SERVER|PORT)$/, '')}_DB=${start}_DB`
  return `${key}=${start}_URL`
}

function hideCredentials(body: string): string {
  return body.replace(/:\/\/[^/]*@/, '://USER:PASSWORD@')
}
