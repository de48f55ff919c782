/** Asks whatever the command line has not answered, one question after the other, each with its default filled in. */
import type { DatabaseOffers, GivenAnswers, Provider } from './answers.ts'
import { completeValues, providerOf } from './given-answers.ts'
import type { AskContext } from './questions/question.ts'
import { questionKeys, questions } from './questions/questions.ts'

/** `given` with nothing left open. `offersOf` is for the kinds of database that are not the default. Throws `Cancelled`. */
export async function askAnswers(
  given: GivenAnswers,
  context: AskContext,
  offersOf: (provider: Provider) => DatabaseOffers,
): Promise<GivenAnswers> {
  let answers = given
  for (const key of questionKeys) {
    const { ask, providers } = questions[key]
    if (ask === undefined || key in answers) continue
    const provider = providerOf(answers, context.defaults)
    const values = completeValues(answers, context.defaults, offersOf(provider))
    const isFitting = providers?.includes(provider) ?? true
    if (isFitting && (ask.when?.(values, context) ?? true)) {
      answers = { ...answers, ...(await ask.question(values, context)) }
    }
  }
  return answers
}
