/** Twenty worktrees at once. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage } from '../demo/stage.ts'
import { measureInTurns, type Result, type Variant } from './harness.ts'
import type { Run } from './run-measurements.ts'
import { copyTemplate, createTemplate, manyFiles, type SampleRepository } from './sample-repository.ts'
import { articleHook, bareGit, ourHook, worktreeOf, type Way } from './ways.ts'

const names = Array.from({ length: 20 }, (_, index) => `agent-${index}`)

export async function measureMany(stage: Stage, { rounds }: Run): Promise<Result[]> {
  const template = await createTemplate(stage, manyFiles(400))
  const variant = (name: string, way: Way): Variant => {
    let [failures, sharedPorts] = [0, 0]
    return {
      name,
      prepare: async () => {
        const repository = await copyTemplate(stage, template)
        return async () => {
          const ended = await Promise.all(names.map((each) => way(stage, repository, each)))
          failures += ended.filter(({ code }) => code !== 0).length
          sharedPorts += countSharedPorts(repository)
        }
      },
      note: () => `${failures} of ${rounds * names.length} failed, ${sharedPorts} shared a port`,
    }
  }
  return [
    await measureInTurns('twenty worktrees of 400 files at once', rounds, [
      variant('git worktree add', bareGit),
      variant("the article's script", articleHook),
      variant('hook, compiled, this Node', ourHook()),
    ]),
  ]
}

function countSharedPorts(repository: SampleRepository): number {
  const files = names.map((name) => join(worktreeOf(repository, name), '.env.local')).filter((path) => existsSync(path))
  const ports = files.map((path) => /^PORT=(\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1])
  return ports.length - new Set(ports).size
}
