/** All questions of `init`, in the order in which the help names them and the wizard asks them. A new one is a line here. */
import type { GivenAnswers, Values } from '../answers.ts'
import { hasTest, image, isolation, path, provider, seed, url } from './database.ts'
import { delivery, scope } from './hooks.ts'
import type { Question } from './question.ts'
import { toolIgnores } from './tool-ignores.ts'
import { excludePatterns, nodeModules, portNames, setup, venv } from './worktree.ts'

export const questions: { readonly [K in keyof Values]: Question<Values[K]> } = {
  scope,
  delivery,
  provider,
  path,
  seed,
  image,
  isolation,
  url,
  hasTest,
  portNames,
  nodeModules,
  venv,
  excludePatterns,
  setup,
  toolIgnores,
}

export const questionKeys = Object.keys(questions).filter(isQuestionKey)

/** Whether a question has this name, as the others of an object's keys have not. */
export function isQuestionKey(key: string): key is keyof Values {
  return Object.hasOwn(questions, key)
}

/** A value for every question that has one. */
export function collectValues(
  valueOf: <K extends keyof Values>(key: K) => { value: Values[K] } | undefined,
): GivenAnswers {
  const values: GivenAnswers = {}
  const put = <K extends keyof Values>(key: K, found: { value: Values[K] } | undefined): void => {
    if (found !== undefined) values[key] = found.value
  }
  for (const key of questionKeys) put(key, valueOf(key))
  return values
}

/** A value for every question. */
export function requireValues(valueOf: <K extends keyof Values>(key: K) => Values[K]): Values {
  const values = collectValues((key) => ({ value: valueOf(key) }))
  if (!isWhole(values)) throw new Error('a question has no value')
  return values
}

function isWhole(values: GivenAnswers): values is Values {
  return questionKeys.every((key) => key in values)
}
