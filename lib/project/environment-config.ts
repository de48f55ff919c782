/** "environment" and "ports.remap" in agent-isolate.json: which env files a worktree has, and what in them becomes its own. */
import { isInnerPath } from '../files/inner-path.ts'
import { isObject } from '../files/json.ts'
import type { Section } from './config-section.ts'

export type EnvironmentConfig = {
  template: string
  file: string
  /** Whether env files that git ignores come along from the main checkout. */
  carry: boolean
  /** Files and folders of the main checkout whose env files stay there. */
  leaveOut: readonly string[]
  /** Env files of single apps, by path. */
  files: Readonly<Record<string, AppFile>>
}

/** The path of a template, or keys with values in the template's language. */
export type AppFile = string | Readonly<Record<string, string>>

/** A port that the project's own files say → the name of the leased port that takes its place. */
export type PortRemap = Readonly<Record<string, string>>

export function readEnvironment(section: Section): EnvironmentConfig {
  return {
    template: section.path('template') ?? '.env.agent.template',
    file: section.path('file') ?? '.env.local',
    carry: section.flag('carry') ?? true,
    leaveOut: section.list('leaveOut', isInnerPath, 'a relative path inside the repository') ?? [],
    files: readFiles(section),
  }
}

/** `isName`: what a port may be called beside "app". */
export function readPortRemap(section: Section, isName: (name: string) => boolean): PortRemap {
  const found = section.value('remap') ?? {}
  const isRight = (entry: [string, unknown]): entry is [string, string] =>
    isPortText(entry[0]) && typeof entry[1] === 'string' && (entry[1] === 'app' || isName(entry[1]))
  const entries = isObject(found) ? Object.entries(found) : []
  if (isObject(found) && entries.every(isRight)) return Object.fromEntries(entries.filter(isRight))
  return section.fail('remap', 'an object, each key a port and each value the name of a leased one, such as "app"')
}

function readFiles(section: Section): EnvironmentConfig['files'] {
  const found = section.value('files') ?? {}
  const entries = isObject(found) ? Object.entries(found) : []
  if (isObject(found) && entries.every(isFileEntry)) return Object.fromEntries(entries.filter(isFileEntry))
  return section.fail(
    'files',
    'an object, each key the path of an env file, each value the path of its template or an object of its keys and their values',
  )
}

function isFileEntry(entry: [string, unknown]): entry is [string, AppFile] {
  const [inner, file] = entry
  return isInnerPath(inner) && (typeof file === 'string' ? isInnerPath(file) : isMapping(file))
}

function isMapping(value: unknown): value is Record<string, string> {
  return (
    isObject(value) &&
    Object.entries(value).every(
      ([key, text]) => /^[A-Za-z_][\w.-]*$/.test(key) && typeof text === 'string' && !/[\r\n]/.test(text),
    )
  )
}

function isPortText(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535
}
