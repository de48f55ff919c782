/** What of a database's configuration has an effect on this machine once it is trusted. Pure. */
import { extname } from 'node:path'
import type { DatabaseConfig } from '../lib/project/config.ts'
import { sqliteFiles } from '../lib/project/sqlite-config.ts'
import { hideSecrets } from '../lib/report/hide-secrets.ts'

export type TrustedItem = {
  /** As in "database seed". */
  what: string
  text: string
}

/** In the order in which it takes effect; empty where there is nothing. The text is as configured, without passwords. */
export function listTrustedDatabase(database: DatabaseConfig): TrustedItem[] {
  switch (database.provider) {
    case 'none':
      return []
    case 'sqlite': {
      // SQL can write any file of the user's (ATTACH).
      const scripts = sqliteFiles(database).flatMap(({ seed = '' }) => (extname(seed) === '.sql' ? [seed] : []))
      return scripts.map((text) => ({ what: 'database seed', text }))
    }
    case 'postgres-docker': {
      const { image, runArgs, seed, seedCommand } = database
      return [
        { what: 'database container', text: image },
        ...(runArgs.length === 0 ? [] : [{ what: 'arguments of docker run', text: runArgs.join(' ') }]),
        ...(seed === undefined ? [] : [{ what: 'database seed', text: seed }]),
        ...(seedCommand === undefined ? [] : [{ what: 'database seed command', text: seedCommand }]),
      ]
    }
    case 'postgres-server':
      return [{ what: 'database server', text: hideSecrets(database.url, { keeps: 'references' }) }]
  }
}
