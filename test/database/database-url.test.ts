import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import {
  describeTarget,
  parseDatabaseUrl,
  renderDatabaseUrl,
  targetOf,
  withDatabase,
  type PostgresTarget,
} from '../../lib/database/postgres/client/database-url.ts'
import { quoteIdentifier, quoteLiteral } from '../../lib/database/postgres/client/sql-quoting.ts'

const plain: PostgresTarget = {
  host: 'db.example.com',
  port: 5432,
  user: 'u',
  password: 'p',
  database: 'd',
  ssl: 'prefer',
  sslRootCert: undefined,
}

for (const [text, expected] of [
  ['postgresql://u:p@db.example.com:5432/d', {}],
  ['postgres://u:p@db.example.com/d', {}],
  ['POSTGRESQL://u:p@db.example.com/d', {}],
  ['postgresql+psycopg://u:p@db.example.com/d', {}],
  ['postgresql+asyncpg://u:p@db.example.com:/d', {}],
  ['jdbc:postgresql://db.example.com:5432/d?user=u&password=p%26', { password: 'p&' }],
  ['postgresql://u:p@db.example.com/d?schema=public&pgbouncer=true', {}],
  [
    'postgresql://us%40er:p%2F%3A%25%20%C3%A9@db.example.com/d%20e',
    { user: 'us@er', password: 'p/:% é', database: 'd e' },
  ],
  ['postgresql://u:a:b@db.example.com/d', { password: 'a:b' }],
  ['postgresql://u:a@b?c#d@db.example.com/d', { password: 'a@b?c#d' }],
  ['postgresql://u@db.example.com/d', { password: undefined }],
  ['postgresql://u:@db.example.com/d', { password: undefined }],
  ['postgresql://u:p@[::1]:6543/d', { host: '::1', port: 6543 }],
  ['postgresql://u:p@[fe80::1%25eth0]/d', { host: 'fe80::1%eth0' }],
  ['postgresql://u:p@%2Frun%2Fpostgresql:6543/d', { host: '/run/postgresql', port: 6543 }],
  ['postgresql://u:p@/d?host=/run/postgresql', { host: '/run/postgresql' }],
  ['postgresql://u:p@localhost/d?host=%2Frun%2Fpostgresql&port=6543', { host: '/run/postgresql', port: 6543 }],
  ['postgresql:///d?user=u&password=p+', { host: 'localhost', password: 'p+' }],
  ['postgresql://u:p@db.example.com', { database: 'u' }],
  ['postgresql://u:p@db.example.com/?dbname=d', {}],
  ['postgresql://u:p@db.example.com/d?sslmode=disable', { ssl: 'disable' }],
  ['postgresql://u:p@db.example.com/d?sslmode=allow', { ssl: 'prefer' }],
  [
    'postgresql://u:p@db.example.com/d?sslmode=verify-full&sslrootcert=/etc/ca%201.pem',
    { ssl: 'verify-full', sslRootCert: '/etc/ca 1.pem' },
  ],
  ['postgresql://u:p@db.example.com/d?sslmode=no-verify', { ssl: 'require' }],
  ['postgresql://u:p@db.example.com/d?ssl=true', { ssl: 'require' }],
  ['postgresql://u:p@db.example.com/d#note', {}],
] as const satisfies readonly (readonly [string, Partial<PostgresTarget>])[]) {
  test(`${text} is read`, () => {
    assert.deepEqual(targetOf(parseDatabaseUrl(text), {}), { ...plain, ...expected })
  })
}

test('what the URL leaves out comes from the environment, or is the name of the account', () => {
  const url = parseDatabaseUrl('postgresql:///')
  assert.deepEqual(targetOf(url, { PGUSER: 'me', PGPASSWORD: 'mine' }), {
    ...plain,
    host: 'localhost',
    user: 'me',
    password: 'mine',
    database: 'me',
  })
  assert.notEqual(targetOf(url, {}).user, '')
})

test('what else stands in the URL can be looked up', () => {
  const { scheme, parameters } = parseDatabaseUrl(
    'postgresql+psycopg://u:p@h/d?schema=a%20b&pgbouncer=true&flag&schema=c',
  )
  assert.equal(scheme, 'postgresql+psycopg')
  assert.deepEqual(
    [...parameters],
    [
      ['schema', 'c'],
      ['pgbouncer', 'true'],
      ['flag', ''],
    ],
  )
})

for (const [text, message] of [
  ['postgresql://u:s3cret@h1:1,h2:2/d', /several hosts/],
  ['postgresql://u:s3cret@/d?host=h1,h2', /several hosts/],
  ['mysql://u:s3cret@h/d', /not one of PostgreSQL/],
  ['file:./s3cret.db', /not one of PostgreSQL/],
  ['prisma+postgres://h/?api_key=s3cret', /not one of PostgreSQL/],
  ['s3cret', /not one of PostgreSQL/],
  ['', /not one of PostgreSQL/],
  ['postgresql://u:s3cret/x@h/d', /host or port .* cannot be read/],
  ['postgresql://u:s3cret%@h/d', /password .* cannot be read/],
  ['postgresql://u:s3cret%00@h/d', /password .* cannot be read/],
  ['postgresql://u:s3cret@h:70000/d', /port .* cannot be read/],
  ['postgresql://u:s3cret@h:0/d', /port .* cannot be read/],
  ['postgresql://u:s3cret@::1/d', /host or port .* cannot be read/],
  ['postgresql://u:s3cret@h/d?port=s3cret', /port .* cannot be read/],
  ['postgresql://u:s3cret@h/d?sslmode=s3cret', /sslmode/],
] as const) {
  test(`${text} is refused without a word of it`, () => {
    assert.throws(
      () => parseDatabaseUrl(text),
      (error) => {
        assert.ok(error instanceof IsolateError)
        assert.match(error.message, message)
        assert.doesNotMatch(`${error.message} ${error.hint}`, /s3cret/)
        return true
      },
    )
  })
}

for (const [text, expected] of [
  ['postgresql://u:p%41@h:5432/d?schema=public', 'postgresql://u:p%41@h:5432/new%20one?schema=public'],
  ['postgresql+asyncpg://u:a@b?c@h/d', 'postgresql+asyncpg://u:a@b?c@h/new%20one'],
  ['postgres://h', 'postgres://h/new%20one'],
  ['postgres://h?sslmode=disable', 'postgres://h/new%20one?sslmode=disable'],
  ['postgres:///d?host=/run/postgresql#x', 'postgres:///new%20one?host=/run/postgresql#x'],
  ['postgres://h/?a=b&dbname=d&c=d', 'postgres://h/new%20one?a=b&dbname=new%20one&c=d'],
  ['jdbc:postgresql://[::1]:1/d?user=u', 'jdbc:postgresql://[::1]:1/new%20one?user=u'],
] as const) {
  test(`another database in ${text} leaves the rest as it is`, () => {
    const url = parseDatabaseUrl(text)
    assert.equal(withDatabase(url, 'new one'), expected)
    assert.equal(parseDatabaseUrl(withDatabase(url, 'a/b?c&$`$&')).database, 'a/b?c&$`$&')
  })
}

for (const [target, expected] of [
  [plain, 'postgresql://u:p@db.example.com:5432/d'],
  [{ ...plain, password: undefined }, 'postgresql://u@db.example.com:5432/d'],
  [{ ...plain, host: '::1' }, 'postgresql://u:p@[::1]:5432/d'],
  [
    { ...plain, user: 'a@b', password: "$x:/?#[]@!'()*%+ é" },
    'postgresql://a%40b:%24x%3A%2F%3F%23%5B%5D%40%21%27%28%29%2A%25%2B%20%C3%A9@db.example.com:5432/d',
  ],
  [{ ...plain, host: '/run/postgresql' }, 'postgresql://u:p@localhost:5432/d?host=%2Frun%2Fpostgresql'],
  [
    { ...plain, ssl: 'verify-ca', sslRootCert: '/ca.pem' },
    'postgresql://u:p@db.example.com:5432/d?sslmode=verify-ca&sslrootcert=%2Fca.pem',
  ],
] as const satisfies readonly (readonly [PostgresTarget, string])[]) {
  test(`${expected} is rendered, and read as what it was`, () => {
    assert.equal(renderDatabaseUrl(target), expected)
    assert.deepEqual(targetOf(parseDatabaseUrl(expected), {}), target)
  })
}

test('a target is described without its secrets', () => {
  assert.equal(describeTarget(plain), 'db.example.com:5432')
  assert.equal(describeTarget({ ...plain, host: '::1' }), '[::1]:5432')
  assert.equal(describeTarget({ ...plain, host: '/run/postgresql' }), '/run/postgresql:5432')
})

test('names and values are quoted, and a NUL is refused', () => {
  assert.equal(quoteIdentifier('agent_x'), '"agent_x"')
  assert.equal(quoteIdentifier('A "b"'), '"A ""b"""')
  assert.equal(quoteLiteral("it's"), "'it''s'")
  assert.equal(quoteLiteral("a\\'b"), " E'a\\\\''b'")
  assert.equal(quoteLiteral(''), "''")
  for (const quote of [quoteIdentifier, quoteLiteral]) assert.throws(() => quote('a\0b'), /NUL/)
  assert.throws(() => quoteIdentifier(''), /empty/)
})
