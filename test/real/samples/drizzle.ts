/** Drizzle with SQLite: its migrations run in two worktrees at once. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import type { RealSample } from '../real-sample.ts'
import { json, missingNpm, npmInstall, packages } from '../tools.ts'

export const drizzle: RealSample = {
  name: 'Drizzle with libSQL, migrated in two worktrees at once',
  missing: missingNpm,
  files: {
    '.gitignore': 'node_modules\n.env\n*.db*\n',
    'package.json': json({
      type: 'module',
      scripts: { dev: 'node server.js', migrate: 'drizzle-kit migrate', push: 'drizzle-kit push --force' },
      dependencies: packages('drizzle-orm', '@libsql/client', 'dotenv'),
      devDependencies: packages('drizzle-kit'),
    }),
    'drizzle.config.ts': `import 'dotenv/config'
import { defineConfig } from 'drizzle-kit'
export default defineConfig({
  dialect: 'turso',
  schema: './schema.js',
  out: './drizzle',
  dbCredentials: { url: process.env.DATABASE_URL! },
})
`,
    'schema.js': `import { integer, sqliteTable } from 'drizzle-orm/sqlite-core'
export const item = sqliteTable('item', { id: integer().primaryKey() })
`,
    'drizzle/0000_first.sql': 'CREATE TABLE `item` (`id` integer PRIMARY KEY NOT NULL);\n',
    'drizzle/meta/_journal.json': json({
      version: '7',
      dialect: 'sqlite',
      entries: [{ idx: 0, version: '6', when: 1_750_000_000_000, tag: '0000_first', breakpoints: true }],
    }),
    'server.js': `import 'dotenv/config'
import { createServer } from 'node:http'
import { drizzle } from 'drizzle-orm/libsql'
import { item } from './schema.js'
const db = drizzle(process.env.DATABASE_URL)
createServer(async (_, response) => {
  const rows = await db.select().from(item)
  response.end(JSON.stringify({ cwd: process.cwd(), rows: String(rows.length) }))
}).listen(Number(process.env.PORT || 5467), '127.0.0.1')
`,
    // As an agent on a branch does: a migration of its own, rows of its own.
    'agent.js': `import 'dotenv/config'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createClient } from '@libsql/client'
const journal = readFileSync('drizzle/meta/_journal.json', 'utf8')
const { entries, ...rest } = JSON.parse(journal)
const own = { idx: 1, version: '6', when: 1_760_000_000_000, tag: '0001_own', breakpoints: true }
writeFileSync('drizzle/meta/_journal.json', JSON.stringify({ ...rest, entries: [...entries, own] }))
writeFileSync('drizzle/0001_own.sql', 'ALTER TABLE item ADD note text;')
execFileSync('npm', ['run', 'migrate'], { stdio: ['ignore', 'ignore', 'inherit'] })
const db = createClient({ url: process.env.DATABASE_URL })
await db.execute("insert into item (id, note) values (100, 'agent')")
const { rows } = await db.execute('select count(*) as n from item')
if (Number(rows[0].n) !== 3) throw new Error(JSON.stringify(rows))
`,
    '.env.example': 'DATABASE_URL=file:dev.db\nPORT=5467\n',
  },
  local: () => ({ '.env': 'DATABASE_URL=file:dev.db\nPORT=5467\n' }),
  prepare: (root, { sandbox }) => {
    npmInstall(root, sandbox)
    execFileSync('npm', ['run', 'migrate'], { cwd: root, env: sandbox.env, stdio: 'ignore' })
    execFileSync('sqlite3', [`${root}/dev.db`, 'insert into item values (1), (2)'])
  },
  left: [],
  servers: [
    {
      argv: ['npm', 'run', 'dev'],
      port: 'app',
      mainPort: 5467,
      expect: (answer) => assert.equal(answer['rows'], '2'),
    },
  ],
  checks: [
    { argv: ['node', 'agent.js'] },
    { argv: ['git', 'clean', '--quiet', '--force', 'drizzle'] },
    { argv: ['git', 'checkout', '--quiet', 'drizzle'] },
  ],
  traces: [/^dev\.db-(wal|shm)$/],
}
