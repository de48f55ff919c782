/** A small application on PostgreSQL, with migrations and with tests that empty its tables, as such projects have them. */

/** Nothing in it knows of agent-isolate: it reads DATABASE_URL. It needs psql on PATH. */
export const shopFiles: Readonly<Record<string, string>> = {
  '.gitignore': '.env\n.env.local\n',
  'db.mjs': `import { execFileSync } from 'node:child_process'
export const sql = (text) =>
  execFileSync('psql', ['-XqtA', '-v', 'ON_ERROR_STOP=1', '-c', text, process.env.DATABASE_URL], { encoding: 'utf8' }).trim()
`,
  'migrate.mjs': `import { readdirSync, readFileSync } from 'node:fs'
import { sql } from './db.mjs'
sql('CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)')
const done = new Set(sql('SELECT name FROM migrations').split('\\n'))
for (const name of readdirSync('migrations').sort()) {
  if (!done.has(name)) sql(\`BEGIN; \${readFileSync('migrations/' + name, 'utf8')}; INSERT INTO migrations VALUES ('\${name}'); COMMIT\`)
}
`,
  'migrations/1-orders.sql': 'CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY, item text NOT NULL)\n',
  'orders.test.mjs': `import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { sql } from './db.mjs'
beforeEach(() => sql('TRUNCATE orders RESTART IDENTITY'))
for (const count of [1, 3]) {
  test(\`\${count} orders are \${count} orders\`, () => {
    for (let order = 1; order <= count; order++) sql("INSERT INTO orders (item) VALUES ('tea')")
    assert.equal(sql('SELECT count(*) FROM orders'), String(count))
    assert.equal(sql('SELECT max(id) FROM orders'), String(count))
  })
}
`,
}

/** What an agent does over and over: migrate, then run the tests. */
export const shopCheck = ['/bin/sh', '-c', 'node migrate.mjs && node --test orders.test.mjs'] as const
