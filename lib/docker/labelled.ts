/** Containers and volumes by their labels. Labels alone say whose something is; a name never does. */
import { parseJson, textOf } from '../files/json.ts'
import { docker, type Engine } from './engine.ts'
import { dockerFailure } from './fault.ts'

/** Keys and values. Docker cannot look for a value with white space at its ends. */
export type Labels = Readonly<Record<string, string>>

export type LabelledKind = 'container' | 'volume'

/** `id` is what commands take: a volume's is its name. */
export type Labelled = { id: string; name: string; labels: Labels }

/** True when there is a label at all, and all the wanted ones are there with these values. Pure. */
export function carriesLabels(labels: Labels, wanted: Labels): boolean {
  const entries = Object.entries(wanted)
  return entries.length > 0 && entries.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
}

/** As arguments of a command that makes something. Pure. */
export function labelArguments(labels: Labels): string[] {
  return Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`])
}

/** All that carry every one of these labels (at least one), stopped containers too. Throws as `docker`. */
export async function listLabelled(
  engine: Engine,
  kind: LabelledKind,
  labels: Labels,
  options: { timeoutMs?: number } = {},
): Promise<Labelled[]> {
  const list = kind === 'container' ? ['ps', '--all', '--quiet', '--no-trunc'] : ['volume', 'ls', '--quiet']
  const filters = Object.entries(labels).flatMap(([key, value]) => ['--filter', `label=${key}=${value}`])
  const { code, stdout, stderr } = await docker(engine, [...list, ...filters], options)
  if (code !== 0) throw dockerFailure(`the engine's ${kind}s`, 'listed', stderr)
  const ids = stdout.split('\n').filter((line) => line !== '')
  const found = await inspect(engine, kind, ids)
  return found.flatMap((value) => parseLabelled(value) ?? []).filter((one) => carriesLabels(one.labels, labels))
}

/** What `docker inspect` says of those that are there; whatever went meanwhile is left out. Throws as `docker`. */
export async function inspect(
  engine: Engine,
  kind: LabelledKind,
  ids: readonly string[],
  options: { timeoutMs?: number } = {},
): Promise<unknown[]> {
  if (ids.length === 0) return []
  const { code, stdout, stderr } = await docker(engine, [kind, 'inspect', '--', ...ids], options)
  if (code !== 0 && !saysAbsent(stderr)) throw dockerFailure(`${kind} ${ids.join(' ')}`, 'inspected', stderr)
  const values = parseJson(stdout)
  return Array.isArray(values) ? values : []
}

/** True for the words with which an engine says that there is no such thing. Pure. */
export function saysAbsent(stderr: string): boolean {
  return /no such (?:container|volume|object)|no container with name or id/i.test(stderr)
}

/** Reads one element of `inspect`: a container's labels are in its Config, a volume's are not. Pure. */
export function parseLabelled(value: unknown): Labelled | undefined {
  const name = textIn(value, 'Name')?.replace(/^\//, '')
  if (name === undefined) return undefined
  const labels = partOf(partOf(value, 'Config') ?? value, 'Labels')
  return { id: textIn(value, 'Id') ?? name, name, labels: parseLabels(labels) }
}

function parseLabels(value: unknown): Labels {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** The property of that name; undefined where there is none. Pure. */
export function partOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return Object.entries(value).find(([name]) => name === key)?.[1]
}

function textIn(value: unknown, key: string): string | undefined {
  return textOf(partOf(value, key)) || undefined
}
