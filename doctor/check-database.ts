/** Whether a worktree's database can be made as agent-isolate.json asks for it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chooseSqliteFile } from '../detect/find-database.ts'
import { configFileName } from '../lib/project/config.ts'
import { sqliteFiles, type SqliteConfig } from '../lib/project/sqlite-config.ts'
import { notTrusted } from '../lib/report/not-trusted.ts'
import type { Check, Context, Finding } from './check.ts'
import { examineContainer } from './check-postgres-container.ts'
import { examineServer } from './check-postgres-server.ts'

export const databaseCheck: Check = {
  id: 'database',
  title: 'Database',
  async run(context) {
    const { database } = context.project.config
    switch (database.provider) {
      case 'none':
        return [{ id: 'database.ok', severity: 'ok', message: 'no database is wanted' }]
      case 'sqlite':
        return examineSqlite(context, database)
      case 'postgres-docker':
        return [...askForTrust(context), ...(await examineContainer(context, database))]
      case 'postgres-server':
        // The URL may carry a variable's value to any server: it is not followed before somebody has read it.
        return context.project.isTrusted ? examineServer(context, database) : askForTrust(context)
    }
  },
}

function askForTrust({ project: { isTrusted, config } }: Context): Finding[] {
  if (isTrusted) return []
  const undone = `worktrees get no database with ${config.database.provider}`
  const { message, hint } = notTrusted(undone, configFileName)
  const why = 'What a container runs, and where a URL leads, came with the repository.'
  return [{ id: 'database.untrusted', severity: 'error', message, why, fix: hint, file: configFileName }]
}

function examineSqlite(context: Context, database: SqliteConfig): Finding[] {
  const { project, detection, template, root } = context
  const source = project.repository.source ?? root
  const missing = sqliteFiles(database).find(({ seed }) => seed !== undefined && !existsSync(join(source, seed)))
  if (missing !== undefined) {
    const message = `the seed ${missing.seed} is not there`
    const why = 'Every new worktree fails for want of it.'
    const fix = 'Make it, or take "database.seed" out of agent-isolate.json.'
    return [{ id: 'database.seed', severity: 'error', message, why, fix, file: configFileName }]
  }
  const seed = database.seed ?? database.path
  if (existsSync(join(source, seed))) return [{ id: 'database.ok', severity: 'ok', message: `seeded from ${seed}` }]
  const others = detection.sqliteFiles
    .map(({ path }) => path)
    .filter((path) => path !== seed && !/(?:^|\/)(?:tests?|fixtures?)\//.test(path))
  const other = chooseSqliteFile(others, [])
  if (other === undefined || project.trustee.texts[0]?.includes('"database"') || template?.includes(other)) {
    return [{ id: 'database.ok', severity: 'ok', message: 'worktrees start with an empty SQLite database' }]
  }
  return [
    {
      id: 'database.path',
      severity: 'warning',
      message: `worktrees get an empty ${database.path}, while this repository has ${other}`,
      why: 'Without its tables the application fails in a new worktree.',
      fix: `in ${configFileName}: "database": { "provider": "sqlite", "path": "${other}" }`,
    },
  ]
}
