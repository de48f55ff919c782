/**
 * A worktree with a PostgreSQL database of its own, by each provider, against the article's `docker run`, which does not wait
 * for the database. Needs docker and an image; a container of the measurement's own is the server.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerOf, programCommand } from '../demo/programs.ts'
import type { Stage } from '../demo/stage.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { answers } from '../lib/database/postgres/client/wait-until-ready.ts'
import { measureInTurns, type Result, type Variant } from './harness.ts'
import type { Run } from './run-measurements.ts'
import { copyTemplate, createTemplate, manyFiles } from './sample-repository.ts'
import { articleHook, ourHook, requireWorktree, type Way } from './ways.ts'

const image = process.env['AGENT_ISOLATE_TEST_POSTGRES_IMAGE'] || 'postgres:16-alpine'
const password = 'secret'
/** A slow machine's first start, in ms. */
const startMs = 60_000

/** No engine that answers, or no image: none of our doing. */
export async function findPostgresObstacle(stage: Stage): Promise<string | undefined> {
  const ask = (...args: string[]) => stage.start(['docker', ...args], { cwd: stage.folder }).ended
  const version = await ask('version', '--format', '{{.Server.Version}}')
  if (version.code !== 0) return `docker does not answer: ${lastLine(version.stderr)}`
  if ((await ask('image', 'inspect', image)).code === 0) return undefined
  const pull = await ask('pull', '--quiet', image)
  return pull.code === 0 ? undefined : `there is no image ${image}: ${lastLine(pull.stderr)}`
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

export async function measurePostgres(stage: Stage, { rounds }: Run): Promise<Result[]> {
  const serverLabel = `agent-isolate.bench=${basename(stage.folder)}`
  const repositories: string[] = []
  try {
    const template = await createTemplate(stage, manyFiles(400))
    const url = `postgresql://postgres:${password}@127.0.0.1:${await startServer(stage, serverLabel)}/postgres`
    const variant = (name: string, database: object, note = 'a client gets in'): Variant =>
      ourVariant(stage, { name, template, database, note, repositories })
    const label = `${serverLabel}.article`
    const article = { way: articleWithDocker(label), label }
    return [
      await measureInTurns(`a database for a worktree (400 files, image ${image})`, rounds, [
        articleVariant(stage, { name: "the article's docker run", template, ...article, note: 'nobody gets in yet' }),
        articleVariant(stage, {
          name: 'the same, and waiting',
          template,
          ...article,
          way: waiting(article.way),
          note: 'a client gets in',
        }),
        variant('a container each', { provider: 'postgres-docker', image, isolation: 'container' }),
        variant('a shared container', { provider: 'postgres-docker', image, isolation: 'database' }),
        variant('a server', { provider: 'postgres-server', url, template: 'template1' }),
        variant('SQLite', { provider: 'sqlite' }, 'a file'),
      ]),
    ]
  } finally {
    await removeContainers(stage, [
      serverLabel,
      `${serverLabel}.article`,
      ...repositories.map((root) => `agent-isolate.repository=${root}`),
    ])
  }
}

type ArticleOptions = { way: Way; label: string }

type Measured = { name: string; template: string; note: string }

/** The second worktree is timed: a shared container, or a template, is there by then. */
function ourVariant(
  stage: Stage,
  { name, template, database, note, repositories }: Measured & { database: object; repositories: string[] },
): Variant {
  return {
    name,
    prepare: async () => {
      const repository = await copyTemplate(stage, template)
      repositories.push(repository.root)
      writeFileSync(join(repository.root, 'agent-isolate.json'), JSON.stringify({ database }))
      const command = [...programCommand('cli/agent-isolate'), 'trust']
      await answerOf(stage, command, { cwd: repository.root, env: repository.env })
      await requireWorktree(ourHook(), stage, repository, 'first')
      return () => requireWorktree(ourHook(), stage, repository, 'second')
    },
    note: () => note,
  }
}

function articleVariant(stage: Stage, { name, template, way, label, note }: Measured & ArticleOptions): Variant {
  return {
    name,
    prepare: async () => {
      // Its ports are drawn by lot, of fifty: with those of earlier rounds gone they rarely collide.
      await removeContainers(stage, [label])
      const repository = await copyTemplate(stage, template)
      const worktree = `bench-${randomBytes(4).toString('hex')}`
      return () => requireWorktree(way, stage, repository, worktree)
    },
    note: () => note,
  }
}

function articleWithDocker(label: string): Way {
  return (stage, repository, name) =>
    articleHook(stage, { ...repository, env: { ...repository.env, ARTICLE_IMAGE: image, ARTICLE_LABEL: label } }, name)
}

/** What the agent would have to do before its first query. */
function waiting(way: Way): Way {
  return async (stage, repository, name) => {
    const ended = await way(stage, repository, name)
    if (ended.code === 0) await waitForClient(stage, `db-${name}`, repository.root)
    return ended
  }
}

/** Returns its port. */
async function startServer(stage: Stage, label: string): Promise<number> {
  const name = `db-bench-${randomBytes(4).toString('hex')}`
  const options = ['--detach', '--name', name, '--label', label, '--env', `POSTGRES_PASSWORD=${password}`]
  const command = ['docker', 'run', ...options, '--publish', '127.0.0.1::5432', image]
  await answerOf(stage, command, { cwd: stage.folder })
  return waitForClient(stage, name, stage.folder)
}

async function waitForClient(stage: Stage, container: string, cwd: string): Promise<number> {
  const published = await answerOf(stage, ['docker', 'port', container, '5432'], { cwd })
  const port = Number(published.split('\n')[0]?.split(':').at(-1))
  const target = { host: '127.0.0.1', port, user: 'postgres', password, database: 'postgres', ssl: 'disable' } as const
  for (let waitedMs = 0; waitedMs < startMs; waitedMs += 20) {
    if (await answers(target)) return port
    await sleep(20)
  }
  throw new IsolateError(`the container ${container} was not ready after ${startMs / 1000} s`)
}

async function removeContainers(stage: Stage, labels: readonly string[]): Promise<void> {
  for (const label of labels) {
    const list = ['docker', 'ps', '--all', '--quiet', '--filter', `label=${label}`]
    const ids = (await answerOf(stage, list, { cwd: stage.folder })).split('\n').filter((id) => id !== '')
    if (ids.length > 0) await answerOf(stage, ['docker', 'rm', '--force', '--volumes', ...ids], { cwd: stage.folder })
  }
}
