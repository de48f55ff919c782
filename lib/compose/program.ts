/** Compose as it is installed here: the plugin of docker (2.x and later), or the program docker-compose (1.x, or 2.x again). */
import { IsolateError } from '../report/isolate-error.ts'
import { childEnvironment, run, type Outcome } from '../processes/run.ts'

export type ComposeProgram = {
  command: string
  /** What goes before compose's own arguments. */
  args: readonly string[]
  /** docker-compose 1.x, which knows no `!override`. */
  isLegacy: boolean
}

/** 0.2 s (2.26) and 0.6 s (1.29) here for a small file; a file may include others from the network. */
const timeoutMs = 60_000

const programs = [
  { command: 'docker', args: ['compose'] },
  { command: 'docker-compose', args: [] },
] as const

/** The plugin where there is one. Throws `IsolateError` when neither is installed, or one that cannot replace ports. */
export async function requireComposeProgram(): Promise<ComposeProgram> {
  for (const { command, args } of programs) {
    const { code, stdout } = await runCompose({ command, args }, ['version', '--short'])
    const version = code === 0 ? /(\d+)\.(\d+)\.(\d+)/.exec(stdout) : null
    if (version === null) continue
    const [text, ...numbers] = version
    const [major = 0, minor = 0, patch = 0] = numbers.map(Number)
    if (major === 2 && (minor < 24 || (minor === 24 && patch < 4))) throw tooOld(text)
    return { command, args, isLegacy: major < 2 }
  }
  throw new IsolateError('"compose.ports" is configured, and neither docker compose nor docker-compose is installed', {
    hint: 'Install Compose (https://docs.docker.com/compose/install/; Debian: docker-compose), or remove "compose".',
  })
}

/** `!override`, and `!reset` with it, came with 2.24.4: docs.docker.com/reference/compose-file/merge. */
function tooOld(version: string): IsolateError {
  return new IsolateError(`Docker Compose ${version} cannot replace the ports of a service; 2.24.4 and later can`, {
    hint: 'Update Docker Compose (https://docs.docker.com/compose/install/), or remove "compose".',
  })
}

/** Runs compose to its end. A failing or missing program is an outcome. */
export function runCompose(
  { command, args }: Pick<ComposeProgram, 'command' | 'args'>,
  composeArgs: readonly string[],
  { cwd, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const options = { env: childEnvironment(env), timeoutMs }
  return run(command, [...args, ...composeArgs], cwd === undefined ? options : { ...options, cwd })
}
