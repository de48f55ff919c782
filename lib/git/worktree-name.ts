/** The name of a worktree: checked once, at the edge, because folders, branches and databases are named after it. */
import { digestOf } from '../files/digest.ts'
import { IsolateError } from '../report/isolate-error.ts'

export type WorktreeName = {
  /** As given: segments of `[A-Za-z0-9._-]` joined by `/`. */
  name: string
  /** `/` becomes `+`, which no name can hold: one folder, one branch, and `feat` never contains `feat/auth`. */
  flat: string
  /** Lower-case letters, digits and `-`, for host names, databases and compose projects. Not unique. */
  slug: string
}

/** Room for a prefix, a suffix and `.lock` within the 255 bytes of a file name. */
const maximumLength = 100

/** Throws `IsolateError`, in one line, for anything that is not a safe name. */
export function parseWorktreeName(value: unknown): WorktreeName {
  if (typeof value !== 'string' || value === '') throw new IsolateError('the worktree has no name')
  const reason = findFault(value)
  if (reason !== undefined) throw new IsolateError(`not a usable worktree name: ${shorten(value)} (${reason})`)
  const flat = value.replaceAll('/', '+')
  return { name: value, flat, slug: slugOf(value) }
}

/**
 * A name for the worktree that another tool made at `path`: that of its folder, with those above it where another worktree
 * of the repository has it already. Other tools give theirs one and the same (`~/.codex/worktrees/1a2b/app`). `taken`: the
 * names of the others, from which its slug differs too. Pure.
 */
export function chooseName(path: string, taken: readonly string[]): string {
  const folders = path
    .split('/')
    .map(plain)
    .filter((folder) => folder !== '')
  const nearest = [1, 2, 3].map((count) => folders.slice(-count).join('-').slice(-maximumLength).replace(/^-+/, ''))
  const slugs = new Set(taken.map(slugOf))
  const free = nearest.find((name) => findFault(name) === undefined && !slugs.has(slugOf(name)))
  return free ?? `worktree-${digestOf(path, 8)}`
}

/** A folder's name as a part of a worktree's. */
function plain(folder: string): string {
  return folder
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[-.]+|[-.]+$|\.lock$/gi, '')
}

/** Turns any text into lower-case letters, digits and `-`; never empty. */
export function slugOf(text: string): string {
  const slug = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return slug === '' ? 'worktree' : slug
}

function findFault(name: string): string | undefined {
  if (name.length > maximumLength) return `longer than ${maximumLength} characters`
  if (!/^[A-Za-z0-9._/-]+$/.test(name)) return 'only letters, digits, ".", "_", "-" and "/" are allowed'
  const segments = name.split('/')
  if (segments.includes('')) return 'an empty part beside "/"'
  if (segments.some((segment) => segment.startsWith('-'))) return 'a part starts with "-"'
  if (segments.some((segment) => segment === '.' || segment.includes('..'))) return '"." and ".." lead elsewhere'
  // git-check-ref-format(1)
  if (/\.lock(\/|$)|\.$/i.test(name)) return 'git allows no branch that ends in ".lock" or "."'
  return name.toLowerCase() === '.git' ? 'that folder is git’s own' : undefined
}

function shorten(name: string): string {
  const text = JSON.stringify(name)
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text
}
