/** The URL of the configured server. A committed file holds no password: `$NAME` in it stands for a variable. */
import type { Config, PostgresServerConfig } from '../../../project/config.ts'
import { fillFromMain } from '../../../project/main-variables.ts'
import { parseDatabaseUrl, type PostgresUrl } from '../client/database-url.ts'

/** Throws `IsolateError` for a variable that is nowhere (see `fillFromMain`), and for what is no URL. */
export function requireServerUrl(
  source: string | undefined,
  config: { environment: Pick<Config['environment'], 'file'> },
  { url }: Pick<PostgresServerConfig, 'url'>,
  env: NodeJS.ProcessEnv = process.env,
): PostgresUrl {
  return parseDatabaseUrl(fillFromMain(url, '"database.url"', source, config, env))
}
