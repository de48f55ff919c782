/** Which compose files there are in a worktree: those that compose takes by itself, or those that the user has named. */
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path'
import { parseEnvStatements } from '../env-text/syntax.ts'
import { isWithin } from '../files/inner-path.ts'
import { findStatus, readIfFile } from '../files/read-if-any.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** In compose's order (compose-go, cli/options.go). */
const baseNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const overrideNames = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
]

/**
 * Absolute paths of the file that compose would take in the worktree, and of the override file that it would take with
 * it; [] without one. Unlike compose this does not look in the folders above, where the main checkout may be.
 */
export function findComposeFiles(worktree: string): string[] {
  const base = findFirst(worktree, baseNames)
  if (base === undefined) return []
  const override = findFirst(worktree, overrideNames)
  return override === undefined ? [base] : [base, override]
}

function findFirst(folder: string, names: readonly string[]): string | undefined {
  return names.map((name) => join(folder, name)).find(isFile)
}

function isFile(path: string): boolean {
  return findStatus(path)?.isFile() ?? false
}

/** What our generated files' paths have in common, in any worktree's git folder. */
const ownFile = /[\\/]agent-isolate[\\/]compose[\\/][^\\/]+$/

/**
 * The files of COMPOSE_FILE, which the environment or the worktree's .env may set, in this worktree: a relative path is
 * taken from it, and one into the main checkout (`source`) is the same file here. Undefined when it is not set, or set by
 * us (a session in one worktree makes another). Throws `IsolateError` for one that is not there.
 */
export function findNamedComposeFiles(
  worktree: string,
  source: string | undefined,
  env: NodeJS.ProcessEnv,
): string[] | undefined {
  const dotEnv = readDotEnv(join(worktree, '.env'))
  const separator = env['COMPOSE_PATH_SEPARATOR'] || dotEnv.get('COMPOSE_PATH_SEPARATOR') || delimiter
  const inherited = env['COMPOSE_FILE']?.split(separator) ?? []
  const isOurs = inherited.some((path) => ownFile.test(path))
  const named = (isOurs ? undefined : env['COMPOSE_FILE']) || dotEnv.get('COMPOSE_FILE')
  if (named === undefined) return undefined
  // Our own separator, where COMPOSE_FILE was ours, says nothing about the one in .env.
  const dotEnvSeparator = isOurs ? dotEnv.get('COMPOSE_PATH_SEPARATOR') || delimiter : separator
  const paths = named.split(dotEnvSeparator).filter((path) => path !== '')
  return paths.map((path) => requireFile(inWorktree(path, worktree, source)))
}

function inWorktree(path: string, worktree: string, source: string | undefined): string {
  if (!isAbsolute(path)) return resolve(worktree, path)
  if (source === undefined || isWithin(worktree, path) || !isWithin(source, path)) return path
  return join(worktree, relative(source, path))
}

function requireFile(path: string): string {
  if (isFile(path)) return path
  throw new IsolateError(`COMPOSE_FILE names ${path}, which is not there`, {
    hint: 'Correct COMPOSE_FILE (in your environment, or in .env), or unset it.',
  })
}

function readDotEnv(path: string): Map<string, string> {
  const assignments = parseEnvStatements(readIfFile(path) ?? '').flatMap(({ assignment }) => assignment ?? [])
  return new Map(assignments.map(({ key, body }) => [key, body]))
}
