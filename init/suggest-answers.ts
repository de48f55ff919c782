/** The answers that fit what was detected; with nothing detected, the defaults of agent-isolate.json. Pure. */
import { posix } from 'node:path'
import type { Answers } from './answers.ts'
import type { Detection } from './detect.ts'
import type { Orm } from './detect-orm.ts'
import { findPortFault, plainPath } from './given-answers.ts'

export function suggestAnswers(detection: Detection): Answers {
  const database = suggestDatabase(detection)
  return {
    scope: 'project',
    database,
    portNames: suggestPortNames(detection),
    dependencies: { node_modules: 'auto', '.venv': 'auto' },
    excludePatterns: suggestExcludePatterns(detection),
    setup: database.provider === 'sqlite' ? suggestSetup(detection) : [],
  }
}

/** A project on a database server is not to be handed a file's URL. Without any sign of a database a file does no harm. */
function suggestDatabase({ orms, databaseUrls, sqliteFiles }: Detection): Answers['database'] {
  const providers = [...orms, ...databaseUrls].flatMap(({ provider }) => provider ?? [])
  if (providers.length > 0 && !providers.includes('sqlite')) return { provider: 'none' }
  const names = databaseUrls.filter(({ provider }) => provider === 'sqlite').map(({ database }) => database)
  const own = sqliteFiles.filter(({ isTracked }) => !isTracked).map(({ path }) => path)
  // A URL's path is relative to whatever its reader takes for the start, so the file that is there decides.
  const named = own.find((path) => names.some((name) => posix.basename(name) === posix.basename(path)))
  return { provider: 'sqlite', path: named ?? own[0] ?? plainPath, seed: undefined }
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

function suggestSetup({ orms }: Detection): string[] {
  return [...new Set(orms.filter(({ provider }) => provider === 'sqlite').flatMap(migration))]
}

/** Django's command names the file itself. A folder that a shell would not take literally is left to the user. */
function migration({ id, folder, migrate }: Orm): string[] {
  if (migrate === undefined || !/^[\w./-]*$/.test(folder)) return []
  return [folder === '' || id === 'django' ? migrate : `cd ${folder} && ${migrate}`]
}
