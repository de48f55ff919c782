/** What a user should know about the settings that `init` wrote, and about others that get in their way. */
import { join } from 'node:path'
import { isObject, parseJson } from '../lib/files/json.ts'
import type { Answers, InitPlace } from './answers.ts'
import { findForeignCommands, findOwnHandlers } from './hook-handlers.ts'
import { readText } from './read-text.ts'
import { asksForPlugin, pluginId } from './plugin.ts'
import { kindOf } from './installation.ts'

/** `texts` are the settings as they will be. One paragraph each. */
export function adviseOnSettings(place: InitPlace, answers: Answers, texts: readonly string[]): string[] {
  const settings = texts.map((text) => parseJson(text)).filter(isObject)
  return [
    ...adviseOnPatterns(answers),
    ...settings.flatMap((each) => adviseOnForeignHooks(each)),
    ...(settings.some((each) => each['disableAllHooks'] === true)
      ? ['"disableAllHooks" is set in the settings: Claude Code runs no hook at all until it is taken out.']
      : []),
    ...adviseOnOtherScope(place, answers),
    ...adviseOnPlugin(place, answers),
  ]
}

function adviseOnPatterns({ excludePatterns }: Answers): string[] {
  if (excludePatterns.length === 0) return []
  return [
    'Claude Code ignores agentConfiguration.excludePatterns. What keeps it from reading are the Read rules in ' +
      'permissions.deny; they also refuse edits, and commands that name such a path (git add package-lock.json).',
  ]
}

function adviseOnForeignHooks({ hooks }: Record<string, unknown>): string[] {
  const groups: unknown = isObject(hooks) ? hooks['WorktreeCreate'] : undefined
  return findForeignCommands(groups, 'WorktreeCreate').map(
    (command) => `Another WorktreeCreate hook is registered, and Claude Code runs both: ${command}`,
  )
}

/** Hooks of the user's and the repository's settings merge: the same worktree would be asked for twice. */
function adviseOnOtherScope({ root, home }: InitPlace, { scope }: Answers): string[] {
  const isUser = kindOf(scope) === 'user'
  const names = isUser ? ['settings.json', 'settings.local.json'] : ['settings.json']
  const base = isUser ? root : home
  if (base === undefined || (isUser && root === home)) return []
  const paths = names.map((name) => join(base, '.claude', name))
  return paths.filter(registersHooks).map((path) => {
    const command = `npx agent-isolate uninstall${isUser ? '' : ' --scope user'}`
    return `${path} has these hooks too, and Claude Code runs both. One is enough: ${command}`
  })
}

/** The plugin has the same hooks, whoever has switched it on. */
function adviseOnPlugin({ root, home }: InitPlace, { delivery }: Answers): string[] {
  if (delivery === 'plugin') return []
  const folders = [root, ...(home === undefined ? [] : [home])].map((base) => join(base, '.claude'))
  const paths = folders.flatMap((folder) => [join(folder, 'settings.json'), join(folder, 'settings.local.json')])
  return [...new Set(paths)]
    .filter((path) => asksForPlugin(parseJson(readText(path) ?? '')))
    .map((path) => {
      const command = `claude plugin uninstall ${pluginId}`
      return `${path} asks for the plugin, and the plugin has these hooks too: Claude Code runs both. One is enough: ${command}`
    })
}

function registersHooks(path: string): boolean {
  const settings = parseJson(readText(path) ?? '')
  const hooks: unknown = isObject(settings) ? settings['hooks'] : undefined
  return isObject(hooks) && findOwnHandlers(hooks['WorktreeCreate'], 'WorktreeCreate').length > 0
}
