/**
 * Programs of the main checkout that its shell has set up (an activated virtualenv, node_modules/.bin) give way to the
 * worktree's own: else `python` there is main's, and `pip install -e .` makes main's environment one of the worktree.
 * A path counts as main's however it is spelled, unless it lies in a checkout of its own, as other worktrees do.
 */
import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { isSameFile } from '../files/same-file.ts'

/** `root`: the main checkout. */
export type Checkouts = { root: string; worktree: string }

/** Each a list of paths with `:` between them, or one path. */
const variables =
  'PATH VIRTUAL_ENV CONDA_PREFIX UV_PROJECT_ENVIRONMENT PYTHONPATH NODE_PATH GEM_HOME GEM_PATH BUNDLE_GEMFILE BUNDLE_PATH'

/** `changed`: variables of `env` with other values; `missing`: what main has in an environment of its own, and the worktree not. */
export type Retargeted = { changed: Record<string, string>; missing: readonly string[] }

/** Reads the file system, and nothing else. */
export function retarget(env: NodeJS.ProcessEnv, checkouts: Checkouts): Retargeted {
  const changed: Record<string, string> = {}
  const missing = new Set<string>()
  for (const name of variables.split(' ')) {
    const value = env[name] ?? ''
    const moved = value.split(':').map((entry) => {
      const twin = twinOf(entry, checkouts)
      if (twin === undefined || existsSync(twin)) return twin ?? entry
      // npm puts node_modules/.bin of every folder above on PATH, whether there is one or not.
      if (existsSync(entry) && !/\/node_modules(?:\/|$)/.test(entry)) missing.add(entry)
      return entry
    })
    if (moved.join(':') !== value) changed[name] = moved.join(':')
  }
  return { changed, missing: [...missing] }
}

/** For a warning; undefined where nothing is missing. */
export function describeMissing(missing: readonly string[]): string | undefined {
  if (missing.length === 0) return undefined
  return `this shell uses ${missing.join(', ')} of the main checkout, and the worktree has none: make its own, or what you install here changes main's`
}

function twinOf(entry: string, { root, worktree }: Checkouts): string | undefined {
  if (!isAbsolute(entry)) return undefined
  let top = entry
  while (top !== dirname(top) && !existsSync(join(top, '.git'))) top = dirname(top)
  return isSameFile(top, root) ? worktree + entry.slice(top.length) : undefined
}

/** Starts the shell's own variables. */
const own = '_agent_isolate_'

/**
 * The same as text for bash, zsh and other POSIX shells with `-ef`, perhaps under `set -eu`: no process, no output, no
 * variable of its own left.
 */
export function renderRetarget({ root, worktree }: Checkouts): string {
  return `for ${own}name in ${variables}; do
  eval "${own}rest=\\\${$${own}name-}"
  if [ -z "$${own}rest" ]; then continue; fi
  ${own}rest=\${${own}rest}:
  ${own}all=
  while [ -n "$${own}rest" ]; do
    ${own}one=\${${own}rest%%:*}
    ${own}rest=\${${own}rest#*:}
    ${own}top=$${own}one
    case $${own}top in /*) ;; *) ${own}top= ;; esac
    while [ -n "$${own}top" ] && [ ! -e "$${own}top/.git" ]; do ${own}top=\${${own}top%/*}; done
    if [ -n "$${own}top" ] && [ "$${own}top" -ef ${quote(root)} ]; then
      ${own}twin=${quote(worktree)}\${${own}one#"$${own}top"}
      if [ -e "$${own}twin" ]; then ${own}one=$${own}twin; fi
    fi
    ${own}all=\${${own}all}:\${${own}one}
  done
  eval "$${own}name=\\\${${own}all#:}"
done
unset ${own}name ${own}rest ${own}all ${own}one ${own}top ${own}twin
`
}

function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}
