/** agent-isolate.json with what the answers change of the defaults, and nothing else. Text in, text out. */
import { isDeepStrictEqual } from 'node:util'
import { parseConfig, type Config } from '../lib/project/config.ts'
import { isObject, parseJson } from '../lib/files/json.ts'
import type { Allotment } from './allotment.ts'
import type { Answers, Provider, Values } from './answers.ts'
import { flatten } from './given-answers.ts'
import {
  addProperty,
  blankInside,
  readValue,
  removeMember,
  replaceValue,
  requireJsonObject,
  type JsonDocument,
} from './json-edit.ts'
import type { ConfigKey } from './questions/question.ts'
import { isQuestionKey, questionKeys, questions } from './questions/questions.ts'

/**
 * `text` undefined where there is no file; so is the answer where none is needed. `indent` is a new file's. Keys that no question asks for, and those
 * that say the default by hand, stay. Throws `IsolateError` naming a key that is wrong.
 */
export function setConfig(
  text: string | undefined,
  path: string,
  answers: Answers,
  allotment: Omit<Allotment, 'lines'> = nothingAllotted,
  indent = '  ',
): string | undefined {
  const [mark, json] = text?.startsWith('\uFEFF') ? ['\uFEFF', text.slice(1)] : ['', text ?? '']
  const isBlank = json.trim() === ''
  if (!isBlank) requireJsonObject(json, path)
  const current = parseConfig(isBlank ? '' : json, path)
  const settings = [...listSettings(answers, current), ...listAllotted(allotment, current, json)]
  const changed = settings.filter(({ value, current: now }) => !isDeepStrictEqual(now, value))
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

const nothingAllotted = { envFile: '.env.local', compose: {}, remap: {}, files: {}, services: {} }

/** True for a file that says nothing: no key but the schema's. */
export function isEmptyConfig(text: string): boolean {
  const value = parseJson(text)
  return isObject(value) && Object.keys(value).every((key) => key === '$schema')
}

const schema = 'https://unpkg.com/agent-isolate/agent-isolate.schema.json'

type Setting = {
  key: ConfigKey
  value: unknown
  current: unknown
  /** What holds without the key. */
  fallback: unknown
}

/** Those of the database first, in the order in which a new file has them. */
function listSettings(answers: Answers, current: Config): Setting[] {
  const { database } = answers
  const values = flatten(answers)
  const required = database.provider === 'postgres-server' ? { url: database.url } : {}
  const plain = parseConfig('', '')
  const fitting = parseConfig(JSON.stringify({ database: { provider: database.provider, ...required } }), '')
  const settingOf = (name: keyof Values): Setting[] => {
    const { config, providers } = questions[name]
    if (config === undefined || !(name in values)) return []
    const fallback = config.isRequired ? undefined : config.read(providers === undefined ? plain : fitting)
    return [{ key: config.key, value: values[name], current: config.read(current), fallback }]
  }
  const names = Object.keys(database).filter(isQuestionKey)
  return [...new Set([...names, ...questionKeys])].flatMap((name) => settingOf(name))
}

/** What is there stays as its author wrote it; what is found beside it is added. */
function listAllotted(
  { envFile, compose, remap, files, services }: Omit<Allotment, 'lines'>,
  now: Config,
  json: string,
): Setting[] {
  const written = parseJson(json)
  const environment = isObject(written) && isObject(written['environment']) ? written['environment'] : {}
  const servers = isObject(written) && isObject(written['services']) ? written['services'] : {}
  const file = { key: ['environment', 'file'], value: envFile, current: now.environment.file } as const
  return [
    merge(['compose', 'ports'], compose, now.compose.ports),
    merge(['ports', 'remap'], remap, now.ports.remap),
    ...('file' in environment ? [] : [{ ...file, fallback: '.env.local' }]),
    merge(['environment', 'files'], files, now.environment.files),
    merge(['services'], services, servers),
  ]
}

function merge(key: ConfigKey, found: object, current: object): Setting {
  return { key, value: { ...found, ...current }, current, fallback: {} }
}

/** Keys that only a provider has, beside those of questions. */
const unaskedKeys: Readonly<Record<Exclude<Provider, 'none'>, readonly string[]>> = {
  sqlite: [],
  'postgres-docker': ['name', 'user', 'runArgs', 'storage', 'seedCommand', 'startTimeoutSeconds'],
  'postgres-server': ['template', 'maintenance'],
}

/**
 * What another provider was told makes no sense to this one; a seed is of one kind of database. `none` lets all be, so that
 * a database can be switched off for a while.
 */
function removeForeignKeys(document: JsonDocument, from: Provider, to: Provider): JsonDocument {
  if (to === 'none') return document
  const hasMoved = from !== to && from !== 'none'
  const unasked = Object.entries(unaskedKeys).flatMap(([provider, keys]) => (provider === to ? [] : keys))
  const asked = Object.values(questions).flatMap(({ config, providers, carryOver }) => {
    if (config === undefined || providers === undefined) return []
    return !providers.includes(to) || (hasMoved && carryOver === undefined) ? [config.key] : []
  })
  return [...unasked.map((key): ConfigKey => ['database', key]), ...asked]
    .filter((key) => readValue(document, key) !== undefined)
    .reduce(removeKey, document)
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

function removeKey(document: JsonDocument, key: ConfigKey): JsonDocument {
  const removed = removeMember(document, key)
  const isLeftEmpty = key.length === 2 && blankInside(removed, [key[0]]) !== undefined
  return isLeftEmpty ? removeMember(removed, [key[0]]) : removed
}
