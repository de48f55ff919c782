/** The templates of a worktree's env files: of the worktree's own, and of those of single apps. */
import { posix, join } from 'node:path'
import { isBareSafe } from '../env-text/quoting.ts'
import { findPortNames } from '../env-text/template.ts'
import { readIfAny } from '../files/read-if-any.ts'
import type { AppFile } from '../project/environment-config.ts'
import type { ProjectFiles } from '../project/project.ts'

/** The template of the main checkout, or of the worktree where there is no other; undefined without one. */
export function loadTemplate({ repository, config, template }: ProjectFiles, worktree?: string): string | undefined {
  if (repository.source !== undefined || worktree === undefined) return template
  return readIfAny(join(worktree, config.environment.template))
}

/** Of the env files of single apps, by their normalised paths; '' for a template that is not there. */
export function loadAppTemplates({ repository, config }: ProjectFiles, worktree?: string): Map<string, string> {
  const folder = repository.source ?? worktree
  return new Map(
    Object.entries(config.environment.files).map(([inner, file]) => [
      posix.normalize(inner),
      readTemplate(folder, file),
    ]),
  )
}

/** The names of all the ports that they ask for. */
export function templatePortNames(project: ProjectFiles, worktree?: string): string[] {
  const templates = [loadTemplate(project, worktree) ?? '', ...loadAppTemplates(project, worktree).values()]
  return templates.flatMap((template) => findPortNames(template))
}

function readTemplate(folder: string | undefined, file: AppFile): string {
  if (typeof file === 'string') return folder === undefined ? '' : (readIfAny(join(folder, file)) ?? '')
  return Object.entries(file)
    .map(([key, value]) => `${key}=${quoteForTemplate(value)}\n`)
    .join('')
}

/** So that references stay references. */
function quoteForTemplate(value: string): string {
  if (isBareSafe(value.replaceAll(/[${}]/g, 'X'))) return value
  return /["`\\]/.test(value) && !value.includes("'") ? `'${value}'` : `"${value.replaceAll('"', '\\"')}"`
}
