/** The plugin of Claude Code that holds all hooks: its names, and how settings.json asks for it. */
import { isObject } from '../lib/files/json.ts'

/** As the project's marketplace has them (.claude-plugin/marketplace.json). */
export const pluginId = 'agent-isolate@agent-isolate'
export const marketplaceRepository = 'agent-isolate/agent-isolate'

/** What a settings.json needs to have the plugin: a value for each key of one of its objects. */
export const pluginEntries: readonly (readonly [object: string, key: string, value: unknown])[] = [
  ['extraKnownMarketplaces', 'agent-isolate', { source: { source: 'github', repo: marketplaceRepository } }],
  ['enabledPlugins', pluginId, true],
]

/** Whether the settings of one file switch the plugin on, from whatever marketplace. */
export function asksForPlugin(settings: unknown): boolean {
  const plugins: unknown = isObject(settings) ? settings['enabledPlugins'] : undefined
  return (
    isObject(plugins) && Object.entries(plugins).some(([id, isOn]) => id.startsWith('agent-isolate@') && isOn === true)
  )
}
