/** Ports and names that the services of a compose file take on the machine, whichever worktree they are started in. */
import { join } from 'node:path'
import type { ComposeFile, ComposeService } from '../detect/compose.ts'
import { findComposeFiles } from '../lib/compose/files.ts'
import type { ComposePorts } from '../lib/project/compose-ports.ts'
import { configFileName } from '../lib/project/config.ts'
import type { Context, Finding } from './check.ts'
import { variableOf } from './compose-variable.ts'
import { collision, isForDevelopment } from './port-collision.ts'

export function composePorts(context: Context): Finding[] {
  const files = context.detection.compose.filter(({ path }) => isForDevelopment(path))
  const found = files.flatMap((file) => {
    const isOverridable = isTakenByCompose(file.path, context)
    return file.services.flatMap((service): Finding[] => [
      ...fixedPorts(service, file, isOverridable, context),
      ...fixedContainer(service, file, isOverridable, context),
    ])
  })
  return [...found, ...unknownServices(files, context)]
}

/** A warning, as services may come from files that are included. */
function unknownServices(files: readonly ComposeFile[], context: Context): Finding[] {
  const taken = files.filter(({ path }) => isTakenByCompose(path, context))
  const known = new Set(taken.flatMap(({ services }) => services.map(({ name }) => name)))
  const unknown = Object.keys(context.project.config.compose.ports).filter((name) => !known.has(name))
  if (taken.length === 0) return []
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

function fixedPorts(service: ComposeService, file: ComposeFile, isOverridable: boolean, context: Context): Finding[] {
  const { ports: configured } = context.project.config.compose
  if (isOverridable && Object.hasOwn(configured, service.name)) return []
  return service.ports.flatMap(({ text, line, published }): Finding[] => {
    if (published === undefined) return []
    const message = `the service ${service.name} takes port ${published} of this machine`
    const byHand = adviseVariable(service, text, published, context)
    const fix = isOverridable ? `${adviseConfig(file, configured)}\nor here: ${byHand}` : byHand
    return [{ id: 'ports.compose', severity: 'error', message, why: collision, fix, file: file.path, line }]
  })
}

/** All at once, so that the line can be copied as it is. */
function adviseConfig({ services }: ComposeFile, configured: ComposePorts): string {
  const wanted = services.flatMap(({ name, ports }): [string, unknown][] => {
    const targets = ports.flatMap(({ published, target }) => (published === undefined ? [] : (target ?? published)))
    return targets.length === 0 ? [] : [[name, targets.length === 1 ? targets[0] : targets]]
  })
  const all = { ...Object.fromEntries(wanted), ...configured }
  return `in ${configFileName}: "compose": ${JSON.stringify({ ports: all }, undefined, 1).replace(/\n\s*/g, ' ')}`
}

function adviseVariable(service: ComposeService, text: string, published: number, { project }: Context): string {
  const { variable, value } = variableOf(service, published)
  const mapping = text.replace(String(published), `\${${variable}:-${published}}`)
  const line = text === String(published) ? `published: "${mapping}"` : `- "${mapping}"`
  return variable === 'PORT' ? line : `${line}\nand in ${project.config.environment.template}: ${variable}=${value}`
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
