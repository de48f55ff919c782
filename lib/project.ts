/** A repository together with what it asks of us: its config, and whether its commands may run. */
import { join } from 'node:path'
import { loadConfig, type Config } from './config.ts'
import { readIfAny } from './read-if-any.ts'
import { requireRepository, type Repository } from './repository.ts'
import { isTrusted, type Trustee } from './trust.ts'

export type Project = {
  repository: Repository
  config: Config
  trustee: Trustee
  isTrusted: boolean
}

/** The config is the main checkout's: what an agent writes into a worktree's has no effect until it is merged. */
export async function loadProject(cwd: string): Promise<Project> {
  const repository = await requireRepository(cwd)
  const { config, text } = loadConfig(repository.source)
  const trustee = { commonDir: repository.commonDir, text: text + seedScript(repository.source, config) }
  return { repository, config, trustee, isTrusted: isTrusted(trustee) }
}

/** A .sql seed is run, so it is among what trust is given to. */
function seedScript(source: string | undefined, { database }: Config): string {
  if (source === undefined || database.provider !== 'sqlite' || !database.seed?.endsWith('.sql')) return ''
  return readIfAny(join(source, database.seed)) ?? ''
}
