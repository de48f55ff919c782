/** The runtimes that the hooks are written for. Those that are not Node's own are named by environment variables; CI names all. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export type Runtime = {
  name: string
  /** What goes before the path of a TypeScript file; undefined when this machine has no such runtime. */
  command: readonly string[] | undefined
}

const tsx = import.meta.resolve('tsx')

export const runtimes: readonly Runtime[] = [
  { name: 'tsx', command: [process.execPath, '--import', tsx] },
  { name: 'Node 22', command: named('AGENT_ISOLATE_TEST_NODE22') },
  { name: 'Node 24', command: named('AGENT_ISOLATE_TEST_NODE24') },
  { name: 'Deno', command: named('AGENT_ISOLATE_TEST_DENO', 'run', '-A') },
  { name: 'Bun', command: named('AGENT_ISOLATE_TEST_BUN') },
]

/** Why a test of that runtime is skipped; false when it is not. In CI nothing is. */
export function skipReason({ name, command }: Runtime): string | false {
  if (command !== undefined || process.env['CI']) return false
  return `no ${name} is named by ${runtimeVariable({ name })}`
}

/** The variable that names the runtime's binary. */
export function runtimeVariable({ name }: Pick<Runtime, 'name'>): string {
  return `AGENT_ISOLATE_TEST_${name.toUpperCase().replace(' ', '')}`
}

function named(variable: string, ...args: string[]): string[] | undefined {
  const path = process.env[variable]
  return path !== undefined && existsSync(path) ? [path, ...args] : undefined
}

/** A hook's source, for a runtime that strips types. */
export function hookSource(name: string): string {
  return join(import.meta.dirname, '../..', 'hooks', `${name}.ts`)
}
