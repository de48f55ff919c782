/** Ports and names that the services of a compose file take on the machine, whichever worktree they are started in. */
import { join, posix } from 'node:path'
import type { ComposeFile, ComposePort, ComposeService } from '../detect/compose.ts'
import { findComposeFiles } from '../lib/compose/files.ts'
import type { ComposePorts } from '../lib/project/compose-ports.ts'
import { blockSize } from '../lib/ledger/ports.ts'
import { configFileName } from '../lib/project/config.ts'
import type { Context, Finding } from './check.ts'
import { variableOf } from './compose-variable.ts'
import { collision, isForDevelopment } from './port-collision.ts'
import { inTemplate, templateKeys } from './template-keys.ts'

export function composePorts(context: Context): Finding[] {
  const files = context.detection.compose
    .filter(({ path }) => isForDevelopment(path))
    .map((file) => withFallbacks(file, context))
  const found = files.flatMap((file) => {
    const isOverridable = isTakenByCompose(file.path, context)
    const ofServices = file.services.flatMap((service): Finding[] => [
      ...fixedPorts(service, file, isOverridable, context),
      ...fixedContainer(service, file, isOverridable, context),
    ])
    return [...unreadable(file), ...ofServices, ...unreadSources(file, files)]
  })
  return [...found, ...unknownServices(files, context)]
}

function unreadable({ path, fault }: ComposeFile): Finding[] {
  if (fault === undefined) return []
  return [
    {
      id: 'ports.compose-file',
      severity: 'warning',
      message: `it cannot be read: ${fault.message}`,
      why: 'Fixed ports in it are not found.',
      fix: `see what compose says of it: docker compose --file ${path} config`,
      file: path,
      line: fault.line,
    },
  ]
}

/** Files of other names, other repositories: those are not looked into. */
function unreadSources({ path, sources }: ComposeFile, files: readonly ComposeFile[]): Finding[] {
  const read = new Set(files.map((file) => file.path))
  const unread = sources.filter((source) => !read.has(posix.join(posix.dirname(path), source.path)))
  const once = unread.filter((source, index) => unread.findIndex((other) => other.path === source.path) === index)
  return once.map((source) => ({
    id: 'ports.compose-source',
    severity: 'warning',
    message: `${source.path}, which services come from, is not looked into`,
    why: 'Fixed ports in it are not found.',
    fix: `look for fixed ports in it, and name their services in "compose.ports" of ${configFileName}`,
    file: path,
    line: source.line,
  }))
}

/** A warning, as services may come from files that are included. */
function unknownServices(files: readonly ComposeFile[], context: Context): Finding[] {
  const taken = files.filter(({ path }) => isTakenByCompose(path, context))
  const known = new Set(taken.flatMap(({ services }) => services.map(({ name }) => name)))
  const unknown = Object.keys(context.project.config.compose.ports).filter((name) => !known.has(name))
  if (taken.length === 0 || taken.some(({ fault }) => fault !== undefined)) return []
  return unknown.map((name) => ({
    id: 'ports.compose-service',
    severity: 'warning',
    message: `"compose.ports" names the service ${name}, which is not in ${taken.map(({ path }) => path).join(', ')}`,
    why: 'Where no included file has it, every new worktree fails.',
    fix: known.size === 0 ? 'take it out' : `it has: ${[...known].join(', ')}`,
    file: configFileName,
  }))
}

/** Of these alone the engine makes an override file in each worktree. */
function isTakenByCompose(path: string, { root }: Context): boolean {
  return findComposeFiles(root).includes(join(root, path))
}

function fixedPorts(service: FoundService, file: FoundFile, isOverridable: boolean, context: Context): Finding[] {
  const { ports: configured } = context.project.config.compose
  if (isOverridable && Object.hasOwn(configured, service.name)) return []
  return service.ports.flatMap((port): Finding[] => {
    const { line, published, count } = port
    if (published === undefined) return []
    const taken = count === 1 ? `port ${published}` : `ports ${published}-${published + count - 1}`
    const where =
      port.unset === undefined ? 'of this machine' : `in every worktree: ${port.unset.variable} is set nowhere`
    const message = `the service ${service.name} takes ${taken} ${where}`
    const byHand = adviseVariable(service, port, published, context)
    const fix =
      isOverridable && count < blockSize
        ? `${adviseConfig(file, configured)}\nor ${port.unset === undefined ? 'here: ' : ''}${byHand}`
        : byHand
    return [{ id: 'ports.compose', severity: 'error', message, why: collision, fix, file: file.path, line }]
  })
}

/** `${WEB_PORT:-3000}:3000`, where nothing gives WEB_PORT a value of the worktree's own, is port 3000 in each. */
type FoundPort = ComposePort & { unset?: { variable: string; address: string } }

function withFallbacks({ services, ...file }: ComposeFile, context: Context): FoundFile {
  const set = templateKeys(context)
  const found = services.map((service) => ({ ...service, ports: service.ports.map((port) => fallBack(port, set)) }))
  return { ...file, services: found }
}

type FoundService = Omit<ComposeService, 'ports'> & { ports: readonly FoundPort[] }

type FoundFile = Omit<ComposeFile, 'services'> & { services: readonly FoundService[] }

function fallBack(port: ComposePort, set: ReadonlySet<string>): FoundPort {
  const [, variable, address = '', fallback] = /\$\{(\w+):?-([\d.]+:)?(\d{2,5})\}/.exec(port.text) ?? []
  if (variable === undefined || port.published !== undefined || set.has(variable)) return port
  return { ...port, published: Number(fallback), unset: { variable, address } }
}

/** All at once, so that the line can be copied as it is. */
function adviseConfig({ services }: ComposeFile, configured: ComposePorts): string {
  const wanted = services.flatMap(({ name, ports }): [string, unknown][] => {
    const leasable = ports.filter(({ published, count }) => published !== undefined && count < blockSize)
    const all = leasable.flatMap(({ published = 0, target = published, count }) =>
      Array.from({ length: count }, (_, index) => target + index),
    )
    // A port may be there twice, for TCP and for UDP.
    const targets = [...new Set(all)]
    return targets.length === 0 ? [] : [[name, targets.length === 1 ? targets[0] : targets]]
  })
  const all = { ...Object.fromEntries(wanted), ...configured }
  return `in ${configFileName}: "compose": ${JSON.stringify({ ports: all }, undefined, 1).replace(/\n\s*/g, ' ')}`
}

/** Of a range for its first port, with the container's as it is. */
function adviseVariable(service: FoundService, port: FoundPort, published: number, context: Context): string {
  const { variable, value } = variableOf(service, published)
  if (port.unset !== undefined) return inTemplate(context, `${port.unset.variable}=${port.unset.address}${value}`)
  const isRange = port.count > 1
  const text = isRange ? `${published}:${port.target ?? published}` : port.text
  const mapping = text.replace(new RegExp(`(?<=^|:)${published}(?=:|$)`), `\${${variable}:-${published}}`)
  const short = isRange ? `each on a line of its own: - "${mapping}"` : `- "${mapping}"`
  const line = text === String(published) ? `published: "${mapping}"` : short
  return variable === 'PORT' ? line : `${line}\nand ${inTemplate(context, `${variable}=${value}`)}`
}

/** With any service in "compose.ports", the override file takes the names of all containers out. */
function fixedContainer(
  { containerName }: ComposeService,
  file: ComposeFile,
  isOverridable: boolean,
  { project }: Context,
): Finding[] {
  if (containerName === undefined || containerName.name.includes('$')) return []
  const { ports: configured } = project.config.compose
  if (isOverridable && Object.keys(configured).length > 0) return []
  const { name, line } = containerName
  const why = 'A machine has one container of a name: the second worktree cannot start its own.'
  const hasPorts = file.services.some(({ ports }) => ports.some(({ published }) => published !== undefined))
  const alternative = isOverridable && hasPorts ? `\nor ${adviseConfig(file, configured)}` : ''
  const fix = `take the line out: compose names it after the worktree${alternative}`
  const message = `the container is always called ${name}`
  return [{ id: 'ports.container-name', severity: 'error', message, why, fix, file: file.path, line }]
}
