/** Servers that this machine's checkouts share, and of which each worktree can have its own part: those that answer. */
import type { Detection } from '../detect/detect.ts'
import { patienceMs } from '../detect/find-docker.ts'
import { loadConfig } from '../lib/project/config.ts'
import { fillFromMain } from '../lib/project/main-variables.ts'
import type { ServiceKind } from '../lib/project/services-config.ts'
import { deadlineAt } from '../lib/report/deadline.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { runClient } from '../lib/services/mysql/program.ts'
import { withRedis } from '../lib/services/redis/connection.ts'
import { parseServiceUrl, requireNear } from '../lib/services/service-url.ts'

/** One of "services" of agent-isolate.json, whose URL is nothing but the variable `key`. */
export type NamedService = { name: string; kind: ServiceKind; key: string }

type Candidate = { kind: 'redis' | 'mysql'; key: string }

/** Those of agent-isolate.json as they are there, then what answers within seconds. */
export async function findServices(root: string, detection: Detection): Promise<NamedService[]> {
  const { services } = loadConfig(root).config
  const known = Object.entries(services).flatMap(([name, { kind, url }]): NamedService[] => {
    const [, key] = /^\$(?:\{(\w+)\}|(\w+))$/.exec(url)?.filter((part) => part !== undefined) ?? []
    return key === undefined ? [] : [{ name, kind, key }]
  })
  const candidates = listCandidates(detection).filter(({ key }) => !known.some((each) => each.key === key))
  const answers = await Promise.all(candidates.map((each) => isThere(root, each)))
  const found = candidates.filter((_, index) => answers[index])
  return nameServices(found, known, Object.keys(services))
}

/** Of the env files in which "services" looks, and never one that a compose service publishes: that has a port of the worktree's own. */
function listCandidates({ services, portNames }: Detection): Candidate[] {
  const keys = new Map<string, Candidate>()
  for (const { kind, key, file, isUrl, port } of services) {
    const isOwn = port !== undefined && portNames.ofPort.has(port)
    if ((kind !== 'redis' && kind !== 'mysql') || key === undefined || !isUrl || isOwn) continue
    if (file === '.env.local' || file === '.env') keys.set(key, { kind, key })
  }
  return [...keys.values()]
}

/** `redis`, `redis2`, … */
function nameServices(
  found: readonly Candidate[],
  known: readonly NamedService[],
  taken: readonly string[],
): NamedService[] {
  const named = [...known]
  for (const { kind, key } of found) {
    const names = new Set([...taken, ...named.map(({ name }) => name)])
    const name = [kind, ...Array.from(names, (_, index) => `${kind}${index + 2}`)].find((one) => !names.has(one))
    if (name !== undefined) named.push({ name, kind, key })
  }
  return named
}

/** On this machine alone: a URL that came with the repository may lead to anybody. */
async function isThere(root: string, { kind, key }: Candidate): Promise<boolean> {
  try {
    const text = fillFromMain(`$${key}`, key, root, { environment: { file: '.env.local' } }, {})
    const url = parseServiceUrl(kind, text, key)
    requireNear(url, key, { isRemote: false })
    const deadline = deadlineAt(performance.now() + patienceMs)
    if (kind === 'redis') return (await withRedis(url, deadline, (redis) => redis('PING'))) === 'PONG'
    return mayCreate.test(await runClient(url, deadline, { input: 'SHOW GRANTS' }))
  } catch (error) {
    if (error instanceof IsolateError) return false
    throw error
  }
}

/** Databases of any name: `GRANT ALL PRIVILEGES ON *.*`, `GRANT SELECT, CREATE ON *.*`. */
const mayCreate = /^GRANT (?:ALL PRIVILEGES|(?:.*, )?CREATE(?:, .*)?) ON \*\.\*/m
