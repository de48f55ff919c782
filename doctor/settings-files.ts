/** The files that Claude Code reads hooks from for a repository: three of settings, and that of our plugin, where they ask for it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findOddity, findStatus, readIfFile } from '../lib/files/read-if-any.ts'
import { asksForPlugin } from '../init/plugin.ts'
import { isObject, parseJson } from '../lib/files/json.ts'
import { parseSettings, type ParsedSettings } from './settings-shape.ts'

export type SettingsScope = 'user' | 'project' | 'local' | 'plugin'

export type SettingsFile = ParsedSettings & {
  scope: SettingsScope
  path: string
  /** Whether it came with the repository, and so may be a stranger's. */
  isTracked: boolean
  /** Whether it switches our plugin on. */
  asksForPlugin: boolean
}

/** Those that exist. `home` undefined: there is no user scope, and no plugin. */
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
  const files = places.flatMap(([scope, path]): SettingsFile[] => {
    if (path === undefined || findStatus(path) === undefined) return []
    const text = readIfFile(path)
    const parsed = text === undefined ? unreadable(path) : parseSettings(text)
    const isTracked = scope !== 'user' && tracked.has(path.slice(root.length + 1))
    return [{ ...parsed, scope, path, isTracked, asksForPlugin: asksForPlugin(parseJson(text ?? '')) }]
  })
  const isAskedFor = files.some((file) => file.asksForPlugin)
  const plugin = isAskedFor && home !== undefined ? loadPluginHooks(home) : undefined
  return plugin === undefined ? files : [...files, plugin]
}

/** The hooks of the installed plugin, with its folder in their commands. Undefined when it is not installed. */
function loadPluginHooks(home: string): SettingsFile | undefined {
  const installed = parseJson(readIfFile(join(home, '.claude', 'plugins', 'installed_plugins.json')) ?? '')
  const plugins: unknown = isObject(installed) ? installed['plugins'] : undefined
  const folder = Object.entries(isObject(plugins) ? plugins : {})
    .filter(([id]) => id.startsWith('agent-isolate@'))
    .flatMap(([, installs]: [string, unknown]) => (Array.isArray(installs) ? installs : []))
    .map((install: unknown) => (isObject(install) ? install['installPath'] : undefined))
    .find((path) => typeof path === 'string' && existsSync(path))
  if (typeof folder !== 'string') return undefined
  const path = join(folder, 'hooks', 'hooks.json')
  const parsed = parseSettings(readIfFile(path) ?? '')
  const handlers = parsed.handlers.map((handler) => {
    return { ...handler, command: handler.command.replaceAll('${CLAUDE_PLUGIN_ROOT}', folder) }
  })
  return { handlers, faults: parsed.faults, scope: 'plugin', path, isTracked: false, asksForPlugin: false }
}

/** Claude Code does not get to read it either. */
function unreadable(path: string): ParsedSettings {
  const message = `the file cannot be read: it is ${findOddity(path) ?? 'not readable, or too large'}`
  const fault = { rule: 'json', severity: 'error', line: 1, message, fix: 'Put a file in its place.' } as const
  return { handlers: [], faults: [fault] }
}
