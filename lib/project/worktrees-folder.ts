/** Where worktrees are made: a folder of the repository, or one beside it. */
import { existsSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { isInnerPath, isTaken, isWithin, leadsInside } from '../files/inner-path.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { Reporter } from '../report/reporter.ts'
import type { Section } from './config-section.ts'
import type { Project } from './project.ts'

const usual = '.claude/worktrees'

export function readWorktreesFolder(section: Section): string {
  const isRight = (path: string): boolean => isInnerPath(path) || isBeside(path)
  return section.text('folder', isRight, 'a path inside the repository, or "../" and a folder beside it') ?? usual
}

/** True for `../NAME` and what lies below it, as text. */
export function isBeside(path: string): boolean {
  const [up, ...rest] = normalize(path).split(sep)
  return up === '..' && rest[0] !== '..' && isInnerPath(rest.join(sep))
}

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
    return requireInside(root, join(usual, flat))
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
