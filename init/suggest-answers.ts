/** The answers that fit what was detected; with nothing detected, the defaults of agent-isolate.json. Pure. */
import { posix } from 'node:path'
import type { Answers, Provider } from './answers.ts'
import type { Detection } from '../detect/detect.ts'
import type { Orm } from '../detect/orm.ts'
import { findPostgresService, findServerUrl, isTestKey, usesPostgres } from '../detect/postgres.ts'
import { findPortFault, plainPath, type DatabaseOffers } from './given-answers.ts'

/** `hasDocker`: a container engine has answered. */
export function suggestAnswers(detection: Detection, { hasDocker }: { hasDocker: boolean }): Answers {
  const database = suggestDatabase(detection, hasDocker)
  return {
    scope: 'project',
    delivery: 'program',
    database,
    portNames: suggestPortNames(detection),
    dependencies: { node_modules: 'auto', '.venv': 'auto' },
    excludePatterns: suggestExcludePatterns(detection),
    setup: suggestSetup(detection, database.provider),
  }
}

/** What a database of any kind would be made of, if it were chosen. */
export function suggestOffers(detection: Detection, provider: Provider): DatabaseOffers {
  const { databaseUrls, compose } = detection
  const url = findServerUrl(detection)
  const kind = provider === 'sqlite' ? 'sqlite' : 'postgresql'
  return {
    // As lib/project/config.ts has it.
    image: findPostgresService(compose)?.image ?? 'postgres:16-alpine',
    url: url === undefined ? undefined : `$${url.key}`,
    hasTest: provider !== 'none' && databaseUrls.some((each) => each.provider === kind && isTestKey(each.key)),
  }
}

/**
 * A project on a database server is not to be handed a file's URL. Without any sign of a database a file does no harm. A
 * container is suggested where an engine answers and the project is known to bring its database up from nothing: with a
 * container of its own, or with migrations.
 */
function suggestDatabase(detection: Detection, hasDocker: boolean): Answers['database'] {
  const { orms, databaseUrls, sqliteFiles, compose } = detection
  const providers = [...orms, ...databaseUrls].flatMap(({ provider }) => provider ?? [])
  const service = findPostgresService(compose)
  const isOnServer = (providers.length > 0 || service !== undefined) && !providers.includes('sqlite')
  if (isOnServer) {
    const isOnlyPostgres = providers.every((provider) => provider === 'postgresql')
    const canStart = service !== undefined || suggestSetup(detection, 'postgres-docker').length > 0
    if (!hasDocker || !isOnlyPostgres || !canStart) return { provider: 'none' }
    const { image, hasTest } = suggestOffers(detection, 'postgres-docker')
    return { provider: 'postgres-docker', isolation: 'database', image, seed: undefined, hasTest }
  }
  const names = databaseUrls.filter(({ provider }) => provider === 'sqlite').map(({ database }) => database)
  const own = sqliteFiles.filter(({ isTracked }) => !isTracked).map(({ path }) => path)
  // A URL's path is relative to whatever its reader takes for the start, so the file that is there decides.
  const named = own.find((path) => names.some((name) => posix.basename(name) === posix.basename(path)))
  const { hasTest } = suggestOffers(detection, 'sqlite')
  return { provider: 'sqlite', path: named ?? own[0] ?? plainPath, seed: undefined, hasTest }
}

/** The first server has PORT; each further one in a folder of its own gets a port by that folder's name. */
function suggestPortNames({ frameworks }: Detection): string[] {
  const folders = [...new Set(frameworks.map(({ folder }) => folder))].slice(1)
  const names = folders.map((folder) => posix.basename(folder).toLowerCase().replaceAll('-', '_'))
  return [...new Set(names)].filter((name) => findPortFault([name]) === undefined).slice(0, 9)
}

/** What is installed or built. Never a lockfile: a rule on it would also refuse `git add` of it. */
function suggestExcludePatterns({ packageManager, python, frameworks }: Detection): string[] {
  const builds = { next: '**/.next/**', nuxt: '**/.nuxt/**', astro: '**/.astro/**' } as const
  return [
    ...(packageManager === undefined ? [] : ['**/node_modules/**']),
    ...(python === undefined ? [] : ['**/.venv/**']),
    ...new Set(frameworks.flatMap(({ id }) => (id === 'next' || id === 'nuxt' || id === 'astro' ? builds[id] : []))),
  ]
}

/** The migrations for a worktree's own database of that kind; none where it has none: they would run on everybody's. */
export function suggestSetup(detection: Detection, provider: Provider): string[] {
  return [...new Set(detection.orms.filter((orm) => isMigrated(orm, detection, provider)).flatMap(migration))]
}

/** An ORM that does not say is taken to be on PostgreSQL where something else says so. */
function isMigrated(orm: Orm, detection: Detection, provider: Provider): boolean {
  if (provider === 'none') return false
  if (provider === 'sqlite') return orm.provider === 'sqlite'
  return orm.provider === 'postgresql' || (orm.provider === undefined && usesPostgres(detection))
}

/** `setup`, the default for the provider `from`, as it fits another: the migrations of the one for those of the other. */
export function fitSetup(
  setup: readonly string[],
  detection: Detection,
  { from, to }: { from: Provider; to: Provider },
): readonly string[] {
  const [before, after] = [suggestSetup(detection, from), suggestSetup(detection, to)]
  const gone = before.filter((command) => !after.includes(command))
  return [...new Set([...setup.filter((command) => !gone.includes(command)), ...(from === to ? [] : after)])]
}

/** Django's command names the file itself. A folder that a shell would not take literally is left to the user. */
function migration({ id, folder, migrate }: Orm): string[] {
  if (migrate === undefined || !/^[\w./-]*$/.test(folder)) return []
  return [folder === '' || id === 'django' ? migrate : `cd ${folder} && ${migrate}`]
}
