/** Makes what was written for the main checkout right for the worktree: paths in text, and targets of symlinks. Pure. */
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'

/** Roots of the main checkout and of the worktree, absolute and real; `aliases`: further paths of the main checkout. */
export type Move = { source: string; worktree: string; aliases?: readonly string[] }

/** Longest `#!` line that every system takes: 127 bytes before Linux 5.1 (execve(2)); no system takes a space in it. */
const shebangLimit = 127

/**
 * `text` with the path of `folder` ('' for the whole checkout) in the main checkout replaced by that in the worktree, as
 * it is and as in a file URL. `/home/me/app` does not match in `/home/me/app2`.
 */
export function relocateText(text: string, { source, worktree, aliases = [] }: Move, folder = ''): string {
  const to = join(worktree, folder)
  const named = [source, ...aliases].map((root) => join(root, folder))
  const found = named.flatMap((from): [string, string][] => [
    [from, to],
    [encodeURI(from), encodeURI(to)],
  ])
  const moves = new Map(found.filter(([from]) => text.includes(from)))
  if (moves.size === 0) return text
  // In one go, the longest first: an alias may be the end of another path.
  const longest = [...moves.keys()].toSorted((a, b) => b.length - a.length)
  const literals = longest.map((from) => (from.startsWith(named[0] ?? '') ? '' : '(?<![\\w.%+~-])') + literal(from))
  return text.replaceAll(new RegExp(`(?:${literals.join('|')})(?![\\w.%+~-])`, 'g'), (from) => moves.get(from) ?? from)
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}

/** A Python script's `#!` line in the form that pip itself gives it where the interpreter's path is too long or has spaces. */
export function repairShebang(text: string): string {
  const interpreter = /^#!(\/[^\n]*python[\d.]*)\n/.exec(text)?.[1]
  if (interpreter === undefined) return text
  const isFine = Buffer.byteLength(interpreter) + 3 <= shebangLimit && !interpreter.includes(' ')
  return isFine ? text : `#!/bin/sh\n'''exec' "${interpreter}" "$0" "$@"\n' '''\n${text.slice(interpreter.length + 3)}`
}

/**
 * What a symlink that lies at `path` in the main checkout and says `target` has to say at the same place in the worktree:
 * into the checkout, it then leads into the worktree; anywhere else, to the same place as before.
 */
export function relocateTarget(path: string, target: string, { source, worktree, aliases = [] }: Move): string {
  const destination = resolve(dirname(path), target)
  const inner = [source, ...aliases]
    .map((root) => relative(root, destination))
    .find((each) => each !== '..' && !each.startsWith(`..${sep}`) && !isAbsolute(each))
  if (inner === undefined) return destination
  return isAbsolute(target) ? join(worktree, inner) : target
}
