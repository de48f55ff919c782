/**
 * Judges the text of a settings.json as Claude Code does: strict JSON, and `hooks.<Event>` a list of groups, each with a list
 * `hooks` of handlers. What it refuses there is ignored without a word at the time, so that the hook never runs.
 */
import { getNodeValue, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser'

export type SettingsFault = {
  rule: 'json' | 'shape' | 'event'
  severity: 'error' | 'warning'
  /** From 1. */
  line: number
  message: string
  fix: string
}

export type HookHandler = {
  event: string
  line: number
  /** As written: a shell command line, or, with `args`, a program. */
  command: string
  args: readonly string[] | undefined
  /** Seconds. */
  timeout: number | undefined
}

export type ParsedSettings = { handlers: readonly HookHandler[]; faults: readonly SettingsFault[] }

/** The events of Claude Code 2.1.330. */
const events = new Set(
  [
    'PreToolUse PostToolUse PostToolUseFailure PostToolBatch Notification UserPromptSubmit UserPromptExpansion',
    'SessionStart SessionEnd Stop StopFailure SubagentStart SubagentStop PreCompact PostCompact PreModelSwitch',
    'PostModelSwitch PermissionRequest PermissionDenied Setup TeammateIdle TaskCreated TaskCompleted Elicitation',
    'ElicitationResult ConfigChange WorktreeCreate WorktreeRemove InstructionsLoaded CwdChanged FileChanged',
    'DirectoryAdded MessageDisplay',
  ].flatMap((line) => line.split(' ')),
)

/** Never fails. The handlers are those that Claude Code would run. */
export function parseSettings(text: string): ParsedSettings {
  const errors: ParseError[] = []
  const tree = parseTree(text.replace(/^\uFEFF/, ''), errors, { disallowComments: true, allowTrailingComma: false })
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length
  const [error] = errors
  if (error !== undefined || tree === undefined) {
    const what = error === undefined ? 'it is empty' : printParseErrorCode(error.error)
    return { handlers: [], faults: [jsonFault(lineOf(error?.offset ?? 0), what)] }
  }
  const handlers: HookHandler[] = []
  const faults: SettingsFault[] = []
  const fail = (node: Node, message: string, fix: string): void => {
    faults.push({ rule: 'shape', severity: 'error', line: lineOf(node.offset), message, fix })
  }
  if (tree.type !== 'object') fail(tree, 'it is not an object', 'Write {"hooks": {…}}')
  const hooks = propertyOf(tree, 'hooks')
  if (hooks !== undefined && hooks.type !== 'object')
    fail(hooks, '"hooks" is not an object', 'Write "hooks": {"WorktreeCreate": […]}')
  for (const property of hooks?.type === 'object' ? (hooks.children ?? []) : []) {
    const [key, value] = property.children ?? []
    if (key === undefined || value === undefined) continue
    const event = String(key.value)
    if (!events.has(event)) faults.push(unknownEvent(event, lineOf(key.offset)))
    for (const handler of readEvent(event, value, fail)) {
      handlers.push({ ...handler.handler, line: lineOf(handler.node.offset) })
    }
  }
  return { handlers, faults }
}

type Fail = (node: Node, message: string, fix: string) => void
type Found = { node: Node; handler: Omit<HookHandler, 'line'> }

function readEvent(event: string, groups: Node, fail: Fail): Found[] {
  if (groups.type !== 'array') {
    fail(groups, `"hooks.${event}" is not a list`, nestedForm(event))
    return []
  }
  return (groups.children ?? []).flatMap((group) => {
    const handlers = propertyOf(group, 'hooks')
    if (group.type !== 'object' || handlers?.type !== 'array') {
      const isFlat = propertyOf(group, 'command') !== undefined
      fail(
        group,
        `"hooks.${event}" has ${isFlat ? 'a handler where a group has to be' : 'a group without a list "hooks"'}`,
        nestedForm(event),
      )
      return []
    }
    return (handlers.children ?? []).flatMap((node) => readHandler(event, node, fail) ?? [])
  })
}

function readHandler(event: string, node: Node, fail: Fail): Found | undefined {
  const type: unknown = propertyOf(node, 'type')?.value
  const command: unknown = propertyOf(node, 'command')?.value
  if (typeof type !== 'string')
    return refuse(fail, node, `a handler of "hooks.${event}" has no "type"`, nestedForm(event))
  if (type !== 'command') return undefined
  if (typeof command !== 'string' || command.trim() === '') {
    return refuse(fail, node, `a handler of "hooks.${event}" has no "command"`, nestedForm(event))
  }
  const argsNode = propertyOf(node, 'args')
  const args: unknown = argsNode === undefined ? undefined : getNodeValue(argsNode)
  if (args !== undefined && !isTexts(args))
    return refuse(fail, node, `"args" of "hooks.${event}" is no list of texts`, '"args": ["…"]')
  const timeoutNode = propertyOf(node, 'timeout')
  const timeout: unknown = timeoutNode?.value
  if (timeoutNode !== undefined && typeof timeout !== 'number') {
    return refuse(fail, timeoutNode, `"timeout" of "hooks.${event}" is no number`, '"timeout": 600, in seconds')
  }
  return { node, handler: { event, command, args, timeout: typeof timeout === 'number' ? timeout : undefined } }
}

function refuse(fail: Fail, node: Node, message: string, fix: string): undefined {
  fail(node, message, fix)
}

function nestedForm(event: string): string {
  return `"${event}": [{ "hooks": [{ "type": "command", "command": "…" }] }]`
}

function unknownEvent(event: string, line: number): SettingsFault {
  const meant = [...events].find((known) => known.toLowerCase() === event.toLowerCase())
  return {
    rule: 'event',
    severity: 'warning',
    line,
    message: `there is no event "${event}": its hooks never run`,
    fix: meant === undefined ? 'Take it out, or correct its name.' : `Write "${meant}".`,
  }
}

function jsonFault(line: number, what: string): SettingsFault {
  const words = what.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  const fix = words.includes('comment') ? 'Take the comments out: Claude Code reads strict JSON.' : 'Correct it there.'
  return { rule: 'json', severity: 'error', line, message: `it is not JSON: ${words}`, fix }
}

function propertyOf(node: Node, name: string): Node | undefined {
  if (node.type !== 'object') return undefined
  return node.children?.find(({ children }) => children?.[0]?.value === name)?.children?.[1]
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
