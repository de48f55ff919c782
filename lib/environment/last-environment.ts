/** The environment that was written for a worktree last: what there is to go on with when main's config or template is faulty today. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { foldersWith, shellEnvironmentPath } from '../env-text/shell-environment.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { findLinkedGitDir } from '../git/linked-git-dir.ts'
import { childEnvironment, run } from '../processes/run.ts'
import type { Environment } from './environment.ts'

/** As it is in the folder `inner`. Undefined when none was ever written, or git has lost the worktree. One process: only a shell reads what is for shells. */
export async function loadLastEnvironment(
  worktree: string,
  inner = '',
): Promise<Pick<Environment, 'exported'> | undefined> {
  const { path, text: shellText } = readLast(worktree)
  if (shellText === undefined) return undefined
  const keys = new Set([...shellText.matchAll(/^export ([A-Za-z_]\w*)=/gm)].map(([, key]) => key))
  const { stdout } = await run('/bin/sh', ['-c', '. "$0"; env -0', path], {
    env: childEnvironment({ _agent_isolate_at: worktree, PWD: join(worktree, inner) }),
    cwd: join(worktree, inner),
  })
  const values = stdout
    .split('\0')
    .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  return { exported: Object.fromEntries(values.filter(([key]) => keys.has(key))) }
}

/** What PORT is in the folders of single apps; empty where one PORT is set everywhere, or nothing was written. */
export function findFolderPorts(worktree: string): { folder: string; port: string }[] {
  return foldersWith(readLast(worktree).text ?? '', 'PORT').map(({ folder, value }) => ({ folder, port: value }))
}

function readLast(worktree: string): { path: string; text: string | undefined } {
  const gitDir = findLinkedGitDir(worktree)
  const path = join(gitDir ?? '', shellEnvironmentPath)
  return { path, text: gitDir === undefined || !existsSync(path) ? undefined : readIfAny(path) }
}
