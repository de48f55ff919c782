/** One creation of a worktree of 400 files, on every runtime there is, against bare git; and where the time of one goes. */
import type { Stage } from '../demo/stage.ts'
import { hookCommand } from '../demo/programs.ts'
import { hookSource, runtimes, runtimeVariable, type Runtime } from '../test/support/runtimes.ts'
import { measureInTurns, summarise, type Result, type Variant } from './harness.ts'
import { isProgram, type Run } from './run-measurements.ts'
import { copyTemplate, createTemplate, manyFiles } from './sample-repository.ts'
import { bareGit, ourHook, requireWorktree, type Way } from './ways.ts'

export async function measureCreate(stage: Stage, { rounds, leaveOut }: Run): Promise<Result[]> {
  const template = await createTemplate(stage, manyFiles(400))
  const timings: string[] = []
  const variant = (name: string, way: Way): Variant => ({
    name,
    prepare: async () => {
      const repository = await copyTemplate(stage, template)
      return () => requireWorktree(way, stage, repository, 'one')
    },
  })
  const observed: Way = async (...args) => {
    const ended = await ourHook()(...args)
    timings.push(ended.stderr)
    return ended
  }
  const created = await measureInTurns('one worktree of 400 files', rounds, [
    variant('git worktree add', bareGit),
    { name: 'an empty program on this Node', prepare: async () => () => startEmpty(stage) },
    variant('hook, compiled, this Node', observed),
    ...(await listOthers(stage, leaveOut)).map(({ name, command }) => variant(name, ourHook(command))),
  ])
  return [created, summariseSteps(timings)]
}

/** TypeScript as it stands on each runtime that is named, and compiled on those that are Node. */
async function listOthers(
  stage: Stage,
  leaveOut: (reason: string) => void,
): Promise<{ name: string; command: readonly string[] }[]> {
  const found = await Promise.all(
    runtimes.map(async (runtime) => {
      const obstacle = await findRuntimeObstacle(stage, runtime)
      if (obstacle !== undefined) leaveOut(obstacle)
      return obstacle === undefined ? [runtime] : []
    }),
  )
  return found.flat().flatMap(({ name, command }) => {
    if (command === undefined) return []
    const source = { name: `hook, source, ${name}`, command: [...command, hookSource('worktree-create')] }
    if (!name.startsWith('Node')) return [source]
    return [{ name: `hook, compiled, ${name}`, command: hookCommand('worktree-create', command[0]) }, source]
  })
}

/** Of one that is named: most machines have no other runtime, and none of them is missed then. */
async function findRuntimeObstacle(stage: Stage, runtime: Runtime): Promise<string | undefined> {
  const { name, command } = runtime
  if (command === undefined) {
    const variable = runtimeVariable(runtime)
    const path = process.env[variable]
    return path ? `${name}: ${variable} names no program: ${path}` : undefined
  }
  const isThere = await isProgram(stage, command[0] ?? '')
  return isThere ? undefined : `${name}: ${command[0]} cannot be started`
}

function startEmpty(stage: Stage): Promise<unknown> {
  return stage.start([process.execPath, '-e', ''], { cwd: stage.folder }).ended
}

/** From what the hook prints of its own steps, run by run. */
function summariseSteps(timings: readonly string[]): Result {
  const samples = new Map<string, number[]>()
  for (const text of timings) {
    for (const [, step = '', ms] of text.matchAll(/^(\S.*?) {2,}([\d.]+) ms$/gm)) {
      samples.set(step, [...(samples.get(step) ?? []), Number(ms)])
    }
  }
  const whole = 'since the process began'
  const steps = [...samples].filter(([name]) => name !== whole)
  const entries: [string, number[]][] = [[whole, samples.get(whole) ?? []], ...steps]
  return summarise(
    'where the time of the compiled hook goes',
    entries.map(([name, each]) => ({ name, samples: each })),
  )
}
