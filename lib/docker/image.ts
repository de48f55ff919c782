/** Images: here already, or pulled from their registry. */
import type { Deadline } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import { docker, type Engine } from './engine.ts'
import { dockerFailure, findFault, lastLines } from './fault.ts'

/** Ten minutes: 10 MB/s brings 6 GB. What arrived is kept by the engine, so that a second try goes on from there. */
const pullTimeoutMs = 600_000

/** Fetches an image, one remark for each layer that is there. Throws `IsolateError` with the next step, or as `docker`. */
export async function pullImage(
  engine: Engine,
  image: string,
  { reporter, deadline }: { reporter: Reporter; deadline: Deadline },
): Promise<void> {
  reporter.info(`pulling the image ${image}, once for this machine`)
  const timeoutMs = deadline.remainingMs(pullTimeoutMs)
  const options = { timeoutMs, mergeOutput: true, onOutput: watchLayers(image, reporter) }
  const { code, stderr } = await docker(engine, ['pull', '--', image], options)
  if (code !== 0) throw pullFailure(image, stderr)
}

/** Without a terminal, docker writes a line for each change of a layer: `1f3e46996e29: Pull complete`. */
function watchLayers(image: string, reporter: Reporter): (text: string) => void {
  const layers = new Set<string>()
  const done = new Set<string>()
  let rest = ''
  return (text) => {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    const doneBefore = done.size
    for (const line of lines) {
      const [, layer, state] = /^([0-9a-f]{12}): (.+?)\s*$/.exec(line) ?? []
      if (layer === undefined || state === undefined) continue
      layers.add(layer)
      if (/^(?:Pull complete|Already exists)/.test(state)) done.add(layer)
    }
    if (done.size > doneBefore) reporter.progress(`pulling ${image}: ${done.size} of ${layers.size} layers`)
  }
}

const networkWords =
  /no such host|dial tcp|i\/o timeout|TLS handshake|connection (?:refused|reset)|name resolution|network is unreachable|Client\.Timeout|unexpected EOF|server misbehaving/i
const unknownImageWords =
  /manifest unknown|not found|access denied|repository does not exist|access to the resource is denied|unauthorized|invalid reference|no matching manifest/i

function pullFailure(image: string, stderr: string): IsolateError {
  if (findFault(stderr) === 'disk full') return dockerFailure(`the image ${image}`, 'pulled', stderr)
  const words = (lastLines(stderr, 1)[0] ?? 'docker says no more').replace(
    /^(?:Error response from daemon|Error): /i,
    '',
  )
  const message = `the image ${image} is not here and cannot be pulled: ${words}`
  return new IsolateError(message, { hint: pullHint(image, words) })
}

function pullHint(image: string, words: string): string {
  if (networkWords.test(words)) {
    return `No way to the registry. Run docker pull ${image} yourself when there is one, bring the image with docker load, or set "database.image" to one that docker images lists.`
  }
  if (unknownImageWords.test(words)) {
    return `See that "database.image" is spelled right; where it is private, docker login comes first.`
  }
  return `Run docker pull ${image} yourself, or set "database.image" to one that docker images lists.`
}
