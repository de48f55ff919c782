import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OwnPostgres } from '../../lib/environment/own-postgres.ts'
import type { OwnValues } from '../../lib/environment/own-values.ts'
import { rewriteFile } from '../../lib/environment/rewrite-env-file.ts'

const place = { host: 'localhost', port: 5432, database: 'shop' }
const login = { user: 'me', password: 'pw', ssl: 'prefer' } as const

/** On main's server, with a database for tests. */
const onServer: OwnPostgres = {
  own: { ...place, ...login, database: 'agent_x' },
  test: { ...place, ...login, database: 'agent_x_test' },
  mains: [place],
  isOnMainServer: true,
}

/** In a container of its own, with none for tests. */
const inContainer: OwnPostgres = {
  own: { host: '127.0.0.1', port: 20411, user: 'postgres', password: 's3', database: 'app', ssl: 'prefer' },
  test: undefined,
  mains: [],
  isOnMainServer: false,
}

function own(postgres: OwnPostgres | undefined): OwnValues {
  return {
    main: '/home/me/shop',
    worktree: '/home/me/shop/.claude/worktrees/x',
    ports: new Map([
      ['3000', 20410],
      ['4000', 20412],
      ['6379', 20413],
    ]),
    paths: new Map([['/home/me/shop/prisma/seed.db', '/home/me/shop/.claude/worktrees/x/.agent-isolate/dev.db']]),
    postgres,
  }
}

const ports: [title: string, before: string, after: string][] = [
  ['a port', 'PORT=3000\n', 'PORT=20410\n'],
  [
    'in its quotes, with its comment and line end',
    `export A_PORT = "4000" # four\r\n`,
    `export A_PORT = "20412" # four\r\n`,
  ],
  ['of a key that is named after a port alone', 'TIMEOUT=3000\nserverPort=4000', 'TIMEOUT=3000\nserverPort=20412'],
  ['not another number', 'PORT=30000\nPORT_2=8080\n', 'PORT=30000\nPORT_2=8080\n'],
  ['URLs', 'A=http://localhost:4000/v1?x=3000\n', 'A=http://localhost:20412/v1?x=3000\n'],
  [
    'every one of a list',
    `A='http://127.0.0.1:3000,http://[::1]:4000'`,
    `A='http://127.0.0.1:20410,http://[::1]:20412'`,
  ],
  ['names below localhost', 'A=http://api.localhost:4000', 'A=http://api.localhost:20412'],
  ['an address to listen on', 'ADDR=:3000\nB=0.0.0.0:4000\n', 'ADDR=:20410\nB=0.0.0.0:20412\n'],
  ['with a login', 'REDIS_URL=redis://:pw@localhost:6379/0', 'REDIS_URL=redis://:pw@localhost:20413/0'],
  [
    'not of another machine',
    'A=http://shop.dev:3000\nB=http://mylocalhost:3000\n',
    'A=http://shop.dev:3000\nB=http://mylocalhost:3000\n',
  ],
  ['not of a service in a container', 'REDIS_HOST=redis\nREDIS_PORT=6379\n', 'REDIS_HOST=redis\nREDIS_PORT=6379\n'],
  [
    'of a host that is this machine',
    'REDIS_HOST=127.0.0.1\nREDIS_PORT=6379\n',
    'REDIS_HOST=127.0.0.1\nREDIS_PORT=20413\n',
  ],
  ['references stay', 'PORT=3000\nA=http://localhost:${PORT}\n', 'PORT=20410\nA=http://localhost:${PORT}\n'],
  ['comments stay', '# PORT=3000\n', '# PORT=3000\n'],
  ['behind a byte order mark', '\uFEFFPORT=3000\n', '\uFEFFPORT=20410\n'],
  [
    'paths',
    'A=/home/me/shop/data\nB="file:///home/me/shop"\n',
    'A=/home/me/shop/.claude/worktrees/x/data\nB="file:///home/me/shop/.claude/worktrees/x"\n',
  ],
  [
    'not of siblings',
    'A=/home/me/shop2\nB=/home/me/shop/.claude/worktrees/y/a\nC=/mnt/home/me/shop\nD=/home/me/shop/.git/x\n',
    'A=/home/me/shop2\nB=/home/me/shop/.claude/worktrees/y/a\nC=/mnt/home/me/shop\nD=/home/me/shop/.git/x\n',
  ],
  [
    'a seed’s',
    'A=file:/home/me/shop/prisma/seed.db?mode=rwc',
    'A=file:/home/me/shop/.claude/worktrees/x/.agent-isolate/dev.db?mode=rwc',
  ],
  ['relative ones stay', 'A=file:./dev.db\n', 'A=file:./dev.db\n'],
  [
    'without PostgreSQL nothing is guessed',
    'A=postgresql://me@localhost:5432/shop\nPGPORT=5432',
    'A=postgresql://me@localhost:5432/shop\nPGPORT=5432',
  ],
]

for (const [title, before, after] of ports) {
  test(`the worktree's own in an env file: ${title}`, () => {
    assert.equal(rewriteFile('a/.env', before, own(undefined)).text, after)
  })
}

const databases: [title: string, path: string, before: string, server: string, container: string][] = [
  [
    'a URL',
    '.env',
    'A="postgresql+asyncpg://u:p@127.0.0.1/shop?schema=public" # main\n',
    'A="postgresql+asyncpg://u:p@127.0.0.1/agent_x?schema=public" # main\n',
    'A="postgresql+asyncpg://postgres:s3@127.0.0.1:20411/app?schema=public" # main\n',
  ],
  [
    'parts',
    '.env',
    'POSTGRES_SERVER=localhost\nPOSTGRES_DB=shop\nPOSTGRES_USER=u\nPOSTGRES_PASSWORD="p"\n',
    'POSTGRES_SERVER=localhost\nPOSTGRES_DB=agent_x\nPOSTGRES_USER=u\nPOSTGRES_PASSWORD="p"\n',
    'POSTGRES_SERVER=127.0.0.1\nPOSTGRES_DB=app\nPOSTGRES_PORT=20411\nPOSTGRES_USER=postgres\nPOSTGRES_PASSWORD="s3"\n',
  ],
  [
    'a URL made of parts',
    '.env',
    'DB_TYPE=postgres\nDB_PORT=5432\nDB_NAME=shop\nDB_USER=u\nDB_PASS=p\nA=postgres://${DB_USER}:${DB_PASS}@localhost:${DB_PORT}/${DB_NAME}\n',
    'DB_TYPE=postgres\nDB_PORT=5432\nDB_NAME=agent_x\nDB_USER=u\nDB_PASS=p\nA=postgres://${DB_USER}:${DB_PASS}@localhost:${DB_PORT}/${DB_NAME}\n',
    'DB_TYPE=postgres\nDB_PORT=20411\nDB_NAME=app\nDB_USER=postgres\nDB_PASS=s3\nA=postgres://${DB_USER}:${DB_PASS}@localhost:${DB_PORT}/${DB_NAME}\n',
  ],
  [
    'a reference in a URL that names main’s',
    '.env',
    'PW=p\nA=postgres://u:${PW}@localhost:5432/shop\n',
    'PW=p\nA=postgres://u:p@localhost:5432/agent_x\n',
    'PW=p\nA=postgres://postgres:s3@127.0.0.1:20411/app\n',
  ],
  [
    'libpq’s',
    '.env',
    'PGHOST=localhost\nPGPORT=5432\nPGDATABASE=shop\n',
    'PGHOST=localhost\nPGPORT=5432\nPGDATABASE=agent_x\n',
    'PGHOST=127.0.0.1\nPGPORT=20411\nPGDATABASE=app\n',
  ],
  ['a last line without an end', '.env', 'PG_DB=shop', 'PG_DB=agent_x', 'PG_DB=app\nPG_PORT=20411\n'],
  ['another sort', '.env', 'DB_CONNECTION=mysql\nDB_NAME=shop\nDB_PORT=3306\n', '', ''],
  ['in a container', '.env', 'POSTGRES_HOST=db\nPOSTGRES_DB=shop\nA=postgres://u@db:5432/shop\n', '', ''],
  ['another machine', '.env', 'A=postgres://u@db.example.com/shop\n', '', ''],
]

for (const [title, path, before, server, container] of databases) {
  test(`main's database in an env file becomes the worktree's: ${title}`, () => {
    assert.equal(rewriteFile(path, before, own(onServer)).text, server || before)
    assert.equal(rewriteFile(path, before, own(inContainer)).text, container || before)
    const again = rewriteFile(path, server || before, own(onServer))
    assert.deepEqual([again.text, again.changes], [server || before, []], 'a second time changes nothing')
  })
}

test('a database for tests becomes the worktree’s for tests; without one it stays, and is named', () => {
  const text = 'DATABASE_URL=postgres://u@localhost:5432/shop_test\n'
  assert.equal(rewriteFile('.env.test', text, own(onServer)).text, text.replace('shop_test', 'agent_x_test'))
  const { text: left, kept } = rewriteFile('.env.test', text, own({ ...onServer, test: undefined }))
  assert.deepEqual([left, kept], [text, ['DATABASE_URL']])
})
