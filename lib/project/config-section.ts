/** Reads one object of a JSON config key by key; whatever is of the wrong type, or was never asked for, is an error that names the key. */
import { isObject } from '../files/json.ts'
import { isInnerPath } from '../files/inner-path.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** Every reader answers undefined for a key that is not there, and throws `IsolateError` for one that is not as wanted. */
export type Section = {
  value: (key: string) => unknown
  text: (key: string, accepts?: (text: string) => boolean, wanted?: string) => string | undefined
  /** A relative path that stays inside the repository. */
  path: (key: string) => string | undefined
  choice: <T extends string>(key: string, choices: readonly T[]) => T | undefined
  list: (key: string, accepts: (text: string) => boolean, wanted: string) => string[] | undefined
  flag: (key: string) => boolean | undefined
  number: (key: string, least: number, most: number) => number | undefined
  section: (key: string) => Section
  refuseUnknown: () => void
  fail: (key: string, wanted: string) => never
}

/** `prefix` is '' or `parent.`; `file` is named in errors. */
export function readSection(object: unknown, prefix: string, file: string): Section {
  if (!isObject(object))
    throw new IsolateError(`${file}: ${prefix ? `"${prefix.slice(0, -1)}"` : 'the file'} must be an object`)
  const known = new Set<string>()
  const fail = (key: string, wanted: string): never => {
    throw new IsolateError(`${file}: "${prefix}${key}" must be ${wanted}`, { hint: 'Correct the file and try again.' })
  }
  const value = (key: string): unknown => {
    known.add(key)
    return Object.hasOwn(object, key) ? object[key] : undefined
  }
  /** The value when `isRight` accepts it, undefined when there is none, an error otherwise. */
  const read = <T>(key: string, isRight: (found: unknown) => found is T, wanted: string): T | undefined => {
    const found = value(key)
    return found === undefined || isRight(found) ? found : fail(key, wanted)
  }
  return {
    value,
    fail,
    text: (key, accepts = () => true, wanted = 'text') =>
      read(key, (found): found is string => typeof found === 'string' && accepts(found), wanted),
    path: (key) =>
      read(
        key,
        (found): found is string => typeof found === 'string' && isInnerPath(found),
        'a relative path inside the repository',
      ),
    choice: (key, choices) => {
      const isChoice = (found: unknown): found is (typeof choices)[number] => choices.some((choice) => choice === found)
      return read(key, isChoice, `one of ${choices.join(', ')}`)
    },
    list: (key, accepts, wanted) => {
      const isRight = (item: unknown): item is string => typeof item === 'string' && accepts(item)
      return read(
        key,
        (found): found is string[] => Array.isArray(found) && found.every(isRight),
        `a list, each ${wanted}`,
      )
    },
    flag: (key) => read(key, (found): found is boolean => typeof found === 'boolean', 'true or false'),
    number: (key, least, most) => {
      const isRight = (found: unknown): found is number =>
        typeof found === 'number' && Number.isInteger(found) && found >= least && found <= most
      return read(key, isRight, `a whole number from ${least} to ${most}`)
    },
    section: (key) => {
      const found = value(key)
      return readSection(found === undefined ? {} : found, `${prefix}${key}.`, file)
    },
    refuseUnknown: () => {
      const unknown = Object.keys(object).find((key) => !known.has(key))
      if (unknown === undefined) return
      throw new IsolateError(`${file}: unknown key "${prefix}${unknown}"`, { hint: `Known: ${[...known].join(', ')}.` })
    },
  }
}
