/** The options of `agent-isolate init` that answer its questions: their names, their help, and what they say. */
import type { GivenAnswers, Scope, Values } from '../init/answers.ts'
import { collectValues, questionKeys, questions } from '../init/questions/questions.ts'
import type { Arguments } from './parse-arguments.ts'
import { UsageError } from './usage-error.ts'

/** Options with a value. */
export const answerOptions: readonly string[] = questionKeys.map((key) => questions[key].flag)

/** Columns of the help before what it says of an option. */
const indent = 25

/** Their part of `--help`. */
export function renderAnswerOptions(): string {
  return questionKeys
    .map((key) => {
      const { flag, placeholder, help } = questions[key]
      return `  --${flag} ${placeholder}`.padEnd(indent) + help.replaceAll('\n', `\n${' '.repeat(indent)}`)
    })
    .join('\n')
}

type Given = Pick<Arguments, 'texts' | 'lists'>

/** Throws `UsageError` naming the option at fault. */
export function parseGivenAnswers(args: Given): GivenAnswers {
  const given = collectValues((key) => parseAnswer(key, args))
  refuseContradiction(given)
  return given
}

/** The value of `--scope`, which other commands take too. */
export function parseScope(texts: Arguments['texts']): Scope | undefined {
  return parseAnswer('scope', { texts, lists: new Map() })?.value
}

function parseAnswer<K extends keyof Values>(key: K, { texts, lists }: Given): { value: Values[K] } | undefined {
  const { flag, parse } = questions[key]
  const text = texts.get(flag)
  if (text === undefined) return undefined
  const parsed = parse(text, lists.get(flag) ?? [text])
  if ('wrong' in parsed) throw fault(flag, parsed.wrong)
  return parsed
}

/** Without --database, what one option says must not contradict another. */
function refuseContradiction(given: GivenAnswers): void {
  const { provider } = given
  const used = questionKeys.flatMap((key) => {
    const { flag, providers } = questions[key]
    return key in given && providers !== undefined ? [{ flag, providers }] : []
  })
  for (const { flag, providers } of used) {
    if (provider !== undefined && !providers.includes(provider)) {
      throw fault(flag, `makes no sense with --${questions.provider.flag} ${provider}`)
    }
    const other = used.find((each) => !each.providers.some((one) => providers.includes(one)))
    if (other !== undefined) throw fault(flag, `makes no sense with --${other.flag}`)
  }
}

function fault(option: string, wrong: string): UsageError {
  return new UsageError(`--${option} ${wrong}`, { hint: 'See: agent-isolate init --help' })
}
