/** A program: lets the engine named by its first argument do the task in the next four. Its answer is on stdout. */
import { betterSqlite3 } from './better-sqlite3.ts'
import { nodeSqlite } from './node-sqlite.ts'
import { parseTask } from './run-apart.ts'

const [name, ...rest] = process.argv.slice(2)
const engine = [nodeSqlite, betterSqlite3].find((candidate) => candidate.name === name)
const task = parseTask(rest)
if (engine === undefined || task === undefined) throw new Error(`no such task: ${process.argv.slice(2).join(' ')}`)

const outcome = await engine.perform(task, rest.slice(4))
process.stdout.write(outcome.state === 'failed' ? `failed\n${outcome.message}` : `${outcome.state}\n`)
