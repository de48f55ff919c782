/** Removal of a worktree of 400 files. */
import type { Stage } from '../demo/stage.ts'
import { answerOf, hookCommand } from '../demo/programs.ts'
import { measureInTurns, type Result } from './harness.ts'
import type { Run } from './run-measurements.ts'
import { copyTemplate, createTemplate, manyFiles } from './sample-repository.ts'
import { bareGit, ourHook, requireWorktree, worktreeOf } from './ways.ts'

export async function measureRemove(stage: Stage, { rounds }: Run): Promise<Result[]> {
  const template = await createTemplate(stage, manyFiles(400))
  return [
    await measureInTurns('removal of a worktree of 400 files', rounds, [
      {
        name: 'git worktree remove',
        prepare: async () => {
          const repository = await copyTemplate(stage, template)
          await requireWorktree(bareGit, stage, repository, 'one')
          const command = ['git', 'worktree', 'remove', worktreeOf(repository, 'one')]
          return () => answerOf(stage, command, { cwd: repository.root })
        },
        note: () => 'keeps the branch',
      },
      {
        name: 'hook, compiled, this Node',
        prepare: async () => {
          const repository = await copyTemplate(stage, template)
          await requireWorktree(ourHook(), stage, repository, 'one')
          const cwd = worktreeOf(repository, 'one')
          const input = JSON.stringify({ cwd, worktree_path: cwd, hook_event_name: 'WorktreeRemove' })
          return () => answerOf(stage, hookCommand('worktree-remove'), { cwd, input, env: repository.env })
        },
        note: () => 'asks for work; takes branch, ports',
      },
    ]),
  ]
}
