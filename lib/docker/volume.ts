/** Named volumes, for data that is to outlive its container. As with containers, only what carries our labels is ours. */
import { IsolateError } from '../report/isolate-error.ts'
import type { RemoveResult } from './container.ts'
import { docker, type Engine } from './engine.ts'
import { dockerFailure } from './fault.ts'
import { carriesLabels, inspect, labelArguments, parseLabelled, saysAbsent, type Labels } from './labelled.ts'

/**
 * Makes a volume; one of that name that is ours is kept with its data. `cwd`: where `docker` is run, as for a container.
 * Throws `IsolateError` for a stranger's, or as `docker`.
 */
export async function createVolume(
  engine: Engine,
  name: string,
  labels: Labels,
  options: { cwd?: string } = {},
): Promise<void> {
  const { code, stderr } = await docker(engine, ['volume', 'create', ...labelArguments(labels), '--', name], options)
  // Docker answers "done" for one that is there already, and leaves its labels as they were; podman fails.
  const found = await findLabels(engine, name)
  if (found === undefined)
    throw dockerFailure(`the volume ${name}`, 'created', code === 0 ? 'it is gone again' : stderr)
  if (carriesLabels(found, labels)) return
  throw new IsolateError(`there is a volume ${name} already, and it is not one of this tool's`, {
    hint: `See what it is: docker volume inspect ${name}`,
  })
}

/** Removes a volume of ours with its data. Safe to repeat. Throws `IsolateError` when a container uses it, or as `docker`. */
export async function removeVolume(
  engine: Engine,
  name: string,
  labels: Labels,
  options: { timeoutMs?: number } = {},
): Promise<RemoveResult> {
  const found = await findLabels(engine, name, options)
  if (found === undefined) return 'absent'
  if (!carriesLabels(found, labels)) return 'not ours'
  const { code, stderr } = await docker(engine, ['volume', 'rm', '--', name], options)
  if (code === 0 || saysAbsent(stderr)) return 'removed'
  throw dockerFailure(`the volume ${name}`, 'removed', stderr)
}

async function findLabels(
  engine: Engine,
  name: string,
  options: { timeoutMs?: number } = {},
): Promise<Labels | undefined> {
  const [value] = await inspect(engine, 'volume', [name], options)
  return parseLabelled(value)?.labels
}
