/**
 * Containers: started, looked at, removed. A container is ours when it carries all of our labels, whatever its name: one
 * that does not is neither removed nor started.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deadline } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import { defaultTimeoutMs, docker, type Engine } from './engine.ts'
import { dockerFailure, findFault, lastLines } from './fault.ts'
import { pullImage } from './image.ts'
import { carriesLabels, inspect, labelArguments, parseLabelled, partOf, saysAbsent, type Labels } from './labelled.ts'

export type ContainerRequest = {
  name: string
  image: string
  /** At least one; they say whose it is. */
  labels: Labels
  /** Without an address on all of the engine's. */
  publish: { address: string | undefined; hostPort: number; containerPort: number }
  /** Handed over in the environment of `docker` itself: no value is seen among its arguments. */
  environment: Readonly<Record<string, string>>
  /** A folder kept in memory: its path in the container, `:` and mount options where wanted. */
  tmpfs?: string
  /** A volume that is there, and its path in the container. */
  volume?: { name: string; path: string }
  /** Further options of `docker run`. */
  extraArgs: readonly string[]
  /** What follows the image; empty for the image's own command. */
  command: readonly string[]
  /** Where `docker` is run: one that outlives us is found by it. Our own folder when left out. */
  cwd?: string
  reporter: Reporter
  deadline: Deadline
}

/** `port taken`: another process or container has the port, and nothing of ours is left. */
export type StartResult = 'started' | 'port taken'

/** `not ours`: there is one of that name, without our labels, left alone. */
export type RemoveResult = 'removed' | 'absent' | 'not ours'

export type ContainerState = {
  id: string
  labels: Labels
  isRunning: boolean
  /** It runs, but is not let go on. */
  isPaused?: true
  /** Of a container that has ended; 0 for one that runs, or never did. */
  exitCode: number
  /** True when the system ended it for want of memory. */
  isOutOfMemory: boolean
}

/**
 * Starts a container in the background; says nothing about what runs in it. A missing image is pulled; a container of
 * that name that is ours, left by an attempt that was killed, is replaced. Throws `IsolateError`, or as `docker`;
 * whatever fails, no container of ours of that name is left on an engine that answers.
 */
export async function runContainer(engine: Engine, request: ContainerRequest): Promise<StartResult> {
  const { name, labels } = request
  try {
    const result = await tryToRun(engine, request)
    if (result === 'port taken') await removeContainer(engine, name, labels)
    return result
  } catch (error) {
    // A run that was cut short may have made one all the same. Where it cannot be removed, its labels stay its mark, and
    // the first failure is the one to tell.
    await removeContainer(engine, name, labels, { timeoutMs: lastTryMs }).catch(passOverExpected)
    throw error
  }
}

/** For an engine that has just failed to answer: long enough for one that is merely slow. */
const lastTryMs = 10_000

function passOverExpected(error: unknown): void {
  if (!(error instanceof IsolateError)) throw error
}

async function tryToRun(engine: Engine, request: ContainerRequest): Promise<StartResult> {
  const { name, image, labels, reporter, environment, cwd, deadline } = request
  const repaired = new Set<string>()
  for (;;) {
    const { code, stderr } = await docker(engine, runArguments(request), {
      environment,
      timeoutMs: deadline.remainingMs(defaultTimeoutMs),
      ...(cwd === undefined ? {} : { cwd }),
    })
    if (code === 0) return 'started'
    const fault = findFault(stderr)
    if (fault === 'port taken') return fault
    const isFirst = fault !== undefined && !repaired.has(fault)
    if (isFirst) repaired.add(fault)
    if (fault === 'image missing' && isFirst) await pullImage(engine, image, { reporter, deadline })
    else if (fault === 'name taken' && isFirst) await requireName(engine, name, labels)
    else throw dockerFailure(`the container ${name} (image ${image})`, 'started', stderr, { hint: configHint })
  }
}

const configHint = 'See "image" and "runArgs" of "database" in agent-isolate.json.'

/** Pure. */
function runArguments(request: ContainerRequest): string[] {
  const { name, image, labels, publish, environment, tmpfs, volume, extraArgs, command } = request
  const { address, hostPort, containerPort } = publish
  const where = address === undefined ? '' : `${address.includes(':') ? `[${address}]` : address}:`
  const storage = [
    ...(tmpfs === undefined ? [] : ['--tmpfs', tmpfs]),
    ...(volume === undefined ? [] : ['--volume', `${volume.name}:${volume.path}`]),
  ]
  const variables = Object.keys(environment).flatMap((key) => ['--env', key])
  const options = ['--detach', '--pull=never', '--name', name, '--publish', `${where}${hostPort}:${containerPort}`]
  return ['run', ...options, ...labelArguments(labels), ...variables, ...storage, ...extraArgs, '--', image, ...command]
}

async function requireName(engine: Engine, name: string, labels: Labels): Promise<void> {
  if ((await removeContainer(engine, name, labels)) !== 'not ours') return
  throw new IsolateError(`there is a container ${name} already, and it is not one of this tool's`, {
    hint: `Rename it (docker rename ${name} NEWNAME), or remove it (docker rm -f -v ${name}), if it is yours and you know that you can.`,
  })
}

/**
 * Starts a container of ours that has ended, after a reboot for instance, or that is paused; one that runs is left as it is. `absent`: there
 * is none of ours. With its port taken it stays as it was. Throws `IsolateError`, or as `docker`.
 */
export async function startStoppedContainer(
  engine: Engine,
  name: string,
  labels: Labels,
): Promise<StartResult | 'absent'> {
  const state = await findContainerState(engine, name)
  if (state === undefined || !carriesLabels(state.labels, labels)) return 'absent'
  if (state.isRunning && !state.isPaused) return 'started'
  const { code, stderr } = await docker(engine, [state.isPaused ? 'unpause' : 'start', state.id])
  if (code === 0) return 'started'
  if (saysAbsent(stderr)) return 'absent'
  if (findFault(stderr) === 'port taken') return 'port taken'
  throw dockerFailure(`the container ${name}`, 'started again', stderr)
}

/**
 * Kills and removes a container of ours with its unnamed volumes; its named ones stay. Safe to repeat, and to do twice at
 * once: it is gone when this returns. Throws `IsolateError`, or as `docker`.
 */
export async function removeContainer(
  engine: Engine,
  name: string,
  labels: Labels,
  options: { timeoutMs?: number } = {},
): Promise<RemoveResult> {
  const found = await findContainerState(engine, name, options)
  if (found === undefined) return 'absent'
  if (!carriesLabels(found.labels, labels)) return 'not ours'
  const { code, stderr } = await docker(engine, ['rm', '--force', '--volumes', found.id], options)
  if (code === 0 || saysAbsent(stderr)) return 'removed'
  if (/removal of container .* is already in progress/i.test(stderr)) return awaitRemoval(engine, found.id)
  throw dockerFailure(`the container ${name}`, 'removed', stderr)
}

/** What another process has begun takes it some 0.1 s. */
async function awaitRemoval(engine: Engine, id: string): Promise<RemoveResult> {
  const deadline = Date.now() + lastTryMs
  while ((await inspect(engine, 'container', [id])).length > 0) {
    if (Date.now() > deadline) {
      throw new IsolateError(`the container ${id} is being removed by another process, and is still there`, {
        hint: `Remove it: docker rm -f -v ${id}`,
      })
    }
    await sleep(50)
  }
  return 'removed'
}

/** Undefined when there is no container of that name. Throws as `docker`. */
export async function findContainerState(
  engine: Engine,
  name: string,
  options: { timeoutMs?: number } = {},
): Promise<ContainerState | undefined> {
  const [value] = await inspect(engine, 'container', [name], options)
  const found = parseLabelled(value)
  // A name that looks like the beginning of an id finds that container too.
  if (found?.name !== name) return undefined
  const state = partOf(value, 'State')
  const exitCode = partOf(state, 'ExitCode')
  return {
    id: found.id,
    labels: found.labels,
    isRunning: partOf(state, 'Running') === true,
    ...(partOf(state, 'Paused') === true ? { isPaused: true } : {}),
    exitCode: typeof exitCode === 'number' ? exitCode : 0,
    isOutOfMemory: partOf(state, 'OOMKilled') === true,
  }
}

/** The end of what a container has written, at most `count` lines; none where that cannot be read. Throws as `docker`. */
export async function lastLogLines(engine: Engine, name: string, count: number): Promise<string[]> {
  let text = ''
  const options = { mergeOutput: true, onOutput: (piece: string) => void (text += piece) }
  const { code } = await docker(engine, ['logs', '--tail', String(count), '--', name], options)
  return code === 0 ? lastLines(text, count) : []
}
