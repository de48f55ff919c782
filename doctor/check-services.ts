/** Whether worktrees can have their part of the servers that "services" of agent-isolate.json names. */
import { configFileName } from '../lib/project/config.ts'
import { fillFromMain } from '../lib/project/main-variables.ts'
import type { ServiceConfig } from '../lib/project/services-config.ts'
import { noDeadline } from '../lib/report/deadline.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { notTrusted } from '../lib/report/not-trusted.ts'
import { runClient } from '../lib/services/mysql/program.ts'
import { withRedis } from '../lib/services/redis/connection.ts'
import { parseServiceUrl, requireNear, serverOf } from '../lib/services/service-url.ts'
import type { Check, Context, Finding } from './check.ts'

export const servicesCheck: Check = {
  id: 'services',
  title: 'Servers that checkouts share',
  async run(context) {
    const services = Object.entries(context.project.config.services).filter(([, { kind }]) => kind !== 'prefix')
    if (services.length === 0) return []
    // A URL may carry a variable's value to any server: it is not followed before somebody has read it.
    if (!context.project.isTrusted) return [untrusted(services.map(([name]) => name))]
    return Promise.all(services.map(([name, config]) => examineService(context, name, config)))
  },
}

function untrusted(names: readonly string[]): Finding {
  const { message, hint } = notTrusted(`worktrees get nothing of ${names.join(', ')}`, configFileName)
  const why = 'Where a URL leads came with the repository.'
  return { id: 'services.untrusted', severity: 'error', message, why, fix: hint, file: configFileName }
}

async function examineService({ project, env }: Context, name: string, config: ServiceConfig): Promise<Finding> {
  try {
    const message = await askService(project.repository.source, name, config, project.config, env)
    return { id: 'services.ok', severity: 'ok', message }
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    const { message, hint = 'See "services" in agent-isolate.json.' } = error
    const why = 'Every new worktree fails.'
    return { id: 'services.server', severity: 'error', message, why, fix: hint, file: configFileName }
  }
}

/** Throws `IsolateError` for a server that a creation could not use. */
async function askService(
  source: string | undefined,
  name: string,
  config: ServiceConfig,
  all: Context['project']['config'],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const { kind } = config
  if (kind === 'prefix') return `${name} has a prefix`
  const url = parseServiceUrl(kind, fillFromMain(config.url, `"services.${name}.url"`, source, all, env), name)
  if (kind !== 'redis' && kind !== 'mysql') return `${name} has names of its own`
  requireNear(url, name, config)
  await (kind === 'redis'
    ? withRedis(url, noDeadline, (redis) => redis('PING'))
    : runClient(url, noDeadline, { input: 'SELECT 1' }))
  return `${name} answers on ${serverOf(url)}`
}
