/** Compose as it is installed here: the plugin of docker, or the program docker-compose, which can be the older 1.x. */
import { childEnvironment, run, type Outcome } from '../processes/run.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** No compose is installed that can replace ports. */
export class NoComposeError extends IsolateError {}

export type ComposeProgram = {
  command: string
  /** What goes before compose's own arguments. */
  args: readonly string[]
}

/** 0.2 s (2.26) here for a small file; a file may include others from the network. */
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
    if (!canReplacePorts(numbers.map(Number))) {
      const name = [command, ...args].join(' ')
      throw new NoComposeError(`"compose.ports" needs Docker Compose 2.24.4 or newer, and ${name} is ${text}`, { hint })
    }
    return { command, args }
  }
  throw new NoComposeError('"compose.ports" needs Docker Compose 2.24.4 or newer, and none is installed', { hint })
}

const hint = 'Install it (https://docs.docker.com/compose/install/), or take "compose.ports" out of agent-isolate.json.'

/** `!override`, and `!reset` with it, came with 2.24.4: docs.docker.com/reference/compose-file/merge. */
function canReplacePorts([major = 0, minor = 0, patch = 0]: readonly number[]): boolean {
  return major > 2 || (major === 2 && (minor > 24 || (minor === 24 && patch >= 4)))
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
