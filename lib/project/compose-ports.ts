/** The ports of a compose project's services, as the config asks for them and as the ledger names them. */
import { IsolateError } from '../report/isolate-error.ts'

/** Service → the port, or the ports, that it listens on in its container (TCP). */
export type ComposePorts = Readonly<Record<string, number | readonly number[]>>

/** `name` is the ledger's, as in `AGENT_PORT_<NAME>`. */
export type ComposePort = { name: string; service: string; containerPort: number }

/**
 * A service's first port has the name of the service, each further one `<service>_<port>`; `app` is the worktree's own
 * port, so a service of that name gets `app_<port>` at once. Names are of [a-z0-9_], start with a letter and have at most
 * 31 characters. Throws `IsolateError` for two ports of one name.
 */
export function composePortNames(ports: ComposePorts): ComposePort[] {
  const named = Object.entries(ports).flatMap(([service, wanted]) =>
    [wanted].flat().map((containerPort, index) => ({
      name: portName(service, index === 0 ? undefined : containerPort, containerPort),
      service,
      containerPort,
    })),
  )
  for (const [index, { name, service, containerPort }] of named.entries()) {
    const other = named.slice(0, index).find((one) => one.name === name)
    if (other === undefined) continue
    const both = `${other.service} ${other.containerPort} and ${service} ${containerPort}`
    throw new IsolateError(`"compose.ports": ${both} would both be the port "${name}"`, {
      hint: 'List each port once; of two services with such names, lease ports for one, or rename it.',
    })
  }
  return named
}

/** Of lib/project/config.ts's names of ports. */
const longestName = 31

function portName(service: string, suffix: number | undefined, containerPort: number): string {
  const plain = service.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')
  const base = /^[a-z]/.test(plain) ? plain : `service_${plain.replace(/^_/, '')}`
  const ending = suffix === undefined && base !== 'app' ? '' : `_${containerPort}`
  return base.slice(0, longestName - ending.length) + ending
}
