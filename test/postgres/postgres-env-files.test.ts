/** A loader whose env file beats the environment (env-cmd, dotenv's `override`) reaches the worktree's database, never main's. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { createThroughHook } from '../support/hook.ts'
import { noPostgres, shareServer } from '../support/postgres.ts'
import { createServerRepository, createSource } from '../support/postgres-repository.ts'
import { readEnv } from '../support/state.ts'

const skip = noPostgres()
const server = shareServer()

const wipe = `set -a; . ./.env; set +a
psql -qc 'DROP TABLE item' "$DATABASE_URL"
PGPASSWORD=$DB_PASSWORD psql -qc 'CREATE TABLE mark()' -h "$DB_HOST" -p "$DB_PORT" -U "$DB_USER" "$DB_NAME"`

for (const [title, config] of [
  ['carried over', {}],
  ['named in "copy"', { copy: ['.env'], environment: { carry: false } }],
] as const) {
  test(`a script that drops tables in a worktree leaves main's alone: .env is ${title}`, { skip }, async (t) => {
    const { host, port, user, password, url, psql } = server()
    createSource(t, server())
    const { sandbox, root } = createServerRepository(t, server(), { config })
    const parts = { HOST: host, PORT: port, USER: user, PASSWORD: password, NAME: 'shop', TYPE: 'postgres' }
    const lines = Object.entries(parts).map(([key, value]) => `DB_${key}=${value}\n`)
    sandbox.write('shop/.env', `SHOP_URL='${url('shop')}'\nDATABASE_URL="\${SHOP_URL}"\n${lines.join('')}`)
    const worktree = await createThroughHook(sandbox, root, 'one')
    const { code, stderr } = await runCli(sandbox, worktree, ['exec', '--', 'sh', '-c', wipe])
    assert.equal(code, 0, stderr)
    const own = readEnv(join(worktree, '.env'))['DB_NAME'] ?? ''
    assert.match(own, /^agent_/)
    assert.deepEqual(
      [
        psql('shop', 'SELECT count(*) FROM item'),
        psql(own, String.raw`SELECT relname FROM pg_class WHERE relname IN ('item', 'mark')`),
      ],
      ['3', 'mark'],
    )
  })
}
