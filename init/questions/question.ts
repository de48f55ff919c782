/** What a question of `init` is made of. All that is done with questions goes by this: options, help, wizard, config. */
import { parseConfig, type Config } from '../../lib/project/config.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import type { Detection } from '../../detect/detect.ts'
import type { Answers, GivenAnswers, Provider, Values } from '../answers.ts'

export type Question<T> = {
  /** The option that answers it, without `--`. */
  flag: string
  /** What the help calls the option's value. */
  placeholder: string
  /** What the help says of it, in lines of 63 columns at most. */
  help: string
  /** `text` is the option's value; `all` has every one where it was given more than once. */
  parse: (text: string, all: readonly string[]) => Parsed<T>
  /** The kinds of database that it is about. Left out: it is not about one kind. */
  providers?: readonly Provider[]
  /** Whoever answers it wants a database of such a kind. */
  decidesProvider?: true
  /** The answer where nothing else is known. */
  plain: T
  /** The answer that fits what was detected, where that can be told. */
  suggest?: (detection: Detection, facts: SuggestFacts) => T | undefined
  /** What is left of an earlier answer where another kind of database is chosen. Left out: nothing. */
  carryOver?: (earlier: T | undefined, offered: T) => T
  /** Left out: never asked; whoever wants another answer than the default knows why. */
  ask?: Asking
  /** Where agent-isolate.json has it. Left out: it is kept elsewhere. */
  config?: Setting<T>
}

/** The value of an option, or what is wrong with it, as in "must be …". */
export type Parsed<T> = { value: T } | { wrong: string }

export type SuggestFacts = {
  provider: Provider
  /** A container engine has answered. */
  hasDocker: boolean
  /** So has the server of the project's URL, which lets the role make databases. */
  hasServer?: boolean
}

export type Asking = {
  /** Whether it makes sense; always when left out. `values` are the answers as they stand. */
  when?: (values: Values, context: AskContext) => boolean
  /** Answers the question, and any other that it settles. Throws `Cancelled`. */
  question: (values: Values, context: AskContext) => Promise<GivenAnswers>
}

/** What was detected and decides which questions make sense. */
export type AskContext = {
  defaults: Answers
  /** Why the default is what it is, by the kind of database; undefined for what was chosen before. */
  reason: string | undefined
  /** Whether to offer PostgreSQL. */
  hasPostgres: boolean
  /** The default for the commands to be run, by the kind of database. */
  setupFor: (provider: Provider) => readonly string[]
  /** Patterns to offer beside those of the defaults. */
  excludePatterns: readonly string[]
  hasPackages: boolean
  hasPython: boolean
  hasHome: boolean
  /** Configs of tools in which the worktrees' folder could be left out. */
  toolFiles: readonly string[]
}

export type ConfigKey = readonly [section: string, key: string] | readonly [key: string]

export type Setting<T> = {
  key: ConfigKey
  /** Undefined in a config with another kind of database. */
  read: (config: Config) => T | undefined
  /** Has no default in the config. */
  isRequired?: true
}

/** Says of an option that there is to be none of it: `--seed none`. */
export const nothing = 'none'

/** Takes one of the words, and no other. */
export function oneOf<T extends string>(choices: readonly T[]): (text: string) => Parsed<T> {
  return (text) => {
    const value = choices.find((each) => each === text)
    return value === undefined ? { wrong: `must be one of ${choices.join(', ')}` } : { value }
  }
}

/** `value`, unless something is wrong. */
export function unless<T>(wrong: string | undefined, value: T): Parsed<T> {
  return wrong === undefined ? { value } : { wrong }
}

/** What agent-isolate.json would have against a value at `keys` (`['ports', 'names']`), as in "must be …"; undefined when nothing. */
export function findFault(
  keys: readonly string[],
  value: unknown,
  others: Readonly<Record<string, unknown>> = {},
): string | undefined {
  const config = keys.reduceRight<unknown>((inner, key, index) => {
    return index === keys.length - 1 ? { ...others, [key]: inner } : { [key]: inner }
  }, value)
  try {
    parseConfig(JSON.stringify(config), '')
    return undefined
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    return /\bmust be .*/s.exec(error.message)?.[0] ?? error.message
  }
}
