/** What the command line has answered already, and how it and the defaults make up a whole set of answers. Pure. */
import { parseConfig } from '../lib/config.ts'
import type { DependencyStrategy } from '../lib/dependencies/dependency-plan.ts'
import { IsolateError } from '../lib/isolate-error.ts'
import { blockSize } from '../lib/ports.ts'
import type { Answers, Scope } from './answers.ts'

/** A question whose key is there is not asked. */
export type GivenAnswers = {
  scope?: Scope
  provider?: 'sqlite' | 'none'
  path?: string
  /** undefined: no seed beside the main checkout's own database. */
  seed?: string | undefined
  portNames?: readonly string[]
  nodeModules?: DependencyStrategy
  venv?: DependencyStrategy
  excludePatterns?: readonly string[]
  setup?: readonly string[]
}

/** Where the database of a worktree lies when nothing else is known; lib/config.ts has the same. */
export const plainPath = '.agent-isolate/dev.db'

/** The given answers, and the defaults for all others. */
export function completeAnswers(given: GivenAnswers, defaults: Answers): Answers {
  const provider = providerOf(given, defaults)
  return {
    scope: given.scope ?? defaults.scope,
    database:
      provider === 'none' ? { provider } : { provider, path: pathOf(given, defaults), seed: seedOf(given, defaults) },
    portNames: given.portNames ?? defaults.portNames,
    dependencies: {
      node_modules: given.nodeModules ?? defaults.dependencies.node_modules,
      '.venv': given.venv ?? defaults.dependencies['.venv'],
    },
    excludePatterns: given.excludePatterns ?? defaults.excludePatterns,
    setup: given.setup ?? defaults.setup,
  }
}

/** The options that would answer what is still open. */
export function questionsLeft(given: GivenAnswers): string[] {
  const hasDatabase = given.provider !== undefined || given.path !== undefined || 'seed' in given
  const isOpen: [option: string, isOpen: boolean][] = [
    ['scope', given.scope === undefined],
    ['database', !hasDatabase],
    ['ports', given.portNames === undefined],
    ['node-modules', given.nodeModules === undefined],
    ['venv', given.venv === undefined],
    ['exclude', given.excludePatterns === undefined],
    ['setup', given.setup === undefined],
  ]
  return isOpen.flatMap(([option, left]) => (left ? [option] : []))
}

/** A path or a seed says that there is to be a database. */
export function providerOf({ provider, path, seed }: GivenAnswers, { database }: Answers): 'sqlite' | 'none' {
  return provider ?? (path !== undefined || seed !== undefined ? 'sqlite' : database.provider)
}

export function pathOf({ path }: GivenAnswers, { database }: Answers): string {
  return path ?? (database.provider === 'sqlite' ? database.path : plainPath)
}

export function seedOf(given: GivenAnswers, { database }: Answers): string | undefined {
  if ('seed' in given) return given.seed
  return database.provider === 'sqlite' ? database.seed : undefined
}

/** What agent-isolate.json would have against a value at `keys` (`['ports', 'names']`), as in "must be …"; undefined when nothing. */
export function findFault(keys: readonly string[], value: unknown): string | undefined {
  const config = keys.reduceRight((inner, key) => ({ [key]: inner }), value)
  try {
    parseConfig(JSON.stringify(config), '')
    return undefined
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    return /\bmust be .*/s.exec(error.message)?.[0] ?? error.message
  }
}

/** The same for names of ports beside `app`, which all have to find room in one block. */
export function findPortFault(names: readonly string[]): string | undefined {
  const wrong = findFault(['ports', 'names'], names)
  if (wrong !== undefined) return wrong
  return names.length < blockSize ? undefined : `must be ${blockSize - 1} names at most`
}

/** The words between commas and white space. A comma inside braces (`*.{log,tmp}`) belongs to its word. */
export function splitList(text: string): string[] {
  return text.match(/(?:\{[^{}]*\}|[^\s,])+/g) ?? []
}
