/**
 * One name for each server: the leased port that stands for a port of the project's, and the variable that leads to it. What the
 * config and the template say comes first. Pure.
 */
import { findPortNames } from '../../lib/env-text/template.ts'
import { parseEnvStatements } from '../../lib/env-text/syntax.ts'
import { wellKnownVariable, type NameOf, type PortName } from './port-hit.ts'

/** A port as it was met: where, and whether a server opens it there. */
export type MetPort = { port: number; path: string; listens: boolean }

export type NameSettings = {
  /** "ports.remap" and "ports.names" of the config. */
  remap: Readonly<Record<string, string>>
  names: readonly string[]
  /** The text of the environment template. */
  template: string | undefined
}

/** PORT is the port that is met most often, servers before what leads to them; the first of several. */
export function chooseNames(met: readonly MetPort[], { remap, names, template }: NameSettings): NameOf {
  const known = [...names, ...findPortNames(template ?? '')]
  const isOwn = ({ port }: MetPort): boolean => remap[port] === undefined && wellKnownVariable(port) === undefined
  const main = Object.values(remap).includes('app') ? undefined : mostMet(met.filter(isOwn))
  return (port) => {
    const name = remap[port] ?? (port === main ? 'app' : undefined) ?? nameByFolder(met, port, known)
    if (name !== undefined) return nameFor(name, template)
    const service = wellKnownVariable(port)
    if (service !== undefined) return { variable: service, value: undefined }
    return { variable: `PORT_${port}`, value: `$AGENT_PORT_${port}` }
  }
}

/** The variable that the template gives a leased port; else the one that init would. */
export function nameFor(name: string, template: string | undefined): PortName {
  const value = name === 'app' ? '$AGENT_DYNAMIC_PORT' : `$AGENT_PORT_${name.toUpperCase()}`
  const usual = name === 'app' ? 'PORT' : `${name.toUpperCase()}_PORT`
  const keys = parseEnvStatements(template ?? '').flatMap(({ assignment }) =>
    assignment?.body.replace(/[{}]/g, '') === value ? [assignment.key] : [],
  )
  const variable = keys.includes(usual) ? usual : keys.find((key) => !isForBrowser(key))
  return { variable: variable ?? usual, value }
}

function isForBrowser(key: string): boolean {
  return /^(?:VITE|NEXT_PUBLIC|REACT_APP|EXPO_PUBLIC|PUBLIC)_/.test(key)
}

function mostMet(met: readonly MetPort[]): number | undefined {
  const counts = new Map<number, number>()
  for (const { port, listens } of met) counts.set(port, (counts.get(port) ?? 0) + (listens ? met.length : 1))
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0]
}

/** Of an app whose folder has the name of a port, the first port that is met there. */
function nameByFolder(met: readonly MetPort[], port: number, names: readonly string[]): string | undefined {
  const own = met.find((each) => each.port === port && each.listens)
  return names.find((name) => own?.path.split('/').slice(0, -1).includes(name))
}
