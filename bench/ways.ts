/** The ways of making a worktree that are compared: ours, the article's, and git's own. */
import { join } from 'node:path'
import { hookCommand } from '../demo/programs.ts'
import type { Ended, Stage } from '../demo/stage.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import type { SampleRepository } from './sample-repository.ts'

/** Returns what the program printed; a failure is an answer too. */
export type Way = (stage: Stage, repository: SampleRepository, name: string) => Promise<Ended>

export const bareGit: Way = (stage, { root }, name) =>
  stage.start(['git', 'worktree', 'add', '--quiet', '-b', `worktree-${name}`, worktreeOf({ root }, name)], {
    cwd: root,
  }).ended

export const articleHook: Way = (stage, { root, env }, name) =>
  stage.start(['bash', join(import.meta.dirname, 'article-hook.sh')], { cwd: root, input: payload(root, name), env })
    .ended

/** Our hook, by the command that runs it; the compiled one on this Node when left out. */
export function ourHook(command: readonly string[] = hookCommand('worktree-create')): Way {
  return (stage, { root, env }, name) =>
    stage.start(command, { cwd: root, input: payload(root, name), env: { ...env, AGENT_ISOLATE_TIMINGS: '1' } }).ended
}

/** What `way` answers, which has to be success. */
export async function requireWorktree(
  way: Way,
  stage: Stage,
  repository: SampleRepository,
  name: string,
): Promise<Ended> {
  const ended = await way(stage, repository, name)
  if (ended.code === 0) return ended
  throw new IsolateError(`a worktree could not be made in ${repository.root}`, { hint: ended.stderr.trim() })
}

export function worktreeOf({ root }: Pick<SampleRepository, 'root'>, name: string): string {
  return join(root, '.claude', 'worktrees', name)
}

function payload(cwd: string, name: string): string {
  return JSON.stringify({ session_id: 'bench', cwd, hook_event_name: 'WorktreeCreate', name })
}
