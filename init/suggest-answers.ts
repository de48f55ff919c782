/** The answers that fit what was detected; with nothing detected, the defaults of agent-isolate.json. Pure. */
import type { Detection } from '../detect/detect.ts'
import type { Answers, DatabaseOffers, Provider, Values } from './answers.ts'
import { assemble } from './given-answers.ts'
import type { SuggestFacts } from './questions/question.ts'
import { questions, requireValues } from './questions/questions.ts'

export function suggestAnswers(detection: Detection, facts: Omit<SuggestFacts, 'provider'>): Answers {
  const provider = suggestValue('provider', detection, { provider: questions.provider.plain, ...facts })
  return assemble(requireValues((key) => suggestValue(key, detection, { provider, ...facts })))
}

/** What a database of any kind would be made of, if it were chosen. */
export function suggestOffers(detection: Detection, provider: Provider): DatabaseOffers {
  const facts = { provider, hasDocker: false }
  return {
    image: suggestValue('image', detection, facts),
    url: suggestValue('url', detection, facts),
    hasTest: suggestValue('hasTest', detection, facts),
  }
}

function suggestValue<K extends keyof Values>(key: K, detection: Detection, facts: SuggestFacts): Values[K] {
  const { suggest, plain } = questions[key]
  return suggest?.(detection, facts) ?? plain
}
