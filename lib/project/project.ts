/** A repository together with what it asks of us: its config, its template, and whether its commands may run. */
import { join } from 'node:path'
import { loadConfig, type Config } from './config.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { requireRepository, type Repository } from '../git/repository.ts'
import { findSeed } from './seed.ts'
import { sqliteFiles } from './sqlite-config.ts'
import { isTrusted, type Trustee } from './trust.ts'

export type ProjectFiles = {
  repository: Repository
  config: Config
  /** The text of the template in the folder that the config is of; undefined without one. */
  template: string | undefined
}

export type Project = ProjectFiles & {
  trustee: Trustee
  isTrusted: boolean
}

/** The config is the main checkout's: what an agent writes into a worktree's has no effect until it is merged. */
export async function loadProject(cwd: string): Promise<Project> {
  return loadProjectOf(await requireRepository(cwd))
}

export async function loadProjectOf(repository: Repository): Promise<Project> {
  const { source, commonDir } = repository
  const { text, ...files } = loadProjectFiles(repository)
  const texts = [text, await seedScript(source, files.config), files.template, ...appTemplates(source, files.config)]
  const trustee = { commonDir, texts }
  return { ...files, trustee, isTrusted: isTrusted(trustee) }
}

/** Without a look at seeds and trust, which takes longer. `text` is the config's. */
export function loadProjectFiles(repository: Repository): ProjectFiles & { text: string } {
  const { source } = repository
  const { config, text } = loadConfig(source)
  const template = source === undefined ? undefined : readIfAny(join(source, config.environment.template))
  return { repository, config, template, text }
}

/** Those of single apps that are files; the others stand in the config. */
function appTemplates(source: string | undefined, { environment }: Config): (string | undefined)[] {
  const paths = Object.values(environment.files).filter((file) => typeof file === 'string')
  return source === undefined ? [] : paths.map((path) => readIfAny(join(source, path)))
}

/** For what must go on whatever the config says today: the project, or the reason why it cannot be read. */
export async function loadProjectIfRight(repository: Repository): Promise<Project | IsolateError> {
  try {
    return await loadProjectOf(repository)
  } catch (error) {
    if (error instanceof IsolateError) return error
    throw error
  }
}

/** Bytes; JavaScript's strings are no longer. */
const longestText = 2 ** 29 - 24

/** Of those that are SQL; of several as one. */
function seedTexts(source: string, seeds: readonly (string | undefined)[]): string | undefined {
  const scripts = seeds.filter((seed) => seed?.endsWith('.sql'))
  const texts = scripts.map((seed) => readIfAny(join(source, seed ?? ''), longestText))
  return texts.length > 1 ? JSON.stringify(texts) : texts[0]
}

/** A seed in SQL is run, so it is among what trust is given to; a dump holds SQL. One that is not there, or no file, is reported when it is needed. */
async function seedScript(source: string | undefined, { database }: Config): Promise<string | undefined> {
  if (source === undefined || !('seed' in database) || database.seed === undefined) return undefined
  try {
    if (database.provider === 'sqlite') {
      return seedTexts(
        source,
        sqliteFiles(database).map(({ seed }) => seed),
      )
    }
    return findSeed(source, database).hash
  } catch (error) {
    if (error instanceof IsolateError) return undefined
    throw error
  }
}
