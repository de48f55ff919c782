/** The demo's story, step by step; each step ends in what it proves. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { errorCode, IsolateError } from '../lib/report/isolate-error.ts'
import {
  agentIsolate,
  answerOf,
  git,
  listeningPort,
  requestNotes,
  runHook,
  serverCommand,
  startServer,
} from './programs.ts'
import { seededNotes } from './sample-files.ts'
import type { SampleProject } from './sample-project.ts'
import type { Show } from './show.ts'
import type { Running, Stage } from './stage.ts'

export type Scene = { stage: Stage; show: Show; project: SampleProject }

export type Agent = { name: string; worktree: string; port: number; databaseUrl: string }

const agentNames = ['dark-mode', 'payments', 'user-search']
const mainName = 'main checkout'

/** Two servers of one project in one checkout: really started, on a free port that stands in for 3000. */
export async function showCollision({ stage, show, project }: Scene): Promise<void> {
  show.step('Without isolation: two agents start the same server')
  const first = startServer(stage, project.root, { PORT: '0' })
  const port = await listeningPort(first)
  show.line(`agent 1: listening on 127.0.0.1:${port}, which stands in for 3000 here`)
  const second = await startServer(stage, project.root, { PORT: String(port) }).ended
  await first.stop()
  const failure = /^Error: (.*EADDRINUSE.*)$/m.exec(second.stderr)?.[1]
  if (failure === undefined) {
    throw new IsolateError(`two servers could listen on port ${port}`, { hint: second.stderr.trim() })
  }
  show.trouble(`agent 2: ${failure}`)
  show.line('An agent takes that for a bug, and "fixes" it in the code.')
}

/** All at once, through the hook that Claude Code runs for `claude -w NAME`. */
export async function isolateAgents({ stage, show, project }: Scene): Promise<Agent[]> {
  show.step('Isolated: three worktrees at once, through the WorktreeCreate hook')
  const start = performance.now()
  const worktrees = await Promise.all(
    agentNames.map((name) =>
      runHook(stage, 'worktree-create', { cwd: project.root, hook_event_name: 'WorktreeCreate', name }),
    ),
  )
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  const agents = agentNames.map((name, index) => describeAgent(name, worktrees[index] ?? ''))
  for (const { name, worktree, port, databaseUrl } of agents) {
    const database = relative(worktree, databaseUrl.replace(/^file:/, ''))
    show.line(`${pad(name)} PORT=${port}  DATABASE_URL=file:…/${name}/${database}`)
  }
  const ports = new Set(agents.map(({ port }) => port))
  const databases = new Set(agents.map(({ databaseUrl }) => databaseUrl))
  const claim = `ready in ${seconds} s: a branch, ports and a database each, none shared`
  show.prove(claim, ports.size === agents.length && databases.size === agents.length, agents)
  return agents
}

/** The project's own command in each worktree; the table is the command line's own. */
export async function startServers({ stage, show, project }: Scene, agents: readonly Agent[]): Promise<Running[]> {
  show.step('Three servers at once, by the same command in each worktree')
  show.line(`$ ${serverCommand.join(' ')}`)
  const servers = agents.map(({ worktree }) => startServer(stage, worktree))
  const ports = await Promise.all(servers.map(listeningPort))
  show.line('$ agent-isolate list')
  show.line(await agentIsolate(stage, project.root, ['list'], { colors: show.hasColors }))
  const expected = agents.map(({ port }) => port)
  show.prove("each server listens on its own worktree's port", isDeepStrictEqual(ports, expected), ports)
  return servers
}

/** Each agent writes through its server; what the files hold is then read apart from the servers. */
export async function writeNotes({ stage, show, project }: Scene, agents: readonly Agent[]): Promise<void> {
  show.step('Each agent writes a row into its database, through its server')
  await Promise.all(agents.map(({ name, port }) => requestNotes(port, `row of ${name}`)))
  show.line('$ agent-isolate exec -- node show.js')
  const found = await Promise.all(
    agents.map(({ worktree }) => agentIsolate(stage, worktree, ['exec', '--', process.execPath, 'show.js'])),
  )
  const expected = agents.map(({ name }) => JSON.stringify([...seededNotes, `row of ${name}`]))
  for (const [index, { name }] of agents.entries()) show.line(`${pad(name)} ${found[index]}`)
  const main = await answerOf(stage, [process.execPath, '--env-file=.env.local', 'show.js'], { cwd: project.root })
  show.line(`${pad(mainName)} ${main}`)
  const holds = isDeepStrictEqual([...found, main], [...expected, JSON.stringify(seededNotes)])
  show.prove("every database holds the seed and its own row, and nobody else's", holds, [...found, main])
}

/** The hook for all but one, which goes by hand: the way in which either is asked for in real life. */
export async function giveBack(
  { stage, show, project }: Scene,
  agents: readonly Agent[],
  servers: readonly Running[],
): Promise<void> {
  show.step('All is released: by the WorktreeRemove hook, and one by hand')
  await Promise.all(servers.map(({ stop }) => stop()))
  const [byHand, ...byHook] = agents
  if (byHand !== undefined) {
    show.line(`$ agent-isolate remove ${byHand.name}`)
    await agentIsolate(stage, project.root, ['remove', byHand.name])
  }
  await Promise.all(
    byHook.map(({ worktree }) =>
      runHook(stage, 'worktree-remove', {
        cwd: worktree,
        hook_event_name: 'WorktreeRemove',
        worktree_path: worktree,
      }),
    ),
  )
  await proveNothingIsLeft({ stage, show, project }, agents)
}

async function proveNothingIsLeft({ stage, show, project }: Scene, agents: readonly Agent[]): Promise<void> {
  const { root } = project
  const worktrees = (await git(stage, root, 'worktree', 'list', '--porcelain')).match(/^worktree .*/gm) ?? []
  show.prove('git worktree list: the main checkout, alone', worktrees.length === 1, worktrees)
  const branches = await git(stage, root, 'branch', '--format=%(refname:short)')
  show.prove('git branch: main, alone', branches === 'main', branches)
  const status = await git(stage, root, 'status', '--porcelain')
  show.prove('git status: nothing changed', status === '', status)
  const folders = agents.map(({ worktree }) => worktree).filter((folder) => existsSync(folder))
  show.prove("the worktrees' folders and databases: gone", folders.length === 0, folders)
  const listed = await agentIsolate(stage, root, ['list', '--json'])
  const leases = readdirSync(join(stage.folder, 'ledger', 'leases'))
  show.prove('agent-isolate list: no lease', listed === '[]' && leases.length === 0, [listed, leases])
  const ports = agents.map(({ port }) => port)
  const isFree = await Promise.all(ports.map(canListen))
  show.prove(`ports ${ports.join(', ')}: free`, !isFree.includes(false), isFree)
}

/** A worktree's own port and database, as its env file tells any program. */
function describeAgent(name: string, worktree: string): Agent {
  const text = readFileSync(join(worktree, '.env.local'), 'utf8')
  const port = Number(/^PORT=(\d+)$/m.exec(text)?.[1])
  const databaseUrl = /^DATABASE_URL=["']?(.+?)["']?$/m.exec(text)?.[1]
  if (!Number.isNaN(port) && databaseUrl !== undefined) return { name, worktree, port, databaseUrl }
  throw new IsolateError(`${worktree}/.env.local names no port or no database`, { hint: text })
}

function pad(name: string): string {
  return name.padEnd(Math.max(...[...agentNames, mainName].map(({ length }) => length)))
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => (errorCode(error) === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
