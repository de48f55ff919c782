/** Reads what `docker compose config --format json` (2.24.4 and later) says, with or without `--no-interpolate`. */
import { isObject, parseJson } from '../files/json.ts'
import type { ComposeModel, ComposeService } from './plan.ts'

/** Undefined for text that is no compose project. */
export function parseJsonConfig(text: string): ComposeModel | undefined {
  const config = parseJson(text)
  if (!isObject(config)) return undefined
  const services = entriesOf(config['services']).map(([name, service]): [string, ComposeService] => [
    name,
    {
      containerName: textOf(service['container_name']),
      networkMode: textOf(service['network_mode']),
      fixedPorts: Array.isArray(service['ports']) ? service['ports'].flatMap(fixedPort) : [],
    },
  ])
  return {
    services: new Map(services),
    volumes: namesOf(config['volumes']),
    networks: namesOf(config['networks']),
  }
}

function namesOf(section: unknown): Map<string, string> {
  const own = entriesOf(section).filter(([, { external }]) => external === undefined || external === false)
  return new Map(own.flatMap(([key, { name }]): [string, string][] => (typeof name === 'string' ? [[key, name]] : [])))
}

/** Without interpolation a port is text when any of the list has a variable, and an object otherwise (2.26). */
function fixedPort(port: unknown): string[] {
  if (typeof port === 'string') return fixedHostPort(port)
  if (!isObject(port)) return []
  const { published } = port
  if (typeof published === 'number' && published > 0) return [String(published)]
  return typeof published === 'string' && /^[1-9][\d-]*$/.test(published) ? [published] : []
}

/** The host's port, or ports, of `[address:]host:container`, when it is written as numbers; [] otherwise. */
function fixedHostPort(port: string): string[] {
  const host = /^(?:.*:)?([1-9][\d-]*):[^:]+$/.exec(port)?.[1]
  return host === undefined ? [] : [host]
}

function entriesOf(section: unknown): [string, Record<string, unknown>][] {
  if (!isObject(section)) return []
  return Object.entries(section).map(([key, value]) => [key, isObject(value) ? value : {}])
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
