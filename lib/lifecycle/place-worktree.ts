/** Where a worktree goes: into a folder of the repository, or into one beside it. */
import { existsSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { isTaken, isWithin, leadsInside } from '../files/inner-path.ts'
import type { Project } from '../project/project.ts'
import { usualWorktreesFolder } from '../project/worktrees-folder.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { Reporter } from '../report/reporter.ts'

/**
 * The path of the worktree `flat`. A folder beside the repository takes trust, as what is checked out there may have a meaning to
 * other programs (`../.config/…`): without it worktrees are made in the usual one. Throws `IsolateError` for a folder that a
 * symlink leads elsewhere, holds the repository, or lies in another one. Makes nothing.
 */
export function placeWorktree({ repository, config, isTrusted }: Project, flat: string, reporter: Reporter): string {
  const { root } = repository
  const { folder } = config.worktrees
  const wanted = join(root, folder)
  if (wanted !== root && isWithin(root, wanted)) return requireInside(root, join(relative(root, wanted), flat))
  if (!isTrusted) {
    reporter.warn(notTrusted(`"worktrees.folder" has no effect`, 'agent-isolate.json').text)
    return requireInside(root, join(usualWorktreesFolder, flat))
  }
  const above = isWithin(wanted, root) ? wanted : findRepositoryAround(wanted)
  if (above === undefined) return requireBeside(dirname(root), join(relative(dirname(root), wanted), flat))
  throw new IsolateError(`${wanted} is no place for worktrees of ${root}: ${above} is, or holds, a repository`, {
    hint,
  })
}

const hint = 'Choose another folder: "worktrees.folder" in agent-isolate.json.'

function requireInside(parent: string, inner: string): string {
  if (leadsInside(parent, inner)) return join(parent, inner)
  throw new IsolateError(`${join(parent, inner)} leads out of ${parent} through a symlink`, { hint })
}

/** Not even to another folder of the parent: what lies there is not ours. */
function requireBeside(parent: string, path: string): string {
  const [first = '', ...rest] = path.split(sep)
  const top = join(parent, first)
  return isTaken(top) ? requireInside(top, join(...rest)) : join(parent, path)
}

function findRepositoryAround(folder: string): string | undefined {
  if (existsSync(join(folder, '.git'))) return folder
  return dirname(folder) === folder ? undefined : findRepositoryAround(dirname(folder))
}
