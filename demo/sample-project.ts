/** Makes the sample project: a git repository with a server, a local env file and a seeded database. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answerOf, git } from './programs.ts'
import { localFiles, trackedFiles } from './sample-files.ts'
import type { Stage } from './stage.ts'

export type SampleProject = {
  root: string
  /** What SQLite was seeded with; undefined where this machine has none. */
  engine: string | undefined
}

export async function createSampleProject(stage: Stage): Promise<SampleProject> {
  const root = join(stage.folder, 'sample')
  mkdirSync(root)
  for (const [path, content] of Object.entries({ ...trackedFiles, ...localFiles })) {
    writeFileSync(join(root, path), content)
  }
  await git(stage, root, 'init', '--quiet', '--initial-branch=main')
  await git(stage, root, 'config', 'user.name', 'Sample')
  await git(stage, root, 'config', 'user.email', 'sample@example.invalid')
  await git(stage, root, 'add', '--all')
  await git(stage, root, 'commit', '--quiet', '--message=The sample project')
  const seed = [process.execPath, '--env-file=.env.local', 'seed.js']
  const engine = await answerOf(stage, seed, { cwd: root })
  return { root, engine: engine === 'none' ? undefined : engine }
}
