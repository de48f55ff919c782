/** A MySQL or MariaDB server that a machine's checkouts share: what each worktree has of it, with a real server. */
import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook, removeThroughHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'
import { startMariadb } from '../support/shared-servers.ts'
import { loadLeases, readEnv, requireLeaseAt } from '../support/state.ts'

function nameIn(worktree: string): string {
  return readEnv(join(worktree, '.env.local'))['DB_NAME'] ?? ''
}

test('worktrees have a database each on the MySQL server, a copy of main’s where asked for, dropped with the worktree', async (t) => {
  const sandbox = createSandbox(t)
  const server = await startMariadb(t, sandbox)
  if (server === undefined) return
  server.sql(`CREATE DATABASE shop CHARACTER SET latin1; CREATE DATABASE agent_of_somebody;
    CREATE TABLE shop.item (id int PRIMARY KEY, name text); INSERT INTO shop.item VALUES (1, 'a'), (2, 'b'), (3, 'c');`)
  const root = sandbox.repository('shop', {
    '.gitignore': '.env\n.env.local\n',
    '.env.agent.template': 'DB_NAME=$AGENT_MYSQL_DB\nMYSQL_URL=$AGENT_MYSQL_URL\n',
    'agent-isolate.json': JSON.stringify({
      database: { provider: 'none' },
      services: { mysql: { kind: 'mysql', url: '$SHOP_URL', seed: true } },
    }),
  })
  writeFileSync(
    join(root, '.env'),
    `SHOP_URL=mysql2://root:secret%20word@127.0.0.1:${server.port}/shop?charset=utf8mb4\n`,
  )
  sandbox.cli(root, 'trust')
  const listOurs = (): string[] =>
    server
      .sql('SHOW DATABASES')
      .split('\n')
      .filter((name) => name.startsWith('agent_'))
  const rows = (name: string): string => server.sql(`SELECT count(*) FROM \`${name}\`.item`)

  const one = await createThroughHook(sandbox, root, 'one')
  const two = await createThroughHook(sandbox, root, 'two')
  assert.match(nameIn(one), /^agent_[0-9a-f]{8}_[0-9a-f]{16}_one$/)
  assert.deepEqual(listOurs(), [nameIn(one), nameIn(two), 'agent_of_somebody'].toSorted())
  const { MYSQL_URL: url = '' } = readEnv(join(one, '.env.local'))
  assert.match(
    url,
    new RegExp(`mysql2://root:secret%20word@127\\.0\\.0\\.1:${server.port}/${nameIn(one)}\\?charset=utf8mb4`),
  )
  assert.deepEqual([rows(nameIn(one)), rows(nameIn(two))], ['3', '3'])
  assert.match(server.sql(`SHOW CREATE DATABASE \`${nameIn(one)}\``), /latin1/)
  server.sql(`DELETE FROM \`${nameIn(one)}\`.item`)
  sandbox.cli(one, 'setup')
  assert.deepEqual([rows(nameIn(one)), rows(nameIn(two)), rows('shop')], ['0', '3', '3'])
  assert.ok(!sandbox.cli(root, 'list', '--json').includes('secret'))

  assert.equal((await removeThroughHook(sandbox, one)).code, 0)
  assert.deepEqual(listOurs(), [nameIn(two), 'agent_of_somebody'].toSorted())
  const second = nameIn(two)
  await server.stop()
  const { code, stderr } = await removeThroughHook(sandbox, two)
  assert.equal(code, 0, stderr)
  assert.match(
    stderr,
    /the mysql database agent_\w+ of two is left for later: the MySQL server localhost:\d+ cannot be used/,
  )
  assert.doesNotMatch(stderr, /secret/)
  assert.ok(!existsSync(two) && requireLeaseAt(sandbox, two).state === 'postponed')
  await server.start()
  assert.ok(listOurs().includes(second))
  sandbox.cli(root, 'gc')
  assert.deepEqual(listOurs(), ['agent_of_somebody'])

  await createThroughHook(sandbox, root, 'lost')
  rmSync(join(sandbox.folder, 'state/leases', `${loadLeases(sandbox)[0]?.block}.json`))
  assert.match(sandbox.cli(root, 'gc'), /removed the database mysql agent_\w+_lost \(localhost:\d+\)/)
  assert.deepEqual(listOurs(), ['agent_of_somebody'])
  assert.equal(rows('shop'), '3')
})
