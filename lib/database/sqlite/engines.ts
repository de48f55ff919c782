/** The engines, in the order in which they are tried: those that cost no process first. */
import { betterSqlite3 } from './better-sqlite3.ts'
import type { SqliteEngine } from './engine.ts'
import { nodeSqlite } from './node-sqlite.ts'
import { provenCopy } from './proven-copy.ts'
import { pythonSqlite3 } from './python-sqlite3.ts'
import { sqlite3Program } from './sqlite3-program.ts'

export const sqliteEngines: readonly SqliteEngine[] = [
  nodeSqlite,
  sqlite3Program,
  betterSqlite3,
  pythonSqlite3,
  provenCopy,
]
