/** Removes what compose made for a project, by its labels and with docker alone: compose files and worktree may be gone. */
import { setTimeout as sleep } from 'node:timers/promises'
import { docker, type Engine } from '../docker/engine.ts'
import { run } from '../processes/run.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { UnreachableError } from '../report/unreachable-error.ts'

/** Compose puts it on containers, networks, volumes and the images that it builds. */
const projectLabel = 'com.docker.compose.project'

/** Something else may be about to remove the same; each round takes 0.1 s and more. */
const rounds = 5
const napMs = 200

/**
 * Containers (killed, with their anonymous volumes), then networks, volumes, and the images that compose built and named
 * after the project. Safe to repeat, and four short processes when nothing is left. Images that compose pulled, or that the
 * compose file gives a name of its own, stay: others may use them. Without docker there is nothing to do.
 *
 * Throws `UnreachableError` when the engine does not answer, `IsolateError` when something cannot be removed, for instance a
 * network to which a container of somebody else is connected.
 */
export async function removeComposeProject(engine: Engine, project: string): Promise<void> {
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(project)) throw new Error(`no name of a compose project: "${project}"`)
  try {
    await removeRepeatedly(engine, project)
  } catch (error) {
    if (error instanceof UnreachableError && (await run('docker', ['--version'])).isMissing) return
    throw error
  }
}

async function removeRepeatedly(engine: Engine, project: string): Promise<void> {
  let complaints: string[] = []
  for (let round = 0; round < rounds; round++) {
    if (round > 0) await sleep(napMs)
    const found = await findAll(engine, project)
    if (Object.values(found).every((ids) => ids.length === 0)) return
    complaints = await removeAll(engine, found)
    if (complaints.length === 0) return
  }
  throw new IsolateError(`the compose project ${project} cannot be removed: ${complaints.join('\n')}`, {
    hint: `See what holds it: docker ps --all --filter label=${projectLabel}=${project}; docker network inspect NETWORK`,
  })
}

type Found = { containers: string[]; networks: string[]; volumes: string[]; images: string[] }

async function findAll(engine: Engine, project: string): Promise<Found> {
  const filter = ['--filter', `label=${projectLabel}=${project}`]
  const [containers, networks, volumes, images] = await Promise.all([
    list(engine, ['ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Image}}', ...filter]),
    list(engine, ['network', 'ls', '--quiet', '--no-trunc', ...filter]),
    list(engine, ['volume', 'ls', '--quiet', ...filter]),
    list(engine, ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', ...filter]),
  ])
  // podman puts `localhost/` in front.
  const isNamedAfter = (image: string): boolean =>
    [`${project}-`, `${project}_`].some((start) => image.replace(/^localhost\//, '').startsWith(start))
  // Not every builder puts the label on an image; that a container of the project runs it tells as much.
  const inUse = containers.map((container) => container.replace(/^\S+ /, ''))
  return {
    containers: containers.map((container) => container.replace(/ .*$/, '')),
    networks,
    volumes,
    images: [...new Set([...images, ...inUse.map(withTag)])].filter(isNamedAfter),
  }
}

function withTag(image: string): string {
  return /:[\w.-]+$/.test(image) ? image : `${image}:latest`
}

async function list(engine: Engine, args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await docker(engine, args)
  if (code !== 0) throw new IsolateError(`docker ${args.join(' ')} failed: ${stderr.trim()}`)
  return stdout.split('\n').filter((line) => line !== '')
}

/** What docker had to say where it failed. */
async function removeAll(engine: Engine, { containers, networks, volumes, images }: Found): Promise<string[]> {
  const remove = async (args: readonly string[], ids: readonly string[]): Promise<string> => {
    if (ids.length === 0) return ''
    const { code, stderr } = await docker(engine, [...args, ...ids])
    return code === 0 ? '' : stderr.trim() || `docker ${args.join(' ')} ended with ${code}`
  }
  const first = await remove(['rm', '--force', '--volumes'], containers)
  const rest = await Promise.all([
    remove(['network', 'rm'], networks),
    remove(['volume', 'rm', '--force'], volumes),
    remove(['image', 'rm'], images),
  ])
  return [first, ...rest].filter((complaint) => complaint !== '')
}
