/** What apps read and git ignores, and so is missing in a new worktree: env files, the keys to committed secrets, agents' local files. */
import { readdirSync, type Dirent } from 'node:fs'
import { join, posix } from 'node:path'
import { isEnvFile, isSampleEnvFile } from '../env-text/env-file-name.ts'
import { findOddity } from '../files/read-if-any.ts'
import { errorCode } from '../report/isolate-error.ts'

/** Globs from the top that match at least what `isCarried`. */
export const carriedPathspecs: readonly string[] = [
  '**/.env*',
  '**/*.env',
  '**/.dev.vars*',
  '**/.flaskenv',
  '**/.mcp.json',
  '**/CLAUDE.local.md',
  '**/config/master.key',
  '**/config/credentials/*.key',
]

/** `path` with `/`. What lies in a folder `.env` is a virtual environment's. */
export function isCarried(path: string): boolean {
  if (/(?:^|\/)\.env\//.test(path)) return false
  if (isEnvFile(path)) return !isSampleEnvFile(path)
  return /(?:^|\/)(?:\.mcp\.json|CLAUDE\.local\.md|config\/master\.key|config\/credentials\/[^/]+\.key)$/.test(path)
}

/** Env files that are none, at the top, where apps usually are, and beside those in `paths`: git does not list them. */
export function findOddEnvFiles(source: string, paths: readonly string[]): { path: string; oddity: string }[] {
  const inner = ['.', 'apps', 'packages', 'services'].flatMap((folder) =>
    list(source, folder)
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => posix.join(folder, name)),
  )
  const folders = new Set(['.', ...inner, ...paths.map((path) => posix.dirname(path))])
  return [...folders].flatMap((folder) =>
    list(source, folder)
      .filter((entry) => !entry.isFile() && !entry.isDirectory() && isCarried(entry.name))
      .flatMap(({ name }) => {
        const oddity = findOddity(join(source, folder, name))
        return oddity === undefined || oddity === 'a folder' ? [] : [{ path: posix.join(folder, name), oddity }]
      }),
  )
}

/** Empty for what is not there, and for what is not ours to look into. */
function list(source: string, folder: string): Dirent[] {
  try {
    return readdirSync(join(source, folder), { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return []
    throw error
  }
}
