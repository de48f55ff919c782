/** The manifest beside the copied program: what `init` wrote, so that a later one can update it and `uninstall` take it back. */
import { isInnerPath } from '../lib/files/inner-path.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { isObject, parseJson } from '../lib/files/json.ts'
import { deliveries, type Delivery } from './answers.ts'
import type { SettingsRecord } from './settings.ts'
import { isToolEdits, type ToolEdit } from './tool-edits.ts'

/** A file outside of the copy. `original` is its text before `init`, null where there was none. Never a secret: these are committed. */
export type WrittenFile = { sha256: string; original: string | null }

/** What `init` wrote at the top of one repository. */
export type RepositoryRecord = {
  config?: WrittenFile
  template?: WrittenFile & { path: string }
  /** Whether .gitignore was made for our block. */
  ignoreFile?: 'made'
  /** Edits of tools' configs, by path; none where somebody did not want them. */
  tools?: Readonly<Record<string, ToolEdit>>
}

export type Manifest = {
  version: string
  /** Undefined in those of older versions, which copied sources and a folder of compiled files. */
  delivery: Delivery | undefined
  /** Whether `.claude`, above the copy, was made for it. */
  madeFolder: boolean
  /** What tells an untouched file (`isUntouched`), by path in the copy, as `init` wrote it. */
  files: Readonly<Record<string, string>>
  /** By file name: settings.json, settings.local.json. */
  settings: Readonly<Record<string, SettingsRecord>>
  /** By folder; `.` is the repository that the copy lies in. */
  repositories: Readonly<Record<string, RepositoryRecord>>
}

/** JSON; without the extension no formatter takes it for the repository's own. */
export const manifestFile = 'manifest'

/** As older versions called it. */
export const olderManifestFile = 'manifest.json'

export const emptyManifest: Manifest = {
  version: '',
  delivery: undefined,
  madeFolder: false,
  files: {},
  settings: {},
  repositories: {},
}

export function renderManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`
}

/**
 * `text` undefined gives an empty one. It may come with a repository, so nothing in it is believed without a check: paths
 * stay inside, and only what has the recorded content is ever removed. Throws `IsolateError` for any other shape.
 */
export function parseManifest(text: string | undefined, path: string): Manifest {
  if (text === undefined) return emptyManifest
  const value = parseJson(text)
  if (!isObject(value) || !isRecordOf(value['files'], isText) || typeof value['version'] !== 'string')
    throw damaged(path)
  const { files, version, madeFolder, settings = {}, repositories = {} } = value
  const delivery = deliveries.find((each) => each === value['delivery'])
  if (value['delivery'] !== undefined && delivery === undefined) throw damaged(path)
  if (!isRecordOf(settings, isSettingsRecord) || !isRecordOf(repositories, isRepositoryRecord)) throw damaged(path)
  if (!Object.keys(files).every(isInnerPath)) throw damaged(path)
  return { version, delivery, madeFolder: madeFolder === true, files, settings, repositories }
}

function isRecordOf<T>(value: unknown, isRight: (each: unknown) => each is T): value is Record<string, T> {
  return isObject(value) && Object.values(value).every(isRight)
}

function isSettingsRecord(value: unknown): value is SettingsRecord {
  return (
    isObject(value) &&
    (value['blank'] === undefined || isTextOrNull(value['blank'])) &&
    isRecordOf(value['containers'], isTextOrNull) &&
    isTextList(value['denyRules']) &&
    isTextList(value['excludePatterns']) &&
    (value['entries'] === undefined || isTextList(value['entries']))
  )
}

function isRepositoryRecord(value: unknown): value is RepositoryRecord {
  if (!isObject(value)) return false
  const { config, template, ignoreFile, tools } = value
  return (
    (config === undefined || isWrittenFile(config)) &&
    (template === undefined || (isWrittenFile(template) && 'path' in template && isInner(template.path))) &&
    (ignoreFile === undefined || ignoreFile === 'made') &&
    (tools === undefined || isToolEdits(tools))
  )
}

function isWrittenFile(value: unknown): value is WrittenFile {
  return isObject(value) && isText(value['sha256']) && isTextOrNull(value['original'])
}

function isInner(value: unknown): value is string {
  return isText(value) && isInnerPath(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || isText(value)
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText)
}

function damaged(path: string): IsolateError {
  return new IsolateError(`${path} is damaged`, {
    hint: 'Get it back from git, or delete the folder that it lies in and run init again.',
  })
}
