/**
 * `npm run demo`: three agents in one repository, isolated for real, on this machine, in a temporary folder of its own.
 * Exit code 1 where anything that it claims does not hold; nothing is left behind either way.
 */
import { existsSync } from 'node:fs'
import { describeFailure } from '../lib/report/isolate-error.ts'
import { watchForInterruption } from './interruption.ts'
import { createSampleProject } from './sample-project.ts'
import { giveBack, isolateAgents, showCollision, startServers, writeNotes } from './scenes.ts'
import { createShow, type Show } from './show.ts'
import { openStage, type Stage } from './stage.ts'

process.exitCode = await run()

/** Returns the exit code. */
async function run(): Promise<number> {
  const show = createShow()
  const stage = openStage('agent-isolate-demo-')
  const interruption = watchForInterruption()
  try {
    const interrupted = await Promise.race([perform(stage, show), interruption])
    if (interrupted !== undefined) return interrupted
  } catch (error) {
    process.stderr.write(`\nThe demo failed: ${describeFailure(error)}\n`)
    return 1
  } finally {
    await stage.close()
  }
  show.prove("the demo's own folder: gone", !existsSync(stage.folder), stage.folder)
  show.title(`\nAll of it held, in ${(performance.now() / 1000).toFixed(1)} seconds. README.md tells how to use it.`)
  return 0
}

async function perform(stage: Stage, show: Show): Promise<undefined> {
  show.title('agent-isolate: three agents, one repository, one machine')
  const project = await createSampleProject(stage)
  show.aside(`sample project: ${stage.folder}`)
  show.aside(describeEngine(project.engine))
  const scene = { stage, show, project }
  await showCollision(scene)
  const agents = await isolateAgents(scene)
  const servers = await startServers(scene, agents)
  if (project.engine !== undefined) await writeNotes(scene, agents)
  await giveBack(scene, agents, servers)
}

function describeEngine(engine: string | undefined): string {
  if (engine !== undefined) return `its database: SQLite, through ${engine}`
  return 'no SQLite here (no node:sqlite, sqlite3 or python3): ports alone are shown'
}
