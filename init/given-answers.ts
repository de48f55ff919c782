/** What the command line has answered already, and how it and the defaults make up a whole set of answers. Pure. */
import { parseConfig, type PostgresDockerConfig } from '../lib/project/config.ts'
import type { DependencyStrategy } from '../lib/dependencies/dependency-plan.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { blockSize } from '../lib/ledger/ports.ts'
import type { Answers, DatabaseAnswer, Delivery, Provider, Scope } from './answers.ts'

/** A question whose key is there is not asked. */
export type GivenAnswers = {
  scope?: Scope
  /** Never asked: whoever wants another than the default knows why. */
  delivery?: Delivery
  provider?: Provider
  /** Of a SQLite file. */
  path?: string
  /** undefined: no seed beside the main checkout's own database. */
  seed?: string | undefined
  /** Of postgres-docker, as `image` is. */
  isolation?: PostgresDockerConfig['isolation']
  image?: string
  /** As agent-isolate.json has it: `$NAME`. */
  url?: string
  hasTest?: boolean
  portNames?: readonly string[]
  nodeModules?: DependencyStrategy
  venv?: DependencyStrategy
  excludePatterns?: readonly string[]
  setup?: readonly string[]
}

/** What a database that was not suggested would be made of, if it were chosen. */
export type DatabaseOffers = {
  image: string
  /** `$NAME` of the variable that holds the URL of a PostgreSQL server; undefined where none was found. */
  url: string | undefined
  hasTest: boolean
}

/** Where the database of a worktree lies when nothing else is known; lib/project/config.ts has the same. */
export const plainPath = '.agent-isolate/dev.db'

/** The given answers, and the defaults for all others. Throws `IsolateError` for a server without a URL. */
export function completeAnswers(given: GivenAnswers, defaults: Answers, offers: DatabaseOffers): Answers {
  return {
    scope: given.scope ?? defaults.scope,
    delivery: given.delivery ?? defaults.delivery,
    database: completeDatabase(given, defaults, offers),
    portNames: given.portNames ?? defaults.portNames,
    dependencies: {
      node_modules: given.nodeModules ?? defaults.dependencies.node_modules,
      '.venv': given.venv ?? defaults.dependencies['.venv'],
    },
    excludePatterns: given.excludePatterns ?? defaults.excludePatterns,
    setup: given.setup ?? defaults.setup,
  }
}

function completeDatabase(given: GivenAnswers, defaults: Answers, offers: DatabaseOffers): DatabaseAnswer {
  const provider = providerOf(given, defaults)
  const hadTest = 'hasTest' in defaults.database && defaults.database.hasTest
  // Of another kind of database it is not known whether anybody said no to it.
  const hasTest = given.hasTest ?? (hadTest || (provider !== defaults.database.provider && offers.hasTest))
  switch (provider) {
    case 'none':
      return { provider }
    case 'sqlite':
      return { provider, path: pathOf(given, defaults), seed: seedOf(given, defaults), hasTest }
    case 'postgres-docker': {
      const isolation = isolationOf(given, defaults)
      const image = imageOf(given, defaults, offers)
      return { provider, isolation, image, seed: seedOf(given, defaults), hasTest }
    }
    case 'postgres-server': {
      const url = urlOf(given, defaults, offers)
      if (url !== undefined) return { provider, url, hasTest }
      throw new IsolateError('no variable is known that holds the URL of a PostgreSQL server', {
        hint: 'Name it: --url-variable NAME, and set it in .env.local or .env, or in the environment.',
      })
    }
  }
}

/** The options that would answer what is still open. */
export function questionsLeft(given: GivenAnswers): string[] {
  const { provider, path, image, isolation, url } = given
  const hasDatabase = [provider, path, image, isolation, url].some((each) => each !== undefined) || 'seed' in given
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

/** What is said of one kind of database says that it is to be that one. */
export function providerOf(given: GivenAnswers, { database }: Pick<Answers, 'database'>): Provider {
  const { provider, path, seed, isolation, image, url } = given
  if (provider !== undefined) return provider
  if (url !== undefined) return 'postgres-server'
  if (isolation !== undefined || image !== undefined) return 'postgres-docker'
  if (path !== undefined) return 'sqlite'
  const takesSeed = database.provider === 'sqlite' || database.provider === 'postgres-docker'
  return seed !== undefined && !takesSeed ? 'sqlite' : database.provider
}

export function pathOf({ path }: GivenAnswers, defaults: Answers): string {
  return path ?? (isOf(defaults, 'sqlite') ? defaults.database.path : plainPath)
}

/** A seed is of one kind of database. */
export function seedOf(given: GivenAnswers, defaults: Answers): string | undefined {
  if ('seed' in given) return given.seed
  const { database } = defaults
  return 'seed' in database && database.provider === providerOf(given, defaults) ? database.seed : undefined
}

/** One container for all, unless it is said otherwise: a database in it is there twelve times as fast. */
export function isolationOf({ isolation }: GivenAnswers, defaults: Answers): PostgresDockerConfig['isolation'] {
  return isolation ?? (isOf(defaults, 'postgres-docker') ? defaults.database.isolation : 'database')
}

export function imageOf({ image }: GivenAnswers, defaults: Answers, offers: DatabaseOffers): string {
  return image ?? (isOf(defaults, 'postgres-docker') ? defaults.database.image : offers.image)
}

export function urlOf({ url }: GivenAnswers, defaults: Answers, offers: DatabaseOffers): string | undefined {
  return url ?? (isOf(defaults, 'postgres-server') ? defaults.database.url : offers.url)
}

/** NAME where the URL is nothing but `$NAME` or `${NAME}`. */
export function variableIn(url: string): string | undefined {
  return /^\$(?:\{(\w+)\}|(\w+))$/.exec(url)?.slice(1).find(Boolean)
}

/** Undefined for a name that a variable can have. */
export function findVariableFault(name: string): string | undefined {
  return /^[A-Za-z_]\w*$/.test(name)
    ? undefined
    : 'must be the name of a variable: a URL, with its password, would be committed'
}

function isOf<P extends Provider>(
  answers: Answers,
  provider: P,
): answers is Answers & { database: DatabaseAnswer & { provider: P } } {
  return answers.database.provider === provider
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

/** The same for the name of an image. */
export function findImageFault(image: string): string | undefined {
  return findFault(['database', 'image'], image, { provider: 'postgres-docker' })
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
