/** agent-isolate.json with what the answers change of the defaults, and nothing else. Text in, text out. */
import { isDeepStrictEqual } from 'node:util'
import { parseConfig, type Config } from '../lib/project/config.ts'
import { isObject, parseJson } from '../lib/files/json.ts'
import type { Answers, DatabaseAnswer, Provider } from './answers.ts'
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
 * `text` undefined where there is no file; so is the answer where none is needed. `indent` is a new file's. Keys that no question asks for, and those
 * that say the default by hand, stay. Throws `IsolateError` naming a key that is wrong.
 */
export function setConfig(text: string | undefined, path: string, answers: Answers, indent = '  '): string | undefined {
  const [mark, json] = text?.startsWith('\uFEFF') ? ['\uFEFF', text.slice(1)] : ['', text ?? '']
  const isBlank = json.trim() === ''
  if (!isBlank) requireJsonObject(json, path)
  const current = parseConfig(isBlank ? '' : json, path)
  const changed = listSettings(answers).filter(({ key, value }) => !isDeepStrictEqual(effective(current, key), value))
  if (changed.length === 0) return text
  const start = isBlank ? `{\n${indent}"$schema": "${schema}"\n}\n` : json
  const fitting = removeForeignKeys(
    requireJsonObject(start, path),
    current.database.provider,
    answers.database.provider,
  )
  const edited = changed.reduce((draft, setting) => setKey(draft, setting), fitting)
  return mark + edited.text
}

/** True for a file that says nothing: no key but the schema's. */
export function isEmptyConfig(text: string): boolean {
  const value = parseJson(text)
  return isObject(value) && Object.keys(value).every((key) => key === '$schema')
}

const schema = 'https://unpkg.com/agent-isolate/agent-isolate.schema.json'

type Key = readonly [section: string, key: string] | readonly [key: string]
type Setting = {
  key: Key
  value: unknown
  /** What holds without the key. */
  fallback: unknown
}

function listSettings({ database, portNames, dependencies, setup }: Answers): Setting[] {
  const defaults = parseConfig('', '')
  return [
    ...listDatabaseSettings(database),
    { key: ['ports', 'names'], value: portNames, fallback: defaults.ports.names },
    ...(['node_modules', '.venv'] as const).map((folder): Setting => {
      return { key: ['dependencies', folder], value: dependencies[folder], fallback: defaults.dependencies[folder] }
    }),
    { key: ['setup'], value: setup, fallback: defaults.setup },
  ]
}

function listDatabaseSettings(database: DatabaseAnswer): Setting[] {
  const { provider, ...answers } = database
  const { hasTest, ...settings }: Record<string, unknown> = answers
  const required = database.provider === 'postgres-server' ? { url: database.url } : {}
  const defaults: object = parseConfig(JSON.stringify({ database: { provider, ...required } }), '').database
  const fallbackOf = (key: string): unknown =>
    key in required || !isObject(defaults) ? undefined : defaults[key === 'test' ? 'hasTest' : key]
  const own = Object.entries(hasTest === undefined ? settings : { ...settings, test: hasTest })
  return [
    { key: ['database', 'provider'], value: provider, fallback: parseConfig('', '').database.provider },
    ...own.map(([key, value]): Setting => ({ key: ['database', key], value, fallback: fallbackOf(key) })),
  ]
}

/** Those that only a provider has; `none` lets all be, so that a database can be switched off for a while. */
const keysOf: Readonly<Record<Exclude<Provider, 'none'>, readonly string[]>> = {
  sqlite: ['path'],
  'postgres-docker': ['isolation', 'image', 'name', 'user', 'runArgs', 'storage', 'seedCommand', 'startTimeoutSeconds'],
  'postgres-server': ['url', 'template', 'maintenance'],
}

/** What another provider was told makes no sense to this one; a seed is of one kind of database. */
function removeForeignKeys(document: JsonDocument, from: Provider, to: Provider): JsonDocument {
  if (to === 'none') return document
  const others = Object.entries(keysOf).flatMap(([provider, keys]) => (provider === to ? [] : keys))
  const hasOtherSeed = to === 'postgres-server' || (from !== to && from !== 'none')
  return [...others, ...(hasOtherSeed ? ['seed'] : [])]
    .filter((key) => readValue(document, ['database', key]) !== undefined)
    .reduce((draft, key) => removeKey(draft, ['database', key]), document)
}

function effective(config: Config, key: Key): unknown {
  const steps = key.map((step) => (step === 'test' ? 'hasTest' : step))
  return steps.reduce<unknown>((value, step) => (isObject(value) ? value[step] : undefined), config)
}

function setKey(document: JsonDocument, { key, value, fallback }: Setting): JsonDocument {
  const isDefault = isDeepStrictEqual(fallback, value)
  const found = readValue(document, key)
  const isThere = found !== undefined
  if (isThere && isDeepStrictEqual(found, value)) return document
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
