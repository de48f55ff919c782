/** The settings.json files that Claude Code reads for a repository, and the hook commands in them that are ours. */
import { join } from 'node:path'
import { readIfAny } from '../lib/read-if-any.ts'
import { parseSettings, type ParsedSettings } from './settings-shape.ts'

export type SettingsScope = 'user' | 'project' | 'local'

export type SettingsFile = ParsedSettings & {
  scope: SettingsScope
  path: string
  /** Whether it came with the repository, and so may be a stranger's. */
  isTracked: boolean
}

/** Those of the three that exist. `home` undefined: there is no user scope. */
export function loadSettingsFiles(
  root: string,
  home: string | undefined,
  tracked: ReadonlySet<string>,
): SettingsFile[] {
  const places: [SettingsScope, string | undefined][] = [
    ['user', home === undefined ? undefined : join(home, '.claude', 'settings.json')],
    ['project', join(root, '.claude', 'settings.json')],
    ['local', join(root, '.claude', 'settings.local.json')],
  ]
  return places.flatMap(([scope, path]) => {
    const text = path === undefined ? undefined : readIfAny(path)
    if (path === undefined || text === undefined) return []
    const isTracked = scope !== 'user' && tracked.has(path.slice(root.length + 1))
    return [{ ...parseSettings(text), scope, path, isTracked }]
  })
}
