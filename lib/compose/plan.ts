/** What has to be different in a compose project so that two worktrees can have it up at once; and that as an override file. */
import type { ComposePort } from '../project/compose-ports.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** The part of a compose project that other projects can meet. Variables in it may be filled in or not. */
export type ComposeModel = {
  services: ReadonlyMap<string, ComposeService>
  /** The explicit `name` of each volume and network that has one and is not external. */
  volumes: ReadonlyMap<string, string>
  networks: ReadonlyMap<string, string>
}

export type ComposeService = {
  containerName: string | undefined
  networkMode: string | undefined
  /** Ports of the host, written down as numbers. */
  fixedPorts: readonly string[]
}

export type ComposePlan = {
  /** Service → what its `ports` become, as `address:host:container`. */
  ports: ReadonlyMap<string, readonly string[]>
  /** Those that lose their fixed `container_name`; volumes and networks, their `name`. Compose then makes one of its own. */
  containers: readonly string[]
  volumes: readonly string[]
  networks: readonly string[]
  /** What stays as it is and will be in the way, one line each. */
  warnings: readonly string[]
}

export type LeasedPort = ComposePort & { hostPort: number }

/**
 * `ownPorts`: all of the worktree, which a variable may have brought into the compose file. Throws `IsolateError` for a
 * port of a service that is not there, or that can publish none.
 */
export function planCompose(
  model: ComposeModel,
  project: string,
  leased: readonly LeasedPort[],
  ownPorts: readonly number[],
): ComposePlan {
  const ports = new Map<string, string[]>()
  for (const { service, containerPort, hostPort } of leased) {
    requirePublishing(model, service)
    ports.set(service, [...(ports.get(service) ?? []), `127.0.0.1:${hostPort}:${containerPort}`])
  }
  const isShared = (name: string | undefined): boolean => name !== undefined && !isOfProject(name, project)
  const keysOfShared = (names: ReadonlyMap<string, string>): string[] =>
    [...names].filter(([, name]) => isShared(name)).map(([key]) => key)
  const services = [...model.services]
  return {
    ports,
    containers: services.filter(([, { containerName }]) => isShared(containerName)).map(([service]) => service),
    volumes: keysOfShared(model.volumes),
    networks: keysOfShared(model.networks),
    warnings: services
      .filter(([service]) => !ports.has(service))
      .flatMap(([service, { fixedPorts }]) => {
        const shared = fixedPorts.filter((port) => !ownPorts.includes(Number(port)))
        return shared.length === 0 ? [] : [describeFixed(service, shared)]
      }),
  }
}

/** A name made of the project's is distinct already. */
function isOfProject(name: string, project: string): boolean {
  return name.includes(project) || /\$\{?COMPOSE_PROJECT_NAME\b/.test(name)
}

function requirePublishing({ services }: ComposeModel, service: string): void {
  const found = services.get(service)
  if (found === undefined) {
    throw new IsolateError(`"compose.ports": the compose file has no service "${service}"`, {
      hint: `It has: ${[...services.keys()].join(', ')}.`,
    })
  }
  if (found.networkMode === undefined || found.networkMode === 'bridge') return
  throw new IsolateError(`"compose.ports": the service "${service}" has network_mode ${found.networkMode}`, {
    hint: 'It publishes no ports of its own. Take network_mode away, or the service out of "compose.ports".',
  })
}

function describeFixed(service: string, fixedPorts: readonly string[]): string {
  const list = fixedPorts.join(', ')
  return `the compose service ${service} publishes the fixed port ${list}, as it does in every worktree; name it in "compose.ports"`
}

/** The override file for Compose 2.24.4 and later. JSON's strings are YAML's too. */
export function renderOverride({ ports, containers, volumes, networks }: ComposePlan): string {
  const services = [...new Set([...ports.keys(), ...containers])].flatMap((service) => [
    `  ${JSON.stringify(service)}:`,
    ...(containers.includes(service) ? ['    container_name: !reset null'] : []),
    ...renderPorts(ports.get(service)),
  ])
  const sections = { services, volumes: withoutName(volumes), networks: withoutName(networks) }
  const lines = Object.entries(sections).flatMap(([key, body]) => (body.length === 0 ? [] : [`${key}:`, ...body]))
  return `${ownHeader}${lines.length === 0 ? '{}' : lines.join('\n')}\n`
}

function withoutName(keys: readonly string[]): string[] {
  return keys.flatMap((key) => [`  ${JSON.stringify(key)}:`, '    name: !reset null'])
}

function renderPorts(ports: readonly string[] | undefined): string[] {
  if (ports === undefined) return []
  return ['    ports: !override', ...ports.map((port) => `      - ${JSON.stringify(port)}`)]
}

/** The first line of what we generate. */
const ownHeader = '# made by agent-isolate for this worktree, and removed with it\n'
