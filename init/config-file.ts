/** agent-isolate.json with what the answers change of the defaults, and nothing else. Text in, text out. */
import { isDeepStrictEqual } from 'node:util'
import { parseConfig, type Config } from '../lib/config.ts'
import { parseJson } from '../lib/parse-json.ts'
import type { Answers } from './answers.ts'
import { isObject } from './hook-handlers.ts'
import {
  addProperty,
  blankInside,
  readValue,
  removeMember,
  replaceValue,
  requireJsonObject,
  type JsonDocument,
} from './json-edit.ts'

/**
 * `text` undefined where there is no file; so is the answer where none is needed. Keys that no question asks for, and those
 * that say the default by hand, stay. Throws `IsolateError` naming a key that is wrong.
 */
export function setConfig(text: string | undefined, path: string, answers: Answers): string | undefined {
  const [mark, json] = text?.startsWith('\uFEFF') ? ['\uFEFF', text.slice(1)] : ['', text ?? '']
  const isBlank = json.trim() === ''
  if (!isBlank) requireJsonObject(json, path)
  const current = parseConfig(isBlank ? '' : json, path)
  const changed = listSettings(answers).filter(({ key, value }) => !isDeepStrictEqual(effective(current, key), value))
  if (changed.length === 0) return text
  const start = isBlank ? `{\n  "$schema": "${schema}"\n}\n` : json
  const edited = changed.reduce((draft, setting) => setKey(draft, setting), requireJsonObject(start, path))
  return mark + edited.text
}

/** True for a file that says nothing: no key but the schema's. */
export function isEmptyConfig(text: string): boolean {
  const value = parseJson(text)
  return isObject(value) && Object.keys(value).every((key) => key === '$schema')
}

const schema = 'https://unpkg.com/agent-isolate/agent-isolate.schema.json'

type Key = readonly [section: string, key: string] | readonly [key: string]
type Setting = { key: Key; value: unknown }

function listSettings({ database, portNames, dependencies, setup }: Answers): Setting[] {
  const file =
    database.provider === 'none'
      ? []
      : [
          { key: ['database', 'path'] as const, value: database.path },
          { key: ['database', 'seed'] as const, value: database.seed },
        ]
  return [
    { key: ['database', 'provider'], value: database.provider },
    ...file,
    { key: ['ports', 'names'], value: portNames },
    { key: ['dependencies', 'node_modules'], value: dependencies.node_modules },
    { key: ['dependencies', '.venv'], value: dependencies['.venv'] },
    { key: ['setup'], value: setup },
  ]
}

function effective(config: Config, key: Key): unknown {
  return key.reduce<unknown>((value, step) => (isObject(value) ? value[step] : undefined), config)
}

function setKey(document: JsonDocument, { key, value }: Setting): JsonDocument {
  const isDefault = isDeepStrictEqual(effective(parseConfig('', ''), key), value)
  const isThere = readValue(document, key) !== undefined
  if (isDefault) return isThere ? removeKey(document, key) : document
  if (isThere) return replaceValue(document, key, value)
  const [section, inner] = key
  if (inner === undefined) return addProperty(document, [], section, value)
  const opened = readValue(document, [section]) === undefined ? addProperty(document, [], section, {}) : document
  return addProperty(opened, [section], inner, value)
}

function removeKey(document: JsonDocument, key: Key): JsonDocument {
  const removed = removeMember(document, key)
  const isLeftEmpty = key.length === 2 && blankInside(removed, [key[0]]) !== undefined
  return isLeftEmpty ? removeMember(removed, [key[0]]) : removed
}
