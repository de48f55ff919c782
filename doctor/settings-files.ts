/** The settings.json files that Claude Code reads for a repository, and the hook commands in them that are ours. */
import { join } from 'node:path'
import { findOddity, findStatus, readIfFile } from '../lib/read-if-any.ts'
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
    if (path === undefined || findStatus(path) === undefined) return []
    const text = readIfFile(path)
    const parsed = text === undefined ? unreadable(path) : parseSettings(text)
    const isTracked = scope !== 'user' && tracked.has(path.slice(root.length + 1))
    return [{ ...parsed, scope, path, isTracked }]
  })
}

/** Claude Code does not get to read it either. */
function unreadable(path: string): ParsedSettings {
  const message = `the file cannot be read: it is ${findOddity(path) ?? 'not readable, or too large'}`
  const fault = { rule: 'json', severity: 'error', line: 1, message, fix: 'Put a file in its place.' } as const
  return { handlers: [], faults: [fault] }
}
