/** The variables through which the services of a compose file get ports of their own in each worktree. Pure. */
import { publishes, type ComposeFile, type ComposeService } from '../detect/compose.ts'
import { composePortNames, type ComposePorts } from '../lib/project/compose-ports.ts'

/** `variable` is what the compose file reads, `value` what the environment template sets it to. */
export type ComposeVariable = { variable: string; value: string }

/** PORT is for what looks like the application; other services, and further ports, get variables of their own. */
export function variableOf(
  { name, ports }: Pick<ComposeService, 'name' | 'ports'>,
  published: number,
): ComposeVariable {
  const isFirst = ports.find((port) => port.published !== undefined)?.published === published
  if (isFirst && /^(?:web|app|www|site|frontend)$/i.test(name))
    return { variable: 'PORT', value: '$AGENT_DYNAMIC_PORT' }
  const service = name.toUpperCase().replace(/\W/g, '_') + (isFirst ? '' : `_${published}`)
  return { variable: `${service}_PORT`, value: `$AGENT_PORT_${service}` }
}

/** Of the service that publishes the port; undefined when none does. `configured`: those that the engine sees to. */
export function findVariable(
  compose: readonly ComposeFile[],
  configured: ComposePorts,
  port: number | undefined,
): ComposeVariable | undefined {
  if (port === undefined) return undefined
  const services = compose.flatMap((file) => file.services)
  const service = services.find(({ ports }) => ports.some((each) => publishes(each, port)))
  if (service === undefined) return undefined
  const { published = port, target: first } = service.ports.find((each) => publishes(each, port)) ?? {}
  const target = first === undefined ? undefined : first + port - published
  const leased = composePortNames(configured).find(
    (each) => each.service === service.name && (target === undefined || each.containerPort === target),
  )
  const variable = variableOf(service, port)
  return leased === undefined ? variable : { ...variable, value: `$AGENT_PORT_${leased.name.toUpperCase()}` }
}
