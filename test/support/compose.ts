/** The generations of compose that the engine is made for, each put in front of whatever this machine has. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Sandbox } from './sandbox.ts'

export type ComposeKind = {
  name: string
  /** Names the program `docker-compose` of that generation. */
  variable: 'AGENT_ISOLATE_TEST_COMPOSE_V1' | 'AGENT_ISOLATE_TEST_COMPOSE_V2'
  isPlugin: boolean
  /** What a user types. */
  command: readonly [string, ...string[]]
}

export const composeV2: ComposeKind = {
  name: 'docker compose',
  variable: 'AGENT_ISOLATE_TEST_COMPOSE_V2',
  isPlugin: true,
  command: ['docker', 'compose'],
}

export const composeV1: ComposeKind = {
  name: 'docker-compose 1.x',
  variable: 'AGENT_ISOLATE_TEST_COMPOSE_V1',
  isPlugin: false,
  command: ['docker-compose'],
}

export const composeKinds: readonly ComposeKind[] = [composeV2, composeV1]

/** The image of the services in tests. */
export const serviceImage = process.env['AGENT_ISOLATE_TEST_POSTGRES_IMAGE'] ?? 'agent-isolate-test-postgres'

/** Why a test with that compose (and with an engine) is skipped; false when it is not. In CI nothing is. */
export function composeSkipReason({ variable }: ComposeKind, { needsEngine = false } = {}): string | false {
  if (process.env['CI']) return false
  if (!existsSync(process.env[variable] ?? '')) return `no docker-compose is named by ${variable}`
  if (!needsEngine || process.env['AGENT_ISOLATE_TEST_POSTGRES_IMAGE'] !== undefined) return false
  return 'no image is named by AGENT_ISOLATE_TEST_POSTGRES_IMAGE'
}

/** Makes it, or nothing, the only compose of this process and its children, until the test ends. */
export function useCompose(t: TestContext, sandbox: Sandbox, kind: ComposeKind | undefined): void {
  const programs = join(sandbox.folder, 'programs')
  const dockerConfig = join(sandbox.folder, 'docker')
  mkdirSync(programs)
  mkdirSync(join(dockerConfig, 'cli-plugins'), { recursive: true })
  const path = kind === undefined ? undefined : process.env[kind.variable]
  if (kind !== undefined && path === undefined) throw new Error(`${kind.variable} is not set`)
  // A machine may have the plugin, and the program, where everybody finds them.
  if (!kind?.isPlugin)
    writeProgram(sandbox, 'docker', `[ "$1" != compose ] || exit 1\nexec ${findProgram('docker')} "$@"`)
  if (path === undefined || kind?.isPlugin) writeProgram(sandbox, 'docker-compose', 'exit 127')
  else symlinkSync(path, join(programs, 'docker-compose'))
  if (path !== undefined && kind?.isPlugin) symlinkSync(path, join(dockerConfig, 'cli-plugins', 'docker-compose'))
  setEnvironment(t, {
    HOME: sandbox.env['HOME'],
    DOCKER_CONFIG: dockerConfig,
    PATH: `${programs}${delimiter}${process.env['PATH']}`,
    COMPOSE_FILE: undefined,
    COMPOSE_PATH_SEPARATOR: undefined,
    COMPOSE_PROJECT_NAME: undefined,
  })
}

/** A script first on PATH, once `useCompose` has put the sandbox's programs there. */
export function writeProgram({ write }: Sandbox, name: string, script: string): void {
  chmodSync(write(join('programs', name), `#!/bin/sh\n${script}\n`), 0o755)
}

function findProgram(name: string): string {
  return execFileSync('/bin/sh', ['-c', 'command -v "$0" || echo false', name], { encoding: 'utf8' }).trim()
}

export function setEnvironment(t: TestContext, values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name]
    const assign = (text: string | undefined): void => {
      if (text === undefined) delete process.env[name]
      else process.env[name] = text
    }
    assign(value)
    t.after(() => assign(before))
  }
}
