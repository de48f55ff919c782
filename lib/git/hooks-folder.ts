/** The folder of git hooks that each checkout has by itself, as `core.hooksPath` with a relative path asks for (husky's `.husky/_`). */
import { existsSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { isWithin } from '../files/inner-path.ts'
import type { Reporter } from '../report/reporter.ts'
import type { Repository } from './repository.ts'

/** Relative, with `/`; undefined where all checkouts share their hooks. */
export function findOwnHooksFolder({ checkout, commonDir, hooksFolder }: Repository): string | undefined {
  if (checkout === undefined || hooksFolder === checkout) return undefined
  if (!isWithin(checkout, hooksFolder) || isWithin(commonDir, hooksFolder)) return undefined
  return relative(checkout, hooksFolder).replaceAll(sep, '/')
}

/** git says nothing about hooks that are not there, and a commit passes unchecked. */
export function warnOfMissingHooks(repository: Repository, worktree: string, reporter: Reporter): void {
  const folder = findOwnHooksFolder(repository)
  if (folder === undefined || existsSync(join(worktree, folder))) return
  reporter.warn(
    `core.hooksPath is ${folder}, which is not there: git runs no hooks in ${worktree} until it is made (husky: npm run prepare); "setup" in agent-isolate.json can do that`,
  )
}
