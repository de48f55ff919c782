/**
 * The container engine, by way of the `docker` program (Docker's, or podman's that answers to the name). Which engine is
 * always said explicitly, so that what was made with one is never looked for on another.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { hideSecrets } from '../report/hide-secrets.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { isObject, isText, isTextOrMissing, parseJson } from '../files/json.ts'
import { readIfFile } from '../files/read-if-any.ts'
import { childEnvironment, run, type Outcome, type RunOptions } from '../processes/run.ts'
import { UnreachableError } from '../report/unreachable-error.ts'

/** Which engine is meant: a DOCKER_HOST or the name of a docker context; neither: the program's own default. Plain data. */
export type Engine = { host?: string; context?: string }

export type DockerOptions = Omit<RunOptions, 'env'> & {
  /** Added to the program's environment: values that must not be seen among its arguments. */
  environment?: Readonly<Record<string, string>>
}

/** An engine answers within a second; one on a slow network, or a machine that is under load, within a few. */
export const defaultTimeoutMs = 60_000

/** The engine that `docker` would talk to with this environment. DOCKER_HOST beats DOCKER_CONTEXT beats the chosen context. */
export function currentEngine(env: NodeJS.ProcessEnv = process.env): Engine {
  const host = env['DOCKER_HOST']
  if (host) return { host }
  const context = env['DOCKER_CONTEXT'] || findChosenContext(env)
  return context === undefined || context === 'default' ? {} : { context }
}

/** What `docker context use` wrote down. */
function findChosenContext(env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker')
  const config = parseJson(readIfFile(join(folder, 'config.json')) ?? '')
  const context = isObject(config) ? config['currentContext'] : undefined
  return isText(context) ? context : undefined
}

/** The environment in which `docker` and `docker-compose` talk to that engine, whatever ours says. */
export function engineEnvironment(engine: Engine, extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env = childEnvironment({ LC_ALL: 'C', ...extra })
  delete env['DOCKER_HOST']
  delete env['DOCKER_CONTEXT']
  if (engine.host !== undefined) env['DOCKER_HOST'] = engine.host
  // Named even where it is the default one: the user may have chosen another since.
  else env['DOCKER_CONTEXT'] = engine.context ?? 'default'
  return env
}

/**
 * Runs `docker ARGS` to its end, within `timeoutMs` (60 s). A failing command is an outcome. Throws `UnreachableError`
 * when there is no such program, when the engine does not answer, may not be talked to, or takes longer than that.
 */
export async function docker(engine: Engine, args: readonly string[], options: DockerOptions = {}): Promise<Outcome> {
  const { environment, timeoutMs = defaultTimeoutMs, ...rest } = options
  const outcome = await run('docker', args, { ...rest, timeoutMs, env: engineEnvironment(engine, environment) })
  if (outcome.timedOut) throw timeoutFailure(engine, args, timeoutMs)
  const failure = findEngineFailure(engine, outcome)
  if (failure !== undefined) throw failure
  return outcome
}

function timeoutFailure(engine: Engine, args: readonly string[], timeoutMs: number): UnreachableError {
  const message = `docker ${args[0]} did not end within ${timeoutMs / 1000} s (${describeEngine(engine)})`
  return new UnreachableError(message, { hint: `See whether the engine answers: ${commandFor(engine, 'docker info')}` })
}

/** Words that say that it was not the command that failed, and what helps. Docker 20 to 29 and podman 4 and 5. */
const engineFailures: readonly { pattern: RegExp; hint: (engine: Engine) => string }[] = [
  {
    pattern: /permission denied while trying to connect|dial unix .*: connect: permission denied/i,
    hint: () =>
      'Your user may not talk to it. Join the group of its socket (sudo usermod -aG docker $USER), log in again.',
  },
  {
    pattern: /could not be found in this WSL/i,
    hint: () => 'Switch on the WSL integration for this distribution in the settings of Docker Desktop.',
  },
  {
    pattern: /unable to resolve docker endpoint|context ".*" does not exist|unable to parse docker host/i,
    hint: () => 'See which contexts there are (docker context ls), and what DOCKER_HOST and DOCKER_CONTEXT say.',
  },
  {
    pattern:
      /Cannot connect to (?:the Docker daemon|Podman)|failed to connect to the docker API|error during connect|unable to connect to Podman|Docker Desktop is (?:manually )?paused|request returned .* for API route/i,
    hint: (engine) => `Start it, or see what is wrong with it: ${commandFor(engine, 'docker info')}`,
  },
]

function findEngineFailure(engine: Engine, { isMissing, code, stderr }: Outcome): UnreachableError | undefined {
  if (isMissing) {
    return new UnreachableError('docker is not installed: there is no such program on PATH', {
      hint: 'Install Docker (https://docs.docker.com/get-docker/), or podman with its docker command.',
    })
  }
  if (code === 0) return undefined
  const known = engineFailures.find(({ pattern }) => pattern.test(stderr))
  if (known === undefined) return undefined
  const words = stderr.split('\n').find((line) => known.pattern.test(line)) ?? stderr
  // docker quotes what it cannot read.
  const shown = engine.host === undefined ? words : words.replaceAll(engine.host, withoutPassword(engine.host))
  const message = `the container engine cannot be reached (${describeEngine(engine)}): ${shown.trim()}`
  return new UnreachableError(message, { hint: known.hint(engine) })
}

function describeEngine({ host, context }: Engine): string {
  if (host !== undefined) return `DOCKER_HOST=${withoutPassword(host)}`
  return context === undefined ? 'the default one' : `context ${context}`
}

function commandFor({ host, context }: Engine, command: string): string {
  if (host !== undefined) return `DOCKER_HOST=${withoutPassword(host)} ${command}`
  return context === undefined ? command : `DOCKER_CONTEXT=${context} ${command}`
}

/** An endpoint as it may be shown. */
export function withoutPassword(host: string): string {
  // Without a scheme it is tcp: docker takes that for a URL, too.
  return host.includes('://') ? hideSecrets(host) : hideSecrets(`tcp://${host}`).slice('tcp://'.length)
}

/** Of data from outside. */
export function isEngine(value: unknown): value is Engine {
  return isObject(value) && [value['host'], value['context']].every(isTextOrMissing)
}

/** Where a port that the engine publishes is found: a host name or address for a URL (IPv6 without brackets). */
export type EngineHost = { host: string; isLocal: boolean }

/**
 * The machine of that engine. Local are sockets of this machine and its loopback addresses. A process (`docker context
 * inspect`) only for a named context. Throws `IsolateError` for a setting that names no host, `UnreachableError` as `docker`.
 */
export async function findEngineHost(engine: Engine): Promise<EngineHost> {
  if (engine.host !== undefined) return requireHost(engine.host, 'DOCKER_HOST')
  if (engine.context === undefined) return loopback
  const args = ['context', 'inspect', engine.context, '--format', '{{.Endpoints.docker.Host}}']
  const { code, stdout, stderr } = await docker(engine, args)
  // The context may have been removed, or its file be damaged; docker has no better word than exit code 1.
  if (code !== 0) {
    throw new UnreachableError(`the docker context ${engine.context} cannot be read: ${stderr.trim()}`, {
      hint: 'See which contexts there are: docker context ls',
    })
  }
  return requireHost(stdout.trim(), `the docker context ${engine.context}`)
}

const loopback: EngineHost = { host: '127.0.0.1', isLocal: true }

function requireHost(endpoint: string, source: string): EngineHost {
  const found = parseEngineHost(endpoint)
  if (found !== undefined) return found
  throw new IsolateError(`${source} names no host: ${withoutPassword(endpoint)}`, {
    hint: 'It should be like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host.',
  })
}

/** Reads an endpoint as docker does: without a scheme it is tcp, without a host it is this machine. Pure. */
export function parseEngineHost(endpoint: string): EngineHost | undefined {
  const text = endpoint.includes('://') ? endpoint : `tcp://${endpoint}`
  if (endpoint === '' || /^(?:unix|npipe|fd):/i.test(text)) return loopback
  const found = /^[a-z+]+:\/\/(?:[^/@]*@)?(\[[^\]\s]+\]|[^/:@[\]\s]*)(?::\d+)?(?:\/.*)?$/i.exec(text)?.[1]
  if (found === undefined) return undefined
  const host = found.replace(/^\[|\]$/g, '').toLowerCase()
  return /^(?:|localhost|127(?:\.\d+){3}|::1)$/.test(host) ? loopback : { host, isLocal: false }
}
