/** Makes what was written for the main checkout right for the worktree: paths in text, and targets of symlinks. Pure. */
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'

/** Roots of the main checkout and of the worktree, absolute and real. */
export type Move = { source: string; worktree: string }

/** Longest `#!` line that every system takes: 127 bytes before Linux 5.1 (execve(2)); no system takes a space in it. */
const shebangLimit = 127

/**
 * `text` with the path of `folder` ('' for the whole checkout) in the main checkout replaced by that in the worktree, as
 * it is and as in a file URL. `/home/me/app` does not match in `/home/me/app2`.
 */
export function relocateText(text: string, { source, worktree }: Move, folder = ''): string {
  const [from, to] = [join(source, folder), join(worktree, folder)]
  const moved = replacePath(text, from, to)
  return encodeURI(from) === from ? moved : replacePath(moved, encodeURI(from), encodeURI(to))
}

function replacePath(text: string, from: string, to: string): string {
  if (!text.includes(from)) return text
  const literal = from.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
  return text.replaceAll(new RegExp(`${literal}(?![\\w.%+~-])`, 'g'), () => to)
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
export function relocateTarget(path: string, target: string, { source, worktree }: Move): string {
  const destination = resolve(dirname(path), target)
  const inner = relative(source, destination)
  const isInside = inner !== '..' && !inner.startsWith(`..${sep}`) && !isAbsolute(inner)
  if (!isInside) return destination
  return isAbsolute(target) ? join(worktree, inner) : target
}
