/** Ports in env files and in the template. What the template sets wins over what a file says, so only its own keys are harmless. */
import { serverScheme } from '../detect/database.ts'
import { isOfService } from '../detect/source/fallback.ts'
import { loopbackPort, wellKnownVariable, type NameOf } from '../detect/source/port-hit.ts'
import type { SourceFile } from '../detect/source/source-files.ts'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import { configFileName } from '../lib/project/config.ts'
import type { Context, Finding } from './check.ts'
import { findVariable } from './compose-variable.ts'
import { collision, isForDevelopment } from './port-collision.ts'
import { adviseService, sharedService } from './service-advice.ts'
import { inTemplate, ownKeys } from './template-keys.ts'

export function envPorts(context: Context, nameOf: NameOf): Finding[] {
  const files = context.sources.filter(({ path, kind }) => kind === 'env' && isForDevelopment(path))
  return [...files.flatMap((file) => inFile(file, context, nameOf)), ...inOwnTemplate(context, nameOf)]
}

/** `PORT=3000` is no fault there: what is exported wins. Another variable is one, unless the template sets its key. */
function inFile({ path, lines }: SourceFile, context: Context, nameOf: NameOf): Finding[] {
  const set = ownKeys(context, path)
  const isCarried = !context.detection.files.tracked.includes(path)
  return parseEnvStatements(lines.join('\n')).flatMap(({ assignment, line }): Finding[] => {
    const { key = '', body = '' } = assignment ?? {}
    const found = portOf(key, body)
    if (found === undefined || key === 'PORT' || set.has(key)) return []
    // A file that comes along has these rewritten.
    if (isCarried && context.project.config.ports.remap[found.port] !== undefined) return []
    const message = found.isNumber
      ? `${key} is ${found.port} in every worktree`
      : `${key} leads to port ${found.port} from every worktree`
    const advice = serviceAdvice(context, key, body) ?? {
      why: collision,
      fix: adviseValue(key, body, found.port, context, nameOf),
    }
    return [{ id: 'ports.env-file', severity: 'warning', message, ...advice, file: path, line }]
  })
}

function portOf(key: string, body: string): { port: number; isNumber: boolean } | undefined {
  const isNumber = /(?:^|_)PORT$/.test(key) && /^\d{2,5}$/.test(body)
  if (isNumber && isOfService.test(key)) return undefined
  const port = isNumber ? Number(body) : isDatabaseUrl(body) ? undefined : loopbackPort(body)
  return port === undefined ? undefined : { port, isNumber }
}

/** A port of the project's own becomes the worktree's; that of another server's only where a compose service has it. */
function adviseValue(key: string, body: string, port: number, context: Context, nameOf: NameOf): string {
  const { detection, project } = context
  const value = findVariable(detection.compose, project.config.compose.ports, port)?.value ?? nameOf(port).value
  if (value === undefined && wellKnownVariable(port) !== undefined) {
    return `all worktrees share that server: as a service of a compose file, with "compose.ports" in ${configFileName}, each gets its own`
  }
  return inTemplate(context, `${key}=${body.replace(String(port), () => value ?? '$AGENT_DYNAMIC_PORT')}`)
}

function inOwnTemplate(context: Context, nameOf: NameOf): Finding[] {
  const { template, project } = context
  const file = project.config.environment.template
  return parseEnvStatements(template ?? '').flatMap(({ assignment, line }): Finding[] => {
    const { key = '', body = '' } = assignment ?? {}
    const isNumber = /(?:^|_)PORT$/.test(key) && /^\d+$/.test(body)
    const port = isNumber ? Number(body) : isDatabaseUrl(body) ? undefined : loopbackPort(body)
    if (port === undefined) return []
    const { variable, value = '$AGENT_DYNAMIC_PORT' } = nameOf(port)
    const own = variable === `PORT_${port}` ? '$AGENT_DYNAMIC_PORT' : value
    const fix = `${key}=${isNumber ? own : body.replace(`:${port}`, () => `:${own}`)}`
    const message = `${key} is ${port} in every worktree`
    const advice = serviceAdvice(context, key, body) ?? { why: collision, fix }
    return [{ id: 'ports.template', severity: 'error', message, ...advice, file, line }]
  })
}

/** A server that is not the application's has no business with its port. */
function serviceAdvice(context: Context, key: string, body: string): Pick<Finding, 'why' | 'fix'> | undefined {
  const fix = adviseService(context, key, body)
  return fix === undefined ? undefined : { why: sharedService, fix }
}

function isDatabaseUrl(value: string): boolean {
  return new RegExp(`^${serverScheme}://`, 'i').test(value)
}
