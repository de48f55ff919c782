/** A snapshot of a SQLite database, which is right while somebody writes, against cp, which is not. */
import { rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { answerOf } from '../demo/programs.ts'
import type { Stage } from '../demo/stage.ts'
import { createDatabaseFromSql } from '../lib/database/sqlite/run-sql.ts'
import { snapshotDatabase } from '../lib/database/sqlite/snapshot.ts'
import type { Reporter } from '../lib/report/reporter.ts'
import { measureInTurns, type Result } from './harness.ts'
import { isProgram, type Run } from './run-measurements.ts'

const sizes = [10, 100]

/** What they have to say is no part of the measurement. */
const quiet: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined }

/** Nothing of SQLite works without one of the engines that lib/database/sqlite knows; better-sqlite3 is a project's own. */
export async function findSqliteObstacle(stage: Stage): Promise<string | undefined> {
  if (isBuiltin('node:sqlite') || (await isProgram(stage, 'sqlite3')) || (await isProgram(stage, 'python3')))
    return undefined
  return 'there is no engine for SQLite: neither node:sqlite nor sqlite3 or python3 on PATH'
}

export async function measureSqlite(stage: Stage, { rounds }: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const megabytes of sizes) results.push(await measureSize(stage, megabytes, rounds))
  return results
}

async function measureSize(stage: Stage, megabytes: number, rounds: number): Promise<Result> {
  const source = join(stage.folder, `${megabytes}.db`)
  const target = join(stage.folder, `${megabytes}-copy.db`)
  await createSampleDatabase(stage, source, megabytes)
  const engines = new Set<string>()
  const variant = (name: string, work: () => Promise<unknown>) => ({
    name,
    prepare: async () => {
      rmSync(target, { force: true })
      return work
    },
  })
  return measureInTurns(`a SQLite database of ${megabytes} MB`, rounds, [
    variant('cp', () => answerOf(stage, ['cp', source, target], { cwd: stage.folder })),
    {
      ...variant('snapshot', async () =>
        engines.add((await snapshotDatabase({ source, target, packageRoots: [], reporter: quiet })).engine),
      ),
      note: () => `${[...engines].join(', ')}; consistent, checked, synced`,
    },
  ])
}

/** Rows of a thousand random bytes. */
export async function createSampleDatabase(stage: Stage, path: string, megabytes: number): Promise<void> {
  const script = join(stage.folder, 'sample.sql')
  writeFileSync(
    script,
    `CREATE TABLE sample (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${megabytes * 800})
INSERT INTO sample SELECT n, randomblob(1000) FROM numbers;
`,
  )
  await createDatabaseFromSql({ script, target: path, packageRoots: [], reporter: quiet })
}
