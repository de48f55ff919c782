/** The database of each worktree: of which kind, and what it is made of. */
import type { Detection } from '../../detect/detect.ts'
import { railsSqlitePaths } from '../../detect/database-yml.ts'
import { chooseSqliteFile, findPostgresServer } from '../../detect/find-database.ts'
import { findPostgresService, isTestKey } from '../../detect/postgres.ts'
import type { Provider, Values } from '../answers.ts'
import { askChoice, askText } from '../prompts.ts'
import { listMigrations } from './migrations.ts'
import { findFault, nothing, oneOf, unless, type Question, type SuggestFacts } from './question.ts'

type Kind = 'shared' | 'container' | 'server' | 'sqlite' | 'none'

/** Where containers are offered, their two kinds are two answers. */
export const provider: Question<Provider> = {
  flag: 'database',
  placeholder: 'KIND',
  help: `of each worktree: sqlite, postgres-docker (in a container),
postgres-server (on a server that is there), none`,
  parse: oneOf(['sqlite', 'postgres-docker', 'postgres-server', 'none']),
  plain: 'sqlite',
  suggest: (detection, facts) => suggestProvider(detection, facts),
  ask: {
    // An option of another kind has decided it.
    when: (values, { defaults }) => values.provider === defaults.database.provider,
    async question(values, { hasPostgres, reason }) {
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
      const initial = kindOf(values)
      const explained = options.map((each) =>
        each.value === initial && reason !== undefined ? { ...each, hint: reason } : each,
      )
      const kind = await askChoice('A database for each worktree?', explained, initial)
      if (kind === 'sqlite' || kind === 'none') return { provider: kind }
      if (kind === 'server') return { provider: 'postgres-server' }
      return { provider: 'postgres-docker', isolation: kind === 'shared' ? 'database' : 'container' }
    },
  },
  config: { key: ['database', 'provider'], read: ({ database }) => database.provider },
}

/**
 * A project on a database server is not to be handed a file's URL. Without any sign of a database a file does no harm. A
 * container is suggested where an engine answers and the project is known to bring its database up from nothing: with a
 * container of its own, or with migrations; else the server of its URL, if that answers.
 */
function suggestProvider(detection: Detection, { hasDocker, hasServer = false }: SuggestFacts): Provider {
  const { orms, databaseUrls, databaseParts, railsDatabases, compose } = detection
  const signs = [...orms, ...databaseUrls, ...databaseParts, ...railsDatabases]
  const found = signs.flatMap((each) => each.provider ?? [])
  const service = findPostgresService(compose)
  const isOnServer = (found.length > 0 || service !== undefined) && !found.includes('sqlite')
  if (!isOnServer) return 'sqlite'
  const isOnlyPostgres = found.every((each) => each === 'postgresql')
  const canStart = service !== undefined || listMigrations(detection, 'postgres-docker').length > 0
  if (!isOnlyPostgres) return 'none'
  if (hasDocker && canStart) return 'postgres-docker'
  return hasServer ? 'postgres-server' : 'none'
}

/** In a few words, as they stand behind the default. Pure. */
export function explainProvider(detection: Detection, chosen: Provider, { hasDocker }: { hasDocker: boolean }): string {
  const named = findPostgresServer(detection)
  const service = findPostgresService(detection.compose)
  switch (chosen) {
    case 'sqlite': {
      const found = [...detection.orms, ...detection.databaseUrls].some((each) => each.provider === 'sqlite')
      return found ? 'the project uses SQLite' : 'no server was found'
    }
    case 'postgres-docker':
      return 'docker answers'
    case 'postgres-server':
      return named === undefined ? 'its server answers' : `the server of ${named.key} answers`
    case 'none':
      if (service !== undefined && Object.hasOwn(detection.portNames.compose, service.name))
        return `compose starts one: ${service.name}`
      return hasDocker ? 'nothing is known to fill it' : 'no engine and no server answers'
  }
}

function kindOf({ provider: chosen, isolation: kind }: Values): Kind {
  if (chosen === 'postgres-server') return 'server'
  if (chosen !== 'postgres-docker') return chosen
  return kind === 'database' ? 'shared' : 'container'
}

export const path: Question<Values['path']> = {
  flag: 'database-path',
  placeholder: 'PATH',
  help: `where in the repository the SQLite file is; several with
commas between them, the application's first`,
  parse: (text) => unless(findPathFault(text), readPaths(text)),
  providers: ['sqlite'],
  decidesProvider: true,
  // As lib/project/config.ts has it.
  plain: '.agent-isolate/dev.db',
  suggest({ databaseUrls, sqliteFiles, railsDatabases }) {
    const [first, ...further] = railsSqlitePaths(railsDatabases)
    if (first !== undefined) return further.length === 0 ? first : [first, ...further]
    const names = databaseUrls.filter((each) => each.provider === 'sqlite').map(({ database }) => database)
    const own = sqliteFiles.filter(({ isTracked }) => !isTracked).map((file) => file.path)
    return chooseSqliteFile(own, names)
  },
  ask: {
    async question(values) {
      const now = [values.path].flat().join(', ')
      return { path: readPaths(await askText('Where in the repository is that file?', now, findPathFault)) }
    },
  },
  config: {
    key: ['database', 'path'],
    read({ database }) {
      if (!('path' in database)) return undefined
      const { path: first, further } = database
      return further.length === 0 ? first : [first, ...further.map((file) => file.path)]
    },
  },
}

/** One, or a list of several. */
function readPaths(text: string): Values['path'] {
  const paths = text.split(/,\s*/)
  return paths.length === 1 ? text : paths
}

function findPathFault(text: string): string | undefined {
  return findFault(['database', 'path'], readPaths(text))
}

export const seed: Question<string | undefined> = {
  flag: 'seed',
  placeholder: 'PATH',
  help: `what it is filled from; none: the main checkout's own SQLite
file, or nothing in a container`,
  parse: (text) => (text === nothing ? { value: undefined } : unless(findFault(['database', 'seed'], text), text)),
  providers: ['sqlite', 'postgres-docker'],
  decidesProvider: true,
  plain: undefined,
  ask: {
    when: (values) => values.provider === 'sqlite',
    async question(values) {
      const message = 'What is it filled from? (empty: the same file in the main checkout)'
      const answer = await askText(message, values.seed ?? '', (text) =>
        text === '' ? undefined : findFault(['database', 'seed'], text),
      )
      return { seed: answer === '' ? undefined : answer }
    },
  },
  config: { key: ['database', 'seed'], read: ({ database }) => ('seed' in database ? database.seed : undefined) },
}

export const image: Question<string> = {
  flag: 'image',
  placeholder: 'IMAGE',
  help: 'of the container',
  parse: (text) => unless(findImageFault(text), text),
  providers: ['postgres-docker'],
  decidesProvider: true,
  // As lib/project/config.ts has it.
  plain: 'postgres:16-alpine',
  suggest: ({ compose }) => findPostgresService(compose)?.image,
  ask: { question: async (values) => ({ image: await askText('Of which image?', values.image, findImageFault) }) },
  config: { key: ['database', 'image'], read: ({ database }) => ('image' in database ? database.image : undefined) },
}

function findImageFault(text: string): string | undefined {
  return findFault(['database', 'image'], text, { provider: 'postgres-docker' })
}

export const isolation: Question<Values['isolation']> = {
  flag: 'isolation',
  placeholder: 'KIND',
  help: `database: one container for this repository, with a database
for each worktree (the default); container: one for each`,
  parse: oneOf(['database', 'container']),
  providers: ['postgres-docker'],
  decidesProvider: true,
  // A database in a container that is there already takes a twelfth of the time.
  plain: 'database',
  config: {
    key: ['database', 'isolation'],
    read: ({ database }) => ('isolation' in database ? database.isolation : undefined),
  },
}

export const url: Question<string | undefined> = {
  flag: 'url-variable',
  placeholder: 'NAME',
  help: `the variable, in .env.local, .env or the environment, with
the URL of the database that each worktree's is a copy of`,
  parse: (text) => unless(findVariableFault(text), `$${text}`),
  providers: ['postgres-server'],
  decidesProvider: true,
  plain: undefined,
  suggest: (detection) => findPostgresServer(detection)?.url,
  ask: { question: async (values) => ({ url: await askUrl(values.url) }) },
  config: {
    key: ['database', 'url'],
    read: ({ database }) => ('url' in database ? database.url : undefined),
    isRequired: true,
  },
}

/** A URL of another form than `$NAME` was put into the file by hand, and is kept. */
async function askUrl(initial: string | undefined): Promise<string> {
  const name = initial === undefined ? '' : variableIn(initial)
  if (name === undefined && initial !== undefined) return initial
  const message = 'Which variable (in .env.local, .env) has the URL of a database to copy?'
  return `$${await askText(message, name ?? '', findVariableFault)}`
}

/** NAME where the URL is nothing but `$NAME` or `${NAME}`. */
function variableIn(text: string): string | undefined {
  return /^\$(?:\{(\w+)\}|(\w+))$/.exec(text)?.slice(1).find(Boolean)
}

/** Undefined for a name that a variable can have. */
export function findVariableFault(name: string): string | undefined {
  return /^[A-Za-z_]\w*$/.test(name)
    ? undefined
    : 'must be the name of a variable: a URL, with its password, would be committed'
}

export const hasTest: Question<boolean> = {
  flag: 'test-database',
  placeholder: 'WHICH',
  help: 'yes: each worktree has a second one for tests; no',
  parse(text) {
    const parsed = oneOf(['yes', 'no'])(text)
    return 'wrong' in parsed ? parsed : { value: parsed.value === 'yes' }
  },
  providers: ['sqlite', 'postgres-docker', 'postgres-server'],
  plain: false,
  suggest({ databaseUrls }, facts) {
    const kind = facts.provider === 'sqlite' ? 'sqlite' : 'postgresql'
    return facts.provider !== 'none' && databaseUrls.some((each) => each.provider === kind && isTestKey(each.key))
  },
  // Of another kind of database it is not known whether anybody said no to it.
  carryOver: (earlier, offered) => earlier === true || offered,
  config: { key: ['database', 'test'], read: ({ database }) => ('hasTest' in database ? database.hasTest : undefined) },
}
