/** A repository together with what it asks of us: its config, and whether its commands may run. */
import { loadConfig, type Config } from './config.ts'
import { findRepository, type Repository } from './repository.ts'
import { isTrusted, type Trustee } from './trust.ts'

export type Project = {
  repository: Repository
  config: Config
  trustee: Trustee
  isTrusted: boolean
}

/** The config is the main checkout's: what an agent writes into a worktree's has no effect until it is merged. */
export async function loadProject(cwd: string): Promise<Project> {
  const repository = await findRepository(cwd)
  const { config, text } = loadConfig(repository.source)
  const trustee = { commonDir: repository.commonDir, configText: text }
  return { repository, config, trustee, isTrusted: isTrusted(trustee) }
}
