/** The options of `agent-isolate init` as answers to its questions, checked as agent-isolate.json is. */
import { deliveries, type Provider, type Scope } from '../init/answers.ts'
import {
  findFault,
  findImageFault,
  findPortFault,
  findVariableFault,
  splitList,
  type GivenAnswers,
} from '../init/given-answers.ts'
import type { DependencyStrategy } from '../lib/dependencies/dependency-plan.ts'
import type { Arguments } from './parse-arguments.ts'
import { UsageError } from './usage-error.ts'

/** Options with a value. */
export const answerOptions = [
  'scope',
  'delivery',
  'database',
  'database-path',
  'seed',
  'image',
  'isolation',
  'url-variable',
  'test-database',
  'ports',
  'node-modules',
  'venv',
  'exclude',
  'setup',
] as const

/** Says of an option that there is to be none of it: `--seed none`. */
const nothing = 'none'

export const scopes: readonly Scope[] = ['project', 'local', 'user']
const providers: readonly Provider[] = ['sqlite', 'postgres-docker', 'postgres-server', 'none']
const isolations = ['database', 'container'] as const
const strategies: readonly DependencyStrategy[] = ['auto', 'clone', 'install', 'symlink', 'none']

type Texts = Arguments['texts']

/** `exclude` and `setup` may be repeated. Throws `UsageError` naming the option at fault. */
export function parseGivenAnswers({ texts, lists }: Pick<Arguments, 'texts' | 'lists'>): GivenAnswers {
  const given: GivenAnswers = {}
  const scope = choiceOf(texts, 'scope', scopes)
  const delivery = choiceOf(texts, 'delivery', deliveries)
  const provider = choiceOf(texts, 'database', providers)
  const path = pathOf(texts, 'database-path')
  const nodeModules = choiceOf(texts, 'node-modules', strategies)
  const venv = choiceOf(texts, 'venv', strategies)
  const portNames = portNamesOf(texts)
  const excludePatterns = listOf(lists, 'exclude')
  const setup = listOf(lists, 'setup')
  if (scope !== undefined) given.scope = scope
  if (delivery !== undefined) given.delivery = delivery
  if (provider !== undefined) given.provider = provider
  if (path !== undefined) given.path = path
  if (texts.has('seed')) given.seed = texts.get('seed') === nothing ? undefined : pathOf(texts, 'seed')
  if (nodeModules !== undefined) given.nodeModules = nodeModules
  if (venv !== undefined) given.venv = venv
  if (portNames !== undefined) given.portNames = portNames
  if (excludePatterns !== undefined) given.excludePatterns = excludePatterns
  if (setup !== undefined) given.setup = setup
  refuseContradiction(texts, provider)
  return { ...given, ...parseDatabaseAnswers(texts) }
}

/** What an option says is to be said of one of these. */
const providersOf: readonly (readonly [option: string, providers: readonly Provider[]])[] = [
  ['database-path', ['sqlite']],
  ['seed', ['sqlite', 'postgres-docker']],
  ['image', ['postgres-docker']],
  ['isolation', ['postgres-docker']],
  ['url-variable', ['postgres-server']],
  ['test-database', ['sqlite', 'postgres-docker', 'postgres-server']],
]

/** Without --database, what one option says must not contradict another. */
function refuseContradiction(texts: Texts, provider: Provider | undefined): void {
  const used = providersOf.filter(([option]) => texts.has(option))
  for (const [option, fitting] of used) {
    if (provider !== undefined && !fitting.includes(provider)) {
      throw fault(option, `makes no sense with --database ${provider}`)
    }
    const [other] = used.find(([, others]) => !others.some((each) => fitting.includes(each))) ?? []
    if (other !== undefined) throw fault(option, `makes no sense with --${other}`)
  }
}

function parseDatabaseAnswers(texts: Texts): GivenAnswers {
  const isolation = choiceOf(texts, 'isolation', isolations)
  const test = choiceOf(texts, 'test-database', ['yes', 'no'])
  const image = texts.get('image')
  const variable = texts.get('url-variable')
  const wrongImage = image === undefined ? undefined : findImageFault(image)
  if (wrongImage !== undefined) throw fault('image', wrongImage)
  const wrongVariable = variable === undefined ? undefined : findVariableFault(variable)
  if (wrongVariable !== undefined) throw fault('url-variable', wrongVariable)
  return {
    ...(isolation === undefined ? {} : { isolation }),
    ...(image === undefined ? {} : { image }),
    ...(variable === undefined ? {} : { url: `$${variable}` }),
    ...(test === undefined ? {} : { hasTest: test === 'yes' }),
  }
}

/** The value of `--scope`, which other commands take too. */
export function parseScope(texts: Texts): Scope | undefined {
  return choiceOf(texts, 'scope', scopes)
}

function choiceOf<T extends string>(texts: Texts, option: string, choices: readonly T[]): T | undefined {
  const text = texts.get(option)
  const choice = choices.find((each) => each === text)
  if (text !== undefined && choice === undefined) throw fault(option, `must be one of ${choices.join(', ')}`)
  return choice
}

function pathOf(texts: Texts, option: 'database-path' | 'seed'): string | undefined {
  const text = texts.get(option)
  const wrong = text === undefined ? undefined : findFault(['database', option === 'seed' ? 'seed' : 'path'], text)
  if (wrong !== undefined) throw fault(option, wrong)
  return text
}

function portNamesOf(texts: Texts): string[] | undefined {
  const text = texts.get('ports')
  if (text === undefined) return undefined
  const names = text === nothing ? [] : splitList(text)
  const wrong = findPortFault(names)
  if (wrong !== undefined) throw fault('ports', wrong)
  return names
}

function listOf(lists: Arguments['lists'], option: 'exclude' | 'setup'): string[] | undefined {
  return lists.get(option)?.filter((value) => value !== nothing)
}

function fault(option: string, wrong: string): UsageError {
  return new UsageError(`--${option} ${wrong}`, { hint: 'See: agent-isolate init --help' })
}
