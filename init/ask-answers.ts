/** Asks whatever the command line has not answered, one question after the other, each with its default filled in. */
import type { DependencyStrategy } from '../lib/dependencies/dependency-plan.ts'
import type { Answers, Provider, Scope } from './answers.ts'
import {
  findFault,
  findImageFault,
  findPortFault,
  findVariableFault,
  imageOf,
  isolationOf,
  pathOf,
  providerOf,
  seedOf,
  splitList,
  urlOf,
  variableIn,
  type DatabaseOffers,
  type GivenAnswers,
} from './given-answers.ts'
import { askChoice, askSubset, askText } from './prompts.ts'

/** What was detected and decides which questions make sense. */
export type AskContext = {
  defaults: Answers
  /** For the kinds of database that are not the default. */
  offersOf: (provider: Provider) => DatabaseOffers
  /** Whether to offer PostgreSQL. */
  hasPostgres: boolean
  /** The default for the commands to be run, by the kind of database. */
  setupFor: (provider: Provider) => readonly string[]
  /** Patterns to offer beside those of the defaults. */
  excludePatterns: readonly string[]
  hasPackages: boolean
  hasPython: boolean
  hasHome: boolean
}

/** Answers `given` with nothing left open. Throws `Cancelled`. */
export async function askAnswers(given: GivenAnswers, context: AskContext): Promise<GivenAnswers> {
  const { defaults } = context
  const scope = given.scope ?? (await askScope(context))
  const database = await askDatabase(given, context)
  const portNames = given.portNames ?? (await askPortNames(defaults.portNames))
  const dependencies = await askDependencies(given, context)
  const excludePatterns = given.excludePatterns ?? (await askExcludePatterns(context))
  const setup = given.setup ?? (await askSetup(context.setupFor(providerOf(database, defaults))))
  const delivery = given.delivery === undefined ? {} : { delivery: given.delivery }
  return { scope, ...delivery, ...database, portNames, ...dependencies, excludePatterns, setup }
}

function askScope({ defaults, hasHome }: AskContext): Promise<Scope> {
  const options: { value: Scope; label: string }[] = [
    { value: 'project', label: 'everyone here   .claude/settings.json, to be committed' },
    { value: 'local', label: 'me, here        .claude/settings.local.json' },
  ]
  if (hasHome) options.push({ value: 'user', label: 'me, everywhere  ~/.claude/settings.json' })
  return askChoice('Who is it for?', options, defaults.scope)
}

async function askDatabase(given: GivenAnswers, context: AskContext): Promise<GivenAnswers> {
  const { defaults, offersOf } = context
  const isDecided = given.provider !== undefined || providerOf(given, defaults) !== defaults.database.provider
  const chosen = isDecided ? { ...given, provider: providerOf(given, defaults) } : await askKind(given, context)
  const { provider, hasTest } = chosen
  const offers = offersOf(provider)
  const test = hasTest === undefined ? {} : { hasTest }
  switch (provider) {
    case 'none':
      return { provider }
    case 'sqlite': {
      const path = chosen.path ?? (await askPath(pathOf(chosen, defaults)))
      const seed = 'seed' in chosen ? chosen.seed : await askSeed(seedOf(chosen, defaults))
      return { provider, path, seed, ...test }
    }
    case 'postgres-docker': {
      const image = chosen.image ?? (await askImage(imageOf(chosen, defaults, offers)))
      const isolation = isolationOf(chosen, defaults)
      return { provider, isolation, image, seed: seedOf(chosen, defaults), ...test }
    }
    case 'postgres-server':
      return { provider, url: chosen.url ?? (await askUrl(urlOf(chosen, defaults, offers))), ...test }
  }
}

type Kind = 'shared' | 'container' | 'server' | 'sqlite' | 'none'

/** Where containers are offered, their two kinds are two answers. */
async function askKind(
  given: GivenAnswers,
  { defaults, hasPostgres }: AskContext,
): Promise<GivenAnswers & { provider: Provider }> {
  const postgres: { value: Kind; label: string }[] = [
    { value: 'shared', label: 'PostgreSQL: one container here, a database in it for each' },
    { value: 'container', label: 'PostgreSQL: a container for each' },
    { value: 'server', label: 'PostgreSQL: a database for each, on a server that is there' },
  ]
  const options: { value: Kind; label: string }[] = [
    ...(hasPostgres ? postgres : []),
    { value: 'sqlite', label: 'a SQLite file of its own' },
    { value: 'none', label: 'none' },
  ]
  const kind = await askChoice('A database for each worktree?', options, kindOf(given, defaults))
  if (kind === 'sqlite' || kind === 'none') return { ...given, provider: kind }
  if (kind === 'server') return { ...given, provider: 'postgres-server' }
  return { ...given, provider: 'postgres-docker', isolation: kind === 'shared' ? 'database' : 'container' }
}

function kindOf(given: GivenAnswers, defaults: Answers): Kind {
  const provider = providerOf(given, defaults)
  if (provider === 'postgres-server') return 'server'
  if (provider !== 'postgres-docker') return provider
  return isolationOf(given, defaults) === 'database' ? 'shared' : 'container'
}

function askImage(initial: string): Promise<string> {
  return askText('Of which image?', initial, findImageFault)
}

/** A URL of another form than `$NAME` was put into the file by hand, and is kept. */
async function askUrl(initial: string | undefined): Promise<string> {
  const name = initial === undefined ? '' : variableIn(initial)
  if (name === undefined && initial !== undefined) return initial
  const message = 'Which variable (in .env.local, .env) has the URL of a database to copy?'
  return `$${await askText(message, name ?? '', findVariableFault)}`
}

function askPath(initial: string): Promise<string> {
  return askText('Where in the repository is that file?', initial, (path) => findFault(['database', 'path'], path))
}

async function askSeed(initial: string | undefined): Promise<string | undefined> {
  const message = 'What is it filled from? (empty: the same file in the main checkout)'
  const seed = await askText(message, initial ?? '', (text) =>
    text === '' ? undefined : findFault(['database', 'seed'], text),
  )
  return seed === '' ? undefined : seed
}

async function askPortNames(initial: readonly string[]): Promise<string[]> {
  const answer = await askText('Ports beside PORT, by name, such as api, admin?', initial.join(', '), (text) =>
    findPortFault(splitList(text)),
  )
  return splitList(answer)
}

async function askDependencies(given: GivenAnswers, context: AskContext): Promise<GivenAnswers> {
  const { node_modules, '.venv': venv } = context.defaults.dependencies
  return {
    nodeModules:
      given.nodeModules ?? (context.hasPackages ? await askStrategy('node_modules', node_modules) : node_modules),
    venv: given.venv ?? (context.hasPython ? await askStrategy('.venv', venv) : venv),
  }
}

function askStrategy(folder: string, initial: DependencyStrategy): Promise<DependencyStrategy> {
  return askChoice(
    `How does a worktree get its ${folder}?`,
    [
      { value: 'auto', label: 'auto     whatever is fast and safe here' },
      { value: 'clone', label: 'clone    a copy of its own, made from yours' },
      { value: 'install', label: 'install  by the package manager, from the lockfile' },
      { value: 'symlink', label: 'symlink  yours: what an agent installs, you get' },
      { value: 'none', label: 'none     not at all' },
    ],
    initial,
  )
}

async function askExcludePatterns({ defaults, excludePatterns }: AskContext): Promise<readonly string[]> {
  const offered = [...new Set([...defaults.excludePatterns, ...excludePatterns])]
  if (offered.length === 0) return []
  return askSubset('What is the agent not to read? (more: --exclude PATTERN)', offered, defaults.excludePatterns)
}

/** The defaults one after the other, to be kept, changed or emptied; then others, until there are no more. */
async function askSetup(initial: readonly string[]): Promise<string[]> {
  const kept: string[] = []
  for (const command of initial) kept.push(await askCommand(command))
  for (;;) {
    const another = kept.some((command) => command !== '') ? 'And then?' : 'Run anything in a new worktree?'
    const command = await askText(`${another} (empty: nothing)`, '', () => undefined)
    if (command === '') return kept.filter((each) => each !== '')
    kept.push(command)
  }
}

/** One that no line of a terminal can hold is kept as it is: the last question shows all that will be run. */
async function askCommand(command: string): Promise<string> {
  return /\p{Cc}/u.test(command) ? command : askText('Run in a new worktree?', command, () => undefined)
}
