/**
 * Other paths of the main checkout by which a virtualenv in it knows itself: Python writes down the path that it was
 * called by, so one that was made or used through a symlink says that.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { isSameFile } from '../files/same-file.ts'
import { findStatus, readIfFile } from '../files/read-if-any.ts'

/** `from`: the virtualenv, a real path; `source`: the main checkout, which it is in. */
export function findAliases(from: string, source: string): string[] {
  const activate = readIfFile(join(from, 'bin', 'activate')) ?? ''
  const [, made = ''] = /^command = .* -m venv (?:-\S+ )*(.+)$/m.exec(readIfFile(join(from, 'pyvenv.cfg')) ?? '') ?? []
  const [, double, single, bare] = /^\s*(?:export )?VIRTUAL_ENV=(?:"([^"]*)"|'([^']*)'|(\S+))/m.exec(activate) ?? []
  const named = new Set([made, double ?? single ?? bare ?? '', ...interpretersIn(join(from, 'bin'))])
  const aliases = [...named].filter(isAbsolute).flatMap((path) => topOf(path, source) ?? [])
  return [...new Set(aliases)].filter((path) => path !== source)
}

/** The folder on the way to `path` that is the main checkout. */
function topOf(path: string, source: string): string | undefined {
  for (let top = path; top !== dirname(top); top = dirname(top)) if (isSameFile(top, source)) return top
  return undefined
}

/** Of the scripts in a folder, in either form of pip's. */
function interpretersIn(bin: string): string[] {
  if (findStatus(bin)?.isDirectory() !== true) return []
  const files = readdirSync(bin, { withFileTypes: true }).filter((entry) => entry.isFile())
  const heads = files.map(({ name }) => readHead(join(bin, name)))
  return heads.flatMap((head) => /^#!(?:\/bin\/sh\n'''exec' "?)?(\/[^\n"]*?python[\d.]*)["\s]/.exec(head)?.[1] ?? [])
}

/** A program may be large, a `#!` line is not. */
function readHead(path: string): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(512)
    return bytes.toString('utf8', 0, readSync(file, bytes))
  } finally {
    closeSync(file)
  }
}
