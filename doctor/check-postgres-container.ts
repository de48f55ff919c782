/** Whether postgres-docker will work: the engine, the image and the seed. Starts docker twice; each has seconds to answer. */
import { patienceMs, requireDocker } from '../detect/find-docker.ts'
import { configFileName, type PostgresDockerConfig } from '../lib/project/config.ts'
import { currentEngine, docker, findEngineHost, type Engine } from '../lib/docker/engine.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { listSeedFiles } from '../lib/project/seed.ts'
import type { Context, Finding } from './check.ts'

export async function examineContainer(context: Context, config: PostgresDockerConfig): Promise<Finding[]> {
  return [...(await examineEngine(context, config)), ...examineSeed(context, config)]
}

async function examineEngine({ env }: Context, { image }: PostgresDockerConfig): Promise<Finding[]> {
  const engine = currentEngine(env)
  try {
    const [version, { host, isLocal }, isHere] = await Promise.all([
      requireDocker(engine),
      findEngineHost(engine),
      hasImage(engine, image),
    ])
    const place = isLocal ? '' : `, on ${host}: worktrees reach their databases there`
    const answers: Finding = { id: 'database.ok', severity: 'ok', message: `docker ${version}${place}` }
    if (isHere) return [answers, { id: 'database.ok', severity: 'ok', message: `the image ${image} is here` }]
    return [
      answers,
      {
        id: 'database.image',
        severity: 'warning',
        message: `the image ${image} is not here yet`,
        why: 'The first worktree waits until it is pulled, and fails where there is no way to its registry.',
        fix: `docker pull ${image}`,
      },
    ]
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    const { message, hint = 'See what is wrong with it: docker info' } = error
    return [
      { id: 'database.docker', severity: 'error', message, why: 'Every new worktree fails without it.', fix: hint },
    ]
  }
}

async function hasImage(engine: Engine, image: string): Promise<boolean> {
  const { code } = await docker(engine, ['image', 'inspect', '--format', '{{.Id}}', image], { timeoutMs: patienceMs })
  return code === 0
}

function examineSeed({ project, root }: Context, { seed, seedCommand }: PostgresDockerConfig): Finding[] {
  if (seed === undefined) {
    const start = seedCommand === undefined ? 'an empty database' : 'what "seedCommand" makes'
    return [{ id: 'database.ok', severity: 'ok', message: `worktrees start with ${start}` }]
  }
  try {
    const files = listSeedFiles(project.repository.source ?? root, seed)
    const what = files.length === 1 ? seed : `${files.length} files in ${seed}`
    return [{ id: 'database.ok', severity: 'ok', message: `seeded from ${what}` }]
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    const { message, hint = 'Fix it.' } = error
    const why = 'Every new worktree fails for want of it.'
    return [{ id: 'database.seed', severity: 'error', message, why, fix: hint, file: configFileName }]
  }
}
