/** Docker Compose in its two forms, each put in front of whatever this machine has. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Sandbox } from './sandbox.ts'

/** As docker's plugin, or as the program docker-compose. */
export type ComposeForm = 'plugin' | 'program'

const variable = 'AGENT_ISOLATE_TEST_COMPOSE_V2'

/** The image of the services in tests. */
export const serviceImage = process.env['AGENT_ISOLATE_TEST_POSTGRES_IMAGE'] ?? 'agent-isolate-test-postgres'

/** Why a test with compose (and with an engine) is skipped; false when it is not. In CI nothing is. */
export function composeSkipReason({ needsEngine = false } = {}): string | false {
  if (process.env['CI']) return false
  if (!existsSync(process.env[variable] ?? '')) return `no docker-compose is named by ${variable}`
  if (!needsEngine || process.env['AGENT_ISOLATE_TEST_POSTGRES_IMAGE'] !== undefined) return false
  return 'no image is named by AGENT_ISOLATE_TEST_POSTGRES_IMAGE'
}

/** Makes it, or nothing, the only compose of this process and its children, until the test ends. */
export function useCompose(t: TestContext, sandbox: Sandbox, form: ComposeForm | undefined): void {
  const programs = join(sandbox.folder, 'programs')
  const dockerConfig = join(sandbox.folder, 'docker')
  mkdirSync(programs)
  mkdirSync(join(dockerConfig, 'cli-plugins'), { recursive: true })
  const path = process.env[variable]
  if (form !== undefined && path === undefined) throw new Error(`${variable} is not set`)
  // A machine may have the plugin, and the program, where everybody finds them.
  if (form !== 'plugin')
    writeProgram(sandbox, 'docker', `[ "$1" != compose ] || exit 1\nexec ${findProgram('docker')} "$@"`)
  if (form !== 'program') writeProgram(sandbox, 'docker-compose', 'exit 127')
  if (path !== undefined && form === 'plugin') symlinkSync(path, join(dockerConfig, 'cli-plugins', 'docker-compose'))
  if (path !== undefined && form === 'program') symlinkSync(path, join(programs, 'docker-compose'))
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
