/** "dependencies" of the config: node_modules and .venv, and any further folder by its path, or by its name in every project. */
import { normalize, sep } from 'node:path'
import { isInnerPath } from '../files/inner-path.ts'
import { isObject } from '../files/json.ts'
import type { DependencyKind, DependencyStrategy } from '../dependencies/dependency-plan.ts'
import type { FolderStrategies } from '../dependencies/folder-plan.ts'
import type { Section } from './config-section.ts'

const strategies = ['auto', 'symlink', 'clone', 'install', 'copy', 'none'] as const

/** Throws `IsolateError` for a key that leads out of the repository. */
export function readDependencies(section: Section, value: unknown): Record<DependencyKind, DependencyStrategy> {
  return {
    node_modules: section.choice('node_modules', strategies) ?? 'auto',
    '.venv': section.choice('.venv', strategies) ?? 'auto',
    ...readFolders(section, value),
  }
}

/** `value`: the section as it is in the file. Keys come with `/` and none at their end. */
function readFolders(section: Section, value: unknown): FolderStrategies {
  const keys = isObject(value) ? Object.keys(value) : []
  const entries = keys.map((key): [string, DependencyStrategy] => {
    if (!isInnerPath(key)) section.fail(key, 'taken out: keys are paths of folders inside the repository')
    return [normalize(key).replaceAll(sep, '/').replace(/\/$/, ''), section.choice(key, strategies) ?? 'auto']
  })
  return Object.fromEntries(entries)
}
