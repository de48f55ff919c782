/** A program: lets the engine named by its first argument do the task in the next four. Its answer is on stdout. */
import { betterSqlite3 } from './better-sqlite3.ts'
import { nodeSqlite } from './node-sqlite.ts'
import { parseTask } from './run-apart.ts'

async function answer(words: readonly string[]): Promise<void> {
  const [name, ...rest] = words
  const engine = [nodeSqlite, betterSqlite3].find((candidate) => candidate.name === name)
  const task = parseTask(rest)
  if (engine === undefined || task === undefined) throw new Error(`no such task: ${words.join(' ')}`)
  const outcome = await engine.perform(task, rest.slice(4))
  process.stdout.write(outcome.state === 'failed' ? `failed\n${outcome.message}` : `${outcome.state}\n`)
}

await answer(process.argv.slice(2))
