/**
 * Our part of a settings.json: hooks or the plugin that has them, read-deny rules and excludePatterns. Text in, text out; what is not ours stays byte for
 * byte. Shapes as measured with Claude Code 2.1.330 (groups of handlers; strict JSON).
 */
import { isObject } from '../lib/files/json.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { pluginEntries } from './plugin.ts'
import { findOwnHandlers, hookEvents, hookMatchers, type HookEvent } from './hook-handlers.ts'
import {
  addElement,
  addProperty,
  blankInside,
  fillBlank,
  readValue,
  removeMember,
  replaceValue,
  requireJsonObject,
  type JsonDocument,
  type JsonPath,
} from './json-edit.ts'

export type SettingsWishes = {
  /** The shell command line of each hook; undefined: a plugin has them. */
  commands: Record<HookEvent, string> | undefined
  excludePatterns: readonly string[]
  /** What a new file is indented with. */
  indent?: string
}

/** What is kept to take our part out again. `containers` are those that were not there (null) or empty (their blank). */
export type SettingsRecord = {
  /** All of the file's text where it held nothing but blanks; null where there was no file. */
  blank?: string | null
  containers: Record<string, string | null>
  denyRules: readonly string[]
  excludePatterns: readonly string[]
  /** Keys of `pluginEntries` that were not there. */
  entries?: readonly string[]
}

/** `text` undefined makes a file. Throws `IsolateError` for a file that Claude Code would not accept either. */
export function addToSettings(
  text: string | undefined,
  file: string,
  wishes: SettingsWishes,
  earlier: SettingsRecord | undefined,
): { text: string; record: SettingsRecord } {
  const isBlank = text === undefined || withoutMark(text).trim() === ''
  const content = isBlank ? `{\n${wishes.indent ?? '  '}}\n` : text
  const [mark, json] = splitMark(content)
  const draft: Draft = { document: requireShape(json, file), containers: { ...earlier?.containers } }
  for (const event of hookEvents) {
    if (wishes.commands === undefined) removeHandlers(draft, event, 0)
    else registerHook(draft, event, wishes.commands[event])
  }
  const entries = changeEntries(draft, wishes.commands === undefined ? pluginEntries : [], earlier?.entries)
  const denyRules = changeList(draft, ['permissions', 'deny'], denyRulesFor(wishes.excludePatterns), earlier?.denyRules)
  const excludePatterns = changeList(draft, excludePath, wishes.excludePatterns, earlier?.excludePatterns)
  const blank = earlier?.blank === undefined ? (isBlank ? { blank: text ?? null } : {}) : { blank: earlier.blank }
  return {
    text: mark + draft.document.text,
    record: {
      ...blank,
      containers: draft.containers,
      denyRules,
      excludePatterns,
      ...(entries.length > 0 ? { entries } : {}),
    },
  }
}

/** Undefined when the file was ours alone and goes. Without a record the rules stay: nothing tells whose they are. */
export function removeFromSettings(text: string, file: string, record: SettingsRecord | undefined): string | undefined {
  const [mark, json] = splitMark(text)
  if (json.trim() === '') return text
  const draft: Draft = { document: requireShape(json, file), containers: { ...record?.containers } }
  for (const event of hookEvents) removeHandlers(draft, event, 0)
  changeEntries(draft, [], record?.entries)
  changeList(draft, ['permissions', 'deny'], [], record?.denyRules)
  changeList(draft, excludePath, [], record?.excludePatterns)
  const isEmpty = blankInside(draft.document, []) !== undefined
  if (isEmpty && record?.blank !== undefined) return record.blank ?? undefined
  return mark + draft.document.text
}

/** What keeps an agent from reading: Read rules also hold for `cat` and `ls` in Bash (measured). */
export function denyRulesFor(patterns: readonly string[]): string[] {
  return [...new Set(patterns)].map((pattern) => `Read(${pattern})`)
}

type Draft = { document: JsonDocument; containers: Record<string, string | null> }

const excludePath = ['agentConfiguration', 'excludePatterns'] as const

/** One handler of ours with this command: made, or the one that is there brought up to date; its other keys stay. */
function registerHook(draft: Draft, event: HookEvent, command: string): void {
  const [first] = findOwnHandlers(readValue(draft.document, ['hooks', event]), event)
  if (first === undefined) {
    const matcher = hookMatchers[event]
    const group = { ...(matcher === undefined ? {} : { matcher }), hooks: [{ type: 'command', command }] }
    return addToList(draft, ['hooks', event], [group])
  }
  const path = ['hooks', event, first.group, 'hooks', first.handler]
  if (readValue(draft.document, [...path, 'args']) !== undefined)
    draft.document = removeMember(draft.document, [...path, 'args'])
  if (readValue(draft.document, [...path, 'command']) !== command) {
    draft.document = replaceValue(draft.document, [...path, 'command'], command)
  }
  removeHandlers(draft, event, 1)
}

/** Removes our handlers but the first `kept`, with the groups that hold nothing else. */
function removeHandlers(draft: Draft, event: HookEvent, kept: number): void {
  const own = findOwnHandlers(readValue(draft.document, ['hooks', event]), event).slice(kept)
  for (const { group, handler } of own.toReversed()) {
    const path = ['hooks', event, group]
    const handlers = readValue(draft.document, [...path, 'hooks'])
    const isAlone = Array.isArray(handlers) && handlers.length === 1
    draft.document = removeMember(draft.document, isAlone ? path : [...path, 'hooks', handler])
  }
  if (own.length > 0) closeContainers(draft, ['hooks', event])
}

/** Makes the list hold `wanted`, without the entries of `earlier` that are no longer wanted. Returns those that are ours. */
function changeList(
  draft: Draft,
  path: readonly [string, string],
  wanted: readonly string[],
  earlier: readonly string[] = [],
): string[] {
  for (const entry of earlier.filter((each) => !wanted.includes(each))) {
    const index = listAt(draft, path).lastIndexOf(entry)
    if (index >= 0) draft.document = removeMember(draft.document, [...path, index])
  }
  const present = listAt(draft, path)
  const missing = [...new Set(wanted)].filter((entry) => !present.includes(entry))
  if (missing.length > 0) addToList(draft, path, missing)
  closeContainers(draft, path)
  return wanted.filter((entry) => missing.includes(entry) || earlier.includes(entry))
}

/** The same for the keys of objects: one that is there already is the user's, whatever it says. */
function changeEntries(draft: Draft, wanted: typeof pluginEntries, earlier: readonly string[] = []): string[] {
  for (const [object, key] of pluginEntries) {
    const isOurs = earlier.includes(key) && !wanted.some((each) => each[1] === key && each[0] === object)
    if (!isOurs || readValue(draft.document, [object, key]) === undefined) continue
    draft.document = removeMember(draft.document, [object, key])
    closeContainers(draft, [object])
  }
  const missing = wanted.filter(([object, key]) => readValue(draft.document, [object, key]) === undefined)
  for (const [object, key, value] of missing) {
    openContainer(draft, object)
    draft.document = addProperty(draft.document, [object], key, value)
  }
  return wanted.map(([, key]) => key).filter((key) => missing.some((each) => each[1] === key) || earlier.includes(key))
}

function listAt(draft: Draft, path: JsonPath): unknown[] {
  const value = readValue(draft.document, path)
  return Array.isArray(value) ? value : []
}

/** Makes the list, and the object around it, where there is none. What was there instead is written down, unless an earlier record has it. */
function addToList(draft: Draft, path: readonly [string, string], values: readonly unknown[]): void {
  const [outer, inner] = path
  openContainer(draft, outer)
  if (readValue(draft.document, path) === undefined) {
    draft.containers[path.join('.')] = null
    draft.document = addProperty(draft.document, [outer], inner, values)
    return
  }
  noteBlank(draft, path)
  for (const value of values) draft.document = addElement(draft.document, path, value)
}

/** An object at the top, which may be there already. */
function openContainer(draft: Draft, name: string): void {
  noteBlank(draft, [])
  if (readValue(draft.document, [name]) !== undefined) return noteBlank(draft, [name])
  draft.containers[name] = null
  draft.document = addProperty(draft.document, [], name, {})
}

function noteBlank(draft: Draft, path: JsonPath): void {
  const name = path.join('.')
  const blank = blankInside(draft.document, path)
  if (blank !== undefined && !Object.hasOwn(draft.containers, name)) draft.containers[name] = blank
}

/** Gives what is empty now its former state, from the inside out. */
function closeContainers(draft: Draft, path: JsonPath): void {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const container = path.slice(0, depth)
    const name = container.join('.')
    if (blankInside(draft.document, container) === undefined || !Object.hasOwn(draft.containers, name)) continue
    const blank = draft.containers[name]
    if (typeof blank === 'string') draft.document = fillBlank(draft.document, container, blank)
    else draft.document = removeMember(draft.document, container)
    delete draft.containers[name]
  }
}

function requireShape(json: string, file: string): JsonDocument {
  const document = requireJsonObject(json, file)
  const settings = readValue(document, [])
  const objects = ['hooks', 'permissions', 'agentConfiguration', ...pluginEntries.map(([object]) => object)]
  const [hooks, permissions, agent] = objects.map((key) => {
    const value: unknown = isObject(settings) ? settings[key] : undefined
    if (value !== undefined && !isObject(value)) throw wrongShape(file, key, 'an object')
    return value ?? {}
  })
  for (const event of hookEvents) requireGroups(hooks?.[event], file, `hooks.${event}`)
  requireList(permissions?.['deny'], file, 'permissions.deny')
  requireList(agent?.['excludePatterns'], file, 'agentConfiguration.excludePatterns')
  return document
}

function requireGroups(groups: unknown, file: string, name: string): void {
  for (const [index, group] of requireList(groups, file, name).entries()) {
    if (!isObject(group) || !Array.isArray(group['hooks'])) {
      throw wrongShape(file, `${name}[${index}]`, 'a group, {"hooks": [{"type": "command", …}]}')
    }
    if (!group['hooks'].every(isObject)) throw wrongShape(file, `${name}[${index}].hooks`, 'a list of objects')
  }
}

function requireList(value: unknown, file: string, name: string): unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw wrongShape(file, name, 'a list')
  return value
}

function wrongShape(file: string, name: string, wanted: string): IsolateError {
  return new IsolateError(`${file}: ${name} must be ${wanted}; Claude Code does not accept it either`, {
    hint: 'Correct the file and try again.',
  })
}

function splitMark(text: string): [mark: string, json: string] {
  return [text.startsWith('\uFEFF') ? '\uFEFF' : '', withoutMark(text)]
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '')
}
