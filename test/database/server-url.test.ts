import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { targetOf } from '../../lib/database/postgres/client/database-url.ts'
import { requireServerUrl } from '../../lib/database/postgres/server/server-url.ts'

const environment = { template: '.env.agent.template', file: '.env.local' }

function checkout(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'agent-isolate-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const written: readonly [title: string, content: string, password: string | undefined][] = [
  ['bare', 'SHOP_URL=postgres://me:secret@db/shop', 'secret'],
  ['quoted, exported, with a comment', "export SHOP_URL='postgres://me:a b@db/shop' # ours", 'a b'],
  ['in double quotes', 'SHOP_URL="postgresql://me:a#b@db/shop"\n', 'a#b'],
  ['with signs that mean something in a URL', 'SHOP_URL=postgres://me:%25%2F%40%3A@db/shop\n', '%/@:'],
  ['with raw ones', "SHOP_URL='postgres://me:a@b:c?d@db/shop'", 'a@b:c?d'],
  ['with a dollar sign that stands for nothing', "SHOP_URL='postgres://me:a$HOME@db/shop'", 'a$HOME'],
  ['with line ends of Windows', 'OTHER=1\r\nSHOP_URL=postgres://me:secret@db/shop\r\n', 'secret'],
  ['after another one', 'SHOP_URL=postgres://me:old@db/shop\nSHOP_URL=postgres://me:new@db/shop\n', 'new'],
]

for (const [title, content, password] of written) {
  test(`the URL of a server is read from .env: ${title}`, (t) => {
    const url = requireServerUrl(checkout(t, { '.env': content }), { environment }, { url: '$SHOP_URL' }, {})
    const target = targetOf(url, {})
    assert.deepEqual([target.user, target.password, target.host, target.database], ['me', password, 'db', 'shop'])
  })
}

const urlOn = (host: string): string => `postgres://me@${host}/shop`

test("the file of the main checkout wins over .env, and both over the environment, which may be a worktree's", (t) => {
  const hostOf = (files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): string =>
    requireServerUrl(checkout(t, files), { environment }, { url: '$DATABASE_URL' }, env).host
  const local = { '.env.local': `DATABASE_URL=${urlOn('local')}\n` }
  const usual = { '.env': `DATABASE_URL=${urlOn('usual')}\n` }
  assert.equal(hostOf({ ...usual, ...local }, { DATABASE_URL: urlOn('shell') }), 'local')
  assert.equal(hostOf(usual, { DATABASE_URL: urlOn('shell') }), 'usual')
  assert.equal(hostOf({ '.env': 'DATABASE_URL=\n' }, { DATABASE_URL: urlOn('shell') }), 'shell')
})

test('a URL may be put together from several variables, with defaults', (t) => {
  const source = checkout(t, { '.env': 'DB_USER=me\nDB_PASSWORD=secret\n' })
  const url = 'postgres://$DB_USER:${DB_PASSWORD}@${DB_HOST:-localhost}:5433/shop'
  const target = targetOf(requireServerUrl(source, { environment }, { url }, {}))
  assert.deepEqual([target.user, target.password, target.host, target.port], ['me', 'secret', 'localhost', 5433])
})

test('variables in a value of an env file are followed, but not in single quotes', (t) => {
  const source = checkout(t, {
    '.env':
      'PGU=me\nSHOP="postgres://${PGU}:pa$$w@db/shop"\nBARE=postgres://$PGU@db/shop\nQUOTED=\'postgres://me:$PGU@db/x\'\n',
  })
  const read = (url: string): (string | undefined)[] => {
    const { user, password } = targetOf(requireServerUrl(source, { environment }, { url }, {}), {})
    return [user, password]
  }
  assert.deepEqual(read('$SHOP'), ['me', 'pa$$w'])
  assert.deepEqual(read('$BARE'), ['me', undefined])
  assert.deepEqual(read('$QUOTED'), ['me', '$PGU'])
})

test('a variable that is nowhere is named, with the file to set it in', (t) => {
  const source = checkout(t, {})
  const missing = (url: string): IsolateError => {
    try {
      requireServerUrl(source, { environment }, { url }, {})
    } catch (error) {
      if (error instanceof IsolateError) return error
      throw error
    }
    return assert.fail('there is a URL')
  }
  assert.match(missing('$SHOP_URL').message, /\$SHOP_URL, which is set nowhere/)
  assert.ok(missing('$SHOP_URL').hint?.includes(join(source, '.env.local')))
  assert.match(missing('postgres://me:$SECRET@db/shop').message, /\$SECRET, which/)
  assert.match(missing('postgres://${WHO:-me}:$SECRET@db/shop').message, /\$SECRET, which/)
  assert.doesNotMatch(missing('mysql://me:secret@db/shop').message, /secret/)
})
