/** The sample project's files, as a user would have them: a server that knows nothing of agent-isolate. */

const notes = String.raw`// Notes in the SQLite file that DATABASE_URL names, through whichever SQLite this machine has.
import { spawnSync } from 'node:child_process'
import { isBuiltin } from 'node:module'

const file = process.env.DATABASE_URL?.replace(/^file:/, '') ?? 'data/app.db'
const script = [
  'import sqlite3, sys',
  'with sqlite3.connect(sys.argv[1], timeout=5) as database:',
  '    for row in database.execute(sys.argv[2]): print(row[0])',
].join('\n')

async function openBuiltIn() {
  if (!isBuiltin('node:sqlite')) return undefined
  const { DatabaseSync } = await import('node:sqlite')
  return (path, sql) => {
    const database = new DatabaseSync(path)
    try {
      return database.prepare(sql).all().map((row) => String(Object.values(row)[0]))
    } finally {
      database.close()
    }
  }
}

function openProgram(command, ...args) {
  const run = (path, sql) => spawnSync(command, [...args, path, sql], { encoding: 'utf8' })
  if (run(':memory:', 'SELECT 1').status !== 0) return undefined
  return (path, sql) => {
    const { status, stdout, stderr } = run(path, sql)
    if (status !== 0) throw new Error(stderr)
    return stdout.split('\n').filter((line) => line !== '')
  }
}

const openers = {
  'node:sqlite': openBuiltIn,
  'the sqlite3 program': () => openProgram('sqlite3', '-batch'),
  "python3's sqlite3": () => openProgram('python3', '-c', script),
}

async function findEngine() {
  for (const [name, open] of Object.entries(openers)) {
    const query = await open()
    if (query !== undefined) return { name, query }
  }
}

const engine = await findEngine()

/** Undefined where there is no SQLite at all. */
export const engineName = engine?.name

export function createNotes() {
  engine?.query(file, 'CREATE TABLE notes (text TEXT NOT NULL)')
}

export function addNote(text) {
  engine?.query(file, "INSERT INTO notes VALUES ('" + text.replaceAll("'", "''") + "')")
}

export function loadNotes() {
  return engine?.query(file, 'SELECT text FROM notes ORDER BY rowid') ?? []
}
`

const server = `import { createServer } from 'node:http'
import { addNote, loadNotes } from './notes.js'

const server = createServer(async (request, response) => {
  let text = ''
  for await (const piece of request.setEncoding('utf8')) text += piece
  if (request.method === 'POST') addNote(text)
  response.end(JSON.stringify(loadNotes()))
})

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log('listening on ' + server.address().port)
})
`

const seed = `import { mkdirSync } from 'node:fs'
import { addNote, createNotes, engineName } from './notes.js'

mkdirSync('data', { recursive: true })
createNotes()
addNote('welcome')
console.log(engineName ?? 'none')
`

const show = `import { loadNotes } from './notes.js'

console.log(JSON.stringify(loadNotes()))
`

/** What git tracks. */
export const trackedFiles: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "sample", "private": true, "type": "module" }\n',
  'agent-isolate.json': '{ "database": { "path": "data/app.db" } }\n',
  '.gitignore': '.env.local\ndata/\n',
  'notes.js': notes,
  'server.js': server,
  'seed.js': seed,
  'show.js': show,
}

/** The main checkout's own, which git ignores. */
export const localFiles: Readonly<Record<string, string>> = {
  '.env.local': 'PORT=3000\nDATABASE_URL=file:data/app.db\n',
}

/** What the seed puts into the database. */
export const seededNotes = ['welcome']
