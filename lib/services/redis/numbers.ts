/**
 * A database number of a Redis server for each worktree, taken only while it is empty and marked with a key of ours: neither
 * another machine nor another user takes it for free then, and nothing but our own is ever flushed.
 */
import { digestOf } from '../../files/digest.ts'
import { resourcesOf } from '../../ledger/kind.ts'
import type { Lease } from '../../ledger/lease.ts'
import { ledgerId } from '../../ledger/ledger-id.ts'
import { loadLedger } from '../../ledger/ledger.ts'
import type { Resource } from '../../ledger/resource.ts'
import { noDeadline, type Deadline } from '../../report/deadline.ts'
import { withLock } from '../../state/lock.ts'
import type { ServiceRequest } from '../request.ts'
import { prefixFor, servicesOf, serviceShape, type ServiceResource } from '../resources.ts'
import { parseServiceUrl, serverOf, withPath, type ServiceUrl } from '../service-url.ts'
import { RedisError, withRedis, type Redis, type Reply } from './connection.ts'

/** The key in a number that says whose it is. */
const markKey = 'agent-isolate'

/** More numbers than any server is set up with for us; 16 is the default. */
const mostNumbers = 1024

/** Keeps the number that the worktree has; without one takes one, or, where none is to be had, leaves it at a prefix. Never `isNew`. */
export async function provideNumber(request: ServiceRequest): Promise<false> {
  const { url, deadline, open, name } = request
  const server = serverOf(url)
  const purpose = `the database numbers of the Redis server ${server}`
  const lock = { purpose, waitMs: deadline.remainingMs(60_000) }
  const known = servicesOf(open.lease).find((one) => one.name === name && isOn(one, server))
  await withLock(`redis-${digestOf(server, 16)}`, lock, () =>
    withRedis(url, deadline, async (redis) => {
      if (known !== undefined && known.own === undefined) return
      if (known === undefined || !(await isStillOurs(redis, known, open.lease))) await claimNumber(redis, request)
      else if (!known.isMade) open.add({ ...known, isMade: true }, (one) => one === known)
    }),
  )
  return false
}

/** Flushes the lease's number and no other, unless it is somebody else's by now. Safe to repeat. Throws `UnreachableError`. */
export async function releaseNumber(
  lease: Lease,
  { url = '', own, name, isMade }: ServiceResource,
  deadline: Deadline = noDeadline,
): Promise<void> {
  if (own === undefined) return
  await withRedis(parseServiceUrl('redis', url, name), deadline, async (redis) => {
    if (!(await select(redis, own, /out of range/i))) return
    const mark = await redis('GET', markKey)
    // The application may have flushed our mark with all the rest.
    if (mark === null ? isMade : isMarkOf(mark, lease)) await redis('FLUSHDB')
  })
}

/** Numbers with this ledger's mark of leases that are not among the known; flushed unless `isDryRun`. */
export async function collectNumbers(
  url: ServiceUrl,
  known: () => ReadonlySet<string>,
  isDryRun: boolean,
): Promise<string[]> {
  return withRedis(url, noDeadline, async (redis) => {
    const found: string[] = []
    for (let number = 1; number < mostNumbers && (await select(redis, String(number))); number += 1) {
      const [, ledger, lease = ''] = /^ledger=(\w+) lease=(\w+)$/.exec(String(await redis('GET', markKey))) ?? []
      if (ledger !== ledgerId() || known().has(lease)) continue
      found.push(String(number))
      if (!isDryRun) await redis('FLUSHDB')
    }
    return found
  })
}

async function claimNumber(redis: Redis, { name, url, open, reporter }: ServiceRequest): Promise<void> {
  const prefix = prefixFor(open.lease, 'redis')
  const taken = takenNumbers(serverOf(url)).add(url.path)
  const isThis = (one: Resource): boolean => serviceShape.is(one) && one.name === name && isOn(one, serverOf(url))
  for (let number = 1; number < mostNumbers; number += 1) {
    const own = String(number)
    if (taken.has(own)) continue
    if (!(await select(redis, own))) break
    if ((await redis('DBSIZE')) !== 0) continue
    const resource = { kind: 'service', name, engine: 'redis', url: withPath(url, own), own, prefix } as const
    open.add(resource, isThis)
    if (await markEmpty(redis, open.lease)) return open.add({ ...resource, isMade: true }, isThis)
  }
  reporter.warn(
    `the Redis server ${serverOf(url)} has no free database number (CONFIG: databases): ${name} is shared, and the application has to begin its keys with $AGENT_${name.toUpperCase()}_PREFIX (${prefix})`,
  )
  open.add({ kind: 'service', name, engine: 'redis', url: url.text, prefix }, isThis)
}

/** False when somebody was quicker. */
async function markEmpty(redis: Redis, lease: Lease): Promise<boolean> {
  if ((await redis('SET', markKey, markOf(lease), 'NX')) !== 'OK') return false
  if ((await redis('DBSIZE')) === 1) return true
  await redis('DEL', markKey)
  return false
}

/** False where the server has lost it all, and somebody else has taken the number since. */
async function isStillOurs(redis: Redis, { own = '', isMade }: ServiceResource, lease: Lease): Promise<boolean> {
  if (!(await select(redis, own))) return false
  if (isMade) await redis('SET', markKey, markOf(lease), 'NX')
  return isMarkOf(await redis('GET', markKey), lease)
}

/** False for a number that the server does not have, or a server that has but one for us (a cluster, a proxy, a restricted user). */
async function select(
  redis: Redis,
  number: string,
  refusal = /out of range|not allowed|unknown command|no permissions/i,
): Promise<boolean> {
  try {
    await redis('SELECT', number)
    return true
  } catch (error) {
    if (error instanceof RedisError && refusal.test(error.message)) return false
    throw error
  }
}

function markOf({ id }: Pick<Lease, 'id'>): string {
  return `ledger=${ledgerId()} lease=${id}`
}

/** Whatever ledger it names: the state folder may have come from another machine. */
function isMarkOf(mark: Reply, { id }: Pick<Lease, 'id'>): boolean {
  return String(mark).endsWith(` lease=${id}`)
}

function isOn({ engine, url = '', name }: ServiceResource, server: string): boolean {
  return engine === 'redis' && serverOf(parseServiceUrl('redis', url, name)) === server
}

/** By leases of this machine, of those that wait for their server too. */
function takenNumbers(server: string): Set<string> {
  const services = loadLedger().leases.flatMap((lease) => resourcesOf(lease, serviceShape))
  return new Set(services.flatMap((one) => (isOn(one, server) && one.own !== undefined ? [one.own] : [])))
}
