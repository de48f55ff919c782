/** What the command line has answered already, and how it and the defaults make up a whole set of answers. Pure. */
import { IsolateError } from '../lib/report/isolate-error.ts'
import type { Answers, DatabaseAnswer, DatabaseOffers, GivenAnswers, Provider, Values } from './answers.ts'
import { questionKeys, questions, requireValues } from './questions/questions.ts'

/** The given answers, and the defaults for all others. Throws `IsolateError` for a server without a URL. */
export function completeAnswers(given: GivenAnswers, defaults: Answers, offers: DatabaseOffers): Answers {
  return assemble(completeValues(given, defaults, offers))
}

/** The same before it is known which of them make sense. */
export function completeValues(given: GivenAnswers, defaults: Answers, offers: DatabaseOffers): Values {
  const provider = providerOf(given, defaults)
  const isSameKind = provider === defaults.database.provider
  const before = flatten(defaults)
  const offered: GivenAnswers = offers
  const known: GivenAnswers = { ...given, provider }
  const valueOf = <K extends keyof Values>(key: K): Values[K] => {
    const { providers, plain, carryOver } = questions[key]
    if (key in known) return known[key] ?? plain
    const offer = offered[key] ?? plain
    if (isSameKind || providers === undefined) return before[key] ?? offer
    return carryOver === undefined ? offer : carryOver(before[key], offer)
  }
  return requireValues(valueOf)
}

/** Of the answers those that make sense together. Throws `IsolateError` for a server without a URL. */
export function assemble(values: Values): Answers {
  const { scope, delivery, provider, path, seed, image, isolation, url, hasTest, ...rest } = values
  const { portNames, nodeModules, venv, ...others } = rest
  const database = databaseOf({ provider, path, seed, image, isolation, url, hasTest })
  const dependencies = { node_modules: nodeModules, '.venv': venv }
  return { scope, delivery, database, portNames, dependencies, ...others }
}

/** The answers one by one; those about another kind of database are not there. */
export function flatten({ database, dependencies, ...others }: Answers): GivenAnswers {
  return { ...others, ...database, nodeModules: dependencies.node_modules, venv: dependencies['.venv'] }
}

type DatabaseValues = Pick<Values, 'provider' | 'path' | 'seed' | 'image' | 'isolation' | 'url' | 'hasTest'>

function databaseOf({ provider, path, seed, image, isolation, url, hasTest }: DatabaseValues): DatabaseAnswer {
  switch (provider) {
    case 'none':
      return { provider }
    case 'sqlite':
      return { provider, path, seed, hasTest }
    case 'postgres-docker':
      return { provider, isolation, image, seed, hasTest }
    case 'postgres-server': {
      if (url !== undefined) return { provider, url, hasTest }
      throw new IsolateError('no variable is known that holds the URL of a PostgreSQL server', {
        hint: 'Name it: --url-variable NAME, and set it in .env.local or .env, or in the environment.',
      })
    }
  }
}

/** The options that would answer what is still open. */
export function questionsLeft(given: GivenAnswers): string[] {
  const hasDatabase = 'provider' in given || questionKeys.some((key) => key in given && questions[key].decidesProvider)
  return questionKeys
    .filter((key) => questions[key].ask !== undefined && questions[key].providers === undefined && !(key in given))
    .filter((key) => key !== 'provider' || !hasDatabase)
    .map((key) => questions[key].flag)
}

/** What is said of one kind of database says that it is to be that one. */
export function providerOf(given: GivenAnswers, { database }: Pick<Answers, 'database'>): Provider {
  if (given.provider !== undefined) return given.provider
  const wanted = questionKeys.filter((key) => given[key] !== undefined && questions[key].decidesProvider)
  const fits = (provider: Provider): boolean => wanted.every((key) => questions[key].providers?.includes(provider))
  const [first] = wanted.flatMap((key) => questions[key].providers ?? []).filter(fits)
  return first === undefined || fits(database.provider) ? database.provider : first
}
