/** The variables that every worktree gets a value of its own for: what stands under the same name elsewhere does no harm. */
import { join, posix } from 'node:path'
import { readIfFile } from '../lib/files/read-if-any.ts'
import type { AppFile } from '../lib/project/environment-config.ts'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import type { Context } from './check.ts'

/** Of the template, or, without one, what the engine sets by itself. */
export function templateKeys({ template, project }: Context): ReadonlySet<string> {
  if (template === undefined) {
    const { database } = project.config
    if (database.provider === 'none') return new Set(['PORT'])
    return new Set(['PORT', 'DATABASE_URL', ...(database.hasTest ? ['TEST_DATABASE_URL'] : [])])
  }
  return new Set(parseEnvStatements(template).flatMap(({ assignment }) => assignment?.key ?? []))
}

/** The same in one env file: those that "environment.files" sets in it, or in the `.env.local` beside it, too. */
export function ownKeys(context: Context, path: string): ReadonlySet<string> {
  const { files } = context.project.config.environment
  const local = posix.join(posix.dirname(path), '.env.local')
  const keys = [path, local].flatMap((each) => keysOf(files[each], context))
  return new Set([...templateKeys(context), ...keys])
}

function keysOf(file: AppFile | undefined, { root }: Context): string[] {
  if (typeof file !== 'string') return Object.keys(file ?? {})
  return parseEnvStatements(readIfFile(join(root, file)) ?? '').flatMap(({ assignment }) => assignment?.key ?? [])
}

/** Where a line of the template goes; one that is not there yet is made by init. */
export function inTemplate({ template, project }: Context, line: string): string {
  const name = project.config.environment.template
  return `in ${name}${template === undefined ? ' (agent-isolate init makes it)' : ''}: ${line}`
}
