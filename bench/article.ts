/** The article's approach against ours, in a project that has all that both of them see to. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { git } from '../demo/programs.ts'
import type { Stage } from '../demo/stage.ts'
import { measureInTurns, type Result, type Variant } from './harness.ts'
import type { Run } from './run-measurements.ts'
import { copyTemplate, createTemplate, manyFiles } from './sample-repository.ts'
import { createSampleDatabase } from './sqlite.ts'
import { articleHook, bareGit, ourHook, requireWorktree, type Way } from './ways.ts'

const packages = 200

export async function measureArticle(stage: Stage, { rounds }: Run): Promise<Result[]> {
  const template = await createProject(stage)
  const variant = (name: string, way: Way, note: string): Variant => ({
    name,
    prepare: async () => {
      const repository = await copyTemplate(stage, template)
      // The copy's remote lies beside it.
      await git(stage, repository.root, 'remote', 'set-url', 'origin', join(dirname(repository.root), 'remote.git'))
      // A worktree before the one that is timed: the fetch that we do once in five minutes is behind us.
      await requireWorktree(way, stage, repository, 'first')
      return () => requireWorktree(way, stage, repository, 'second')
    },
    note: () => note,
  })
  return [
    await measureInTurns("the article's approach: 400 files, remote, rules, 200 packages, 1 MB database", rounds, [
      variant("the article's script", articleHook, 'ports unproved, database by cp'),
      variant('hook, compiled, this Node', ourHook(), 'ports leased, database a snapshot'),
      variant('git worktree add', bareGit, 'the files alone'),
    ]),
  ]
}

async function createProject(stage: Stage): Promise<string> {
  const template = await createTemplate(stage, {
    ...manyFiles(400),
    'CLAUDE.md': '# Rules\n',
    '.claude/settings.json': '{}\n',
    '.claude/agents/reviewer.md': '# Reviewer\n',
    '.env.agent.template': 'PORT=$AGENT_DYNAMIC_PORT\nDATABASE_URL="file:./dev.db"\nNODE_ENV="test"\n',
    // One symlink, as the article has it.
    'agent-isolate.json': '{ "database": { "path": "dev.db" }, "dependencies": { "node_modules": "symlink" } }\n',
    'package.json': '{ "name": "sample", "private": true }\n',
    'package-lock.json': '{ "name": "sample", "lockfileVersion": 3, "packages": {} }\n',
  })
  for (let index = 0; index < packages; index++) {
    const folder = join(template, 'node_modules', `package-${index}`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'index.js'), 'module.exports = 1\n')
  }
  writeFileSync(join(template, '.claude', 'settings.local.json'), '{}\n')
  await createSampleDatabase(stage, join(template, 'dev.db'), 1)
  const remote = join(dirname(template), 'remote.git')
  await git(stage, dirname(template), 'clone', '--quiet', '--bare', template, remote)
  await git(stage, template, 'remote', 'add', 'origin', remote)
  await git(stage, template, 'fetch', '--quiet', 'origin')
  await git(stage, template, 'remote', 'set-head', 'origin', 'main')
  return template
}
