/** The variables through which the services of a compose file get ports of their own in each worktree. Pure. */
import type { ComposeFile, ComposeService } from '../init/detect-compose.ts'

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

/** Of the service that publishes the port; undefined when none does. */
export function findVariable(compose: readonly ComposeFile[], port: number | undefined): ComposeVariable | undefined {
  const services = compose.flatMap((file) => file.services)
  const service = services.find(({ ports }) =>
    ports.some(({ published }) => published !== undefined && published === port),
  )
  return service === undefined || port === undefined ? undefined : variableOf(service, port)
}
