/** The variables that every worktree gets a value of its own for: what stands under the same name elsewhere does no harm. */
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

/** Where a line of the template goes. */
export function inTemplate({ project }: Context, line: string): string {
  return `in ${project.config.environment.template}: ${line}`
}
