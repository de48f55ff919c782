/** The hooks that we register with Claude Code, and how ours are told from those of others. */
import { isObject } from '../lib/files/json.ts'

/** Each event with its file in hooks/, without the extension. */
export const hookFiles = {
  WorktreeCreate: 'worktree-create',
  WorktreeRemove: 'worktree-remove',
  SessionStart: 'session-start',
  SubagentStart: 'subagent-start',
  PostToolUse: 'worktree-enter',
} as const

/** What a group of ours is limited to, where the event is about more than worktrees. */
export const hookMatchers: Partial<Record<HookEvent, string>> = { PostToolUse: 'EnterWorktree' }

export type HookEvent = keyof typeof hookFiles

export const hookEvents = ['WorktreeCreate', 'WorktreeRemove', 'SessionStart', 'SubagentStart', 'PostToolUse'] as const

/** `groups` is the value of `hooks.<event>`. Indexes of the handlers that run a copy of ours, of this or an older version. */
export function findOwnHandlers(groups: unknown, event: HookEvent): { group: number; handler: number }[] {
  return listHandlers(groups).flatMap(({ group, handler, value }) =>
    isOwnCommand(commandLine(value), event) ? [{ group, handler }] : [],
  )
}

/** Command lines of the handlers that are not ours. */
export function findForeignCommands(groups: unknown, event: HookEvent): string[] {
  return listHandlers(groups)
    .map(({ value }) => commandLine(value))
    .filter((command) => command !== '' && !isOwnCommand(command, event))
}

/** By the path: `…/agent-isolate/run NAME`, in a copy, the package or the plugin (a folder named after its version), or the hook's file in an older copy or a clone. */
export function isOwnCommand(command: string, event: HookEvent): boolean {
  const hook = hookFiles[event]
  return new RegExp(
    `/agent-isolate/((dist/program/|\\d[^/"]*/)?run"? ${hook}(\\s|$)|((dist/)?hooks/)?${hook}\\.[jt]s(["'\\s]|$))`,
  ).test(command)
}

function listHandlers(groups: unknown): { group: number; handler: number; value: unknown }[] {
  if (!Array.isArray(groups)) return []
  return groups.flatMap((each: unknown, group) => {
    const handlers: unknown = isObject(each) ? each['hooks'] : undefined
    if (!Array.isArray(handlers)) return []
    return handlers.map((value: unknown, handler) => ({ group, handler, value }))
  })
}

function commandLine(handler: unknown): string {
  if (!isObject(handler) || typeof handler['command'] !== 'string') return ''
  const args: unknown = handler['args']
  return [handler['command'], ...(Array.isArray(args) ? args : [])].join(' ')
}
