/** Whether a container engine is there, within seconds. */
import { currentEngine, docker, type Engine } from '../lib/docker/engine.ts'
import { UnreachableError } from '../lib/report/unreachable-error.ts'

/** A sick engine, or one at the other end of a broken line, is not to hold anybody up, in ms. */
export const patienceMs = 5_000

/** The engine's version, `20.10.24`. Undefined when it does not answer, or none is installed. */
export async function findDocker(engine: Engine = currentEngine()): Promise<string | undefined> {
  try {
    return await requireDocker(engine)
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error
    return undefined
  }
}

/** Throws `UnreachableError` saying why it does not answer. */
export async function requireDocker(engine: Engine): Promise<string> {
  const { code, stdout, stderr } = await docker(engine, ['version', '--format', '{{.Server.Version}}'], {
    timeoutMs: patienceMs,
  })
  if (code === 0) return stdout.trim()
  throw new UnreachableError(`docker version failed: ${stderr.trim()}`, { hint: 'See what is wrong: docker info' })
}
