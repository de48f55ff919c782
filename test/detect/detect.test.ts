import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isEnvFile, parseDatabaseTarget, parseEnvDatabaseUrls } from '../../detect/database.ts'
import { adviseServer, packageFrameworks } from '../../detect/framework.ts'
import { parsePrismaSchema, providerOf } from '../../detect/orm.ts'
import { detectDatabaseSettings } from '../../detect/postgres.ts'
import { parseManifest, parsePnpmWorkspaces } from '../../detect/packages.ts'
import { parseRequirements } from '../../detect/python.ts'
import { detectPrograms, findProgramVersion } from '../../detect/tools.ts'
import { detectRepository, parseListedFiles } from '../../detect/detect.ts'
import { createSandbox } from '../support/sandbox.ts'

test('a monorepo is recognised: packages, servers, databases, compose file, agents', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', {
    '.gitignore': 'node_modules\n*.db\n.env\n',
    'package.json': '{"name": "top", "workspaces": ["apps/*"], "devDependencies": {"prisma": "7"}}',
    'pnpm-lock.yaml': '',
    'pnpm-workspace.yaml': 'packages:\n  - "apps/*"\n',
    'apps/web/package.json': '{"dependencies": {"next": "16"}}',
    'apps/admin/package.json': '{"scripts": {"dev": "vite"}, "devDependencies": {"vite": "8"}}',
    'prisma/schema.prisma': 'datasource db {\n  provider = "sqlite"\n  url = env("DB_URL")\n}\n',
    'prisma/migrations/1_first/migration.sql': '',
    'compose.yaml': 'services:\n  db:\n    image: postgres\n    ports: ["5432:5432"]\n',
    'lefthook.yml': '',
    '.cursor/rules/x.md': '',
    'CLAUDE.md': '',
    'fixtures/words.db': 'not a database',
  })
  sandbox.write('repo/.env', 'DB_URL="postgres://me:secret@db.internal:6543/shop?x=1"\n')
  sandbox.write('repo/prisma/dev.db', `SQLite format 3\0${'x'.repeat(100)}`)
  sandbox.write('repo/node_modules/x/package.json', '{"dependencies": {"express": "5"}}')
  const found = await detectRepository(root)
  assert.deepEqual(found.packageManager, { name: 'pnpm', lockfile: 'pnpm-lock.yaml', execute: 'pnpm exec' })
  assert.deepEqual(found.workspaces.folders.toSorted(), ['apps/admin', 'apps/web'])
  assert.deepEqual(found.frameworks.map(({ id, folder }) => `${id} ${folder}`).toSorted(), [
    'next apps/web',
    'vite apps/admin',
  ])
  assert.equal(found.frameworks.find(({ id }) => id === 'vite')?.portAdvice?.file, 'apps/admin/vite.config.ts')
  const [prisma] = found.orms
  assert.deepEqual(
    [prisma?.provider, prisma?.variable, prisma?.migrate],
    ['sqlite', 'DB_URL', 'pnpm exec prisma migrate deploy'],
  )
  assert.deepEqual(found.databaseUrls, [
    {
      provider: 'postgresql',
      scheme: 'postgres:',
      host: 'db.internal',
      port: 6543,
      database: 'shop',
      line: 1,
      key: 'DB_URL',
      file: '.env',
      isTracked: false,
    },
  ])
  assert.deepEqual(found.sqliteFiles, [{ path: 'prisma/dev.db', isTracked: false }])
  assert.deepEqual(found.compose[0]?.services[0]?.ports, [
    { text: '5432:5432', line: 4, count: 1, published: 5432, target: 5432 },
  ])
  assert.deepEqual([found.agents, found.gitHooks, found.python], [['claude', 'cursor'], 'lefthook', undefined])
  assert.ok(!JSON.stringify(found).includes('secret'))
  assert.ok(found.files.untracked.every((path) => !path.startsWith('node_modules/')))
})

test('a Python project is recognised, and that Django needs its port as an argument', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo', {
    'pyproject.toml': '[project]\ndependencies = [\n  "Django>=5",\n  "psycopg[binary]",\n]\n',
    'uv.lock': '',
    'web/manage.py': 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")\n',
    'web/web/settings.py': 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}\n',
  })
  const { python, frameworks, orms } = await detectRepository(root)
  assert.deepEqual([python?.manager, python?.lockfile, python?.runPrefix], ['uv', 'uv.lock', 'uv run '])
  assert.equal(frameworks[0]?.portAdvice?.line, 'python web/manage.py runserver ${PORT:-8000}')
  assert.equal(orms[0]?.migrate, 'uv run python web/manage.py migrate --noinput')
  assert.equal(orms[0]?.sqliteUrl, 'sqlite:///$AGENT_SQLITE_PATH')
})

test('an empty repository, and one full of nonsense, have nothing to detect and fail nothing', async (t) => {
  const sandbox = createSandbox(t)
  const empty = await detectRepository(sandbox.repository('empty', {}))
  assert.deepEqual([empty.packageManager, empty.frameworks, empty.orms, empty.compose], [undefined, [], [], []])
  const files = Object.fromEntries(
    ['package.json', 'compose.yml', '.env', 'pyproject.toml', 'x.prisma', 'pnpm-workspace.yaml', 'manage.py'].map(
      (name) => [name, '\u0000{"[\n- : : ports'],
    ),
  )
  const { frameworks, databaseUrls } = await detectRepository(sandbox.repository('nonsense', files))
  assert.deepEqual([frameworks, databaseUrls], [[], []])
  await assert.rejects(detectRepository(sandbox.folder), { name: 'IsolateError' })
})

test('programs are found without being started, and tell their version when asked', async (t) => {
  const sandbox = createSandbox(t)
  mkdirSync(join(sandbox.folder, 'docker'))
  // Not beside the real one, where there may be a docker.
  mkdirSync(join(sandbox.folder, 'bin'))
  symlinkSync(process.execPath, join(sandbox.folder, 'bin', 'node'))
  const programs = detectPrograms(sandbox.folder, [sandbox.folder, join(sandbox.folder, 'bin')].join(':'))
  const node = programs.find(({ name }) => name === 'node')
  assert.equal(node && (await findProgramVersion(node.path)), process.versions.node)
  assert.ok(!programs.some(({ name }) => name === 'docker'))
})

test('the list of files is parsed, with each path once', () => {
  assert.deepEqual(parseListedFiles('H a b.ts\0M c\0M c\0? d\0? nested/\0'), {
    tracked: ['a b.ts', 'c'],
    untracked: ['d'],
  })
})

for (const [url, wanted] of [
  ['postgresql://me:p%40ss@localhost:5432/app?schema=public', ['postgresql', 'localhost', 5432, 'app']],
  ['postgresql+asyncpg://localhost/app', ['postgresql', 'localhost', undefined, 'app']],
  ['mysql2://root@127.0.0.1:3306/app', ['mysql', '127.0.0.1', 3306, 'app']],
  ['mongodb://a:1,b:2/app', ['mongodb', 'a', 1, 'app']],
  ['postgres://me:x@$HOST:$PORT/app', ['postgresql', '$HOST', undefined, 'app']],
  ['postgres://[::1]:5432/app', ['postgresql', '[::1]', 5432, 'app']],
  ['file:./dev.db?mode=ro', ['sqlite', undefined, undefined, './dev.db']],
  ['file:/var/dev.db', ['sqlite', undefined, undefined, '/var/dev.db']],
  ['file:///var/dev.db', ['sqlite', undefined, undefined, '/var/dev.db']],
  ['sqlite:///dev.db', ['sqlite', undefined, undefined, 'dev.db']],
  ['sqlite:////var/dev.db', ['sqlite', undefined, undefined, '/var/dev.db']],
  ['sqlite3:db/dev.sqlite3', ['sqlite', undefined, undefined, 'db/dev.sqlite3']],
  ['libsql://shop.turso.io', ['sqlite', 'shop.turso.io', undefined, '']],
  ['https://localhost:3000/app', undefined],
  ['just text', undefined],
] as const) {
  test(`the database URL ${url} is ${wanted === undefined ? 'none' : wanted.join(' ')}`, () => {
    const found = parseDatabaseTarget(url)
    assert.deepEqual(found && [found.provider, found.host, found.port, found.database], wanted)
  })
}

test('database URLs of an env file come with key and line; a file is one only under a key that says so', () => {
  const found = parseEnvDatabaseUrls(
    '# DATABASE_URL=postgres://x/y\nA=1\nDATABASE_URL=file:./dev.db\nLOGO=file:./x.png\n',
  )
  assert.deepEqual(
    found.map(({ key, line }) => [key, line]),
    [['DATABASE_URL', 3]],
  )
  const names = ['.env', 'a/.env.test', '.env.local', '.env.example', '.env.agent.template', 'env', '.envrc']
  assert.deepEqual(names.filter(isEnvFile), ['.env', 'a/.env.test', '.env.local'])
})

test('variables with parts of where the database is are found where a HOST is among them', () => {
  const files: Record<string, string> = {
    '.env.example': 'PGHOST=localhost\nPGPORT=5432\nPGSSLMODE=disable\nPOSTGRES_PASSWORD=x\nPOSTGRES_DB=y\n',
    'shop/settings.py': 'os.environ.get("DB_HOST"); os.environ["DB_NAME"]; os.environ["MY_DB_USER"]',
    '.env.agent.template': 'DATABASE_HOST=x\n',
    'src/db.ts': 'process.env.DATABASE_HOST',
  }
  assert.deepEqual(
    detectDatabaseSettings(Object.keys(files), (path) => files[path]).map(({ key, part }) => `${key} ${part}`),
    ['PGHOST host', 'PGPORT port', 'DB_HOST host', 'DB_NAME name'],
  )
})

for (const [title, scripts, config, isAdvised] of [
  ['no script starts it', { build: 'vite build', test: 'vitest run' }, undefined, undefined],
  ['a script starts it', { dev: 'vite' }, undefined, true],
  ['a script starts it with options', { dev: 'NODE_ENV=x vite --host' }, 'export default {}', true],
  ['its config reads PORT', { dev: 'vite dev' }, 'export default { server: { port: +process.env.PORT } }', undefined],
  ['its config reads PORT in a comment', { dev: 'vite dev' }, '// PORT\nexport default {}', true],
  ['a port that the script fixes beats its config', { dev: 'vite --port 5431' }, undefined, undefined],
  ['the script passes PORT', { dev: 'vite --port ${PORT:-5173}' }, undefined, undefined],
  ['one of two scripts passes PORT', { dev: 'vite --port $PORT', preview: 'vite preview' }, undefined, true],
] as const) {
  test(`Vite is ${isAdvised ? '' : 'not '}told about PORT where ${title}`, () => {
    const file = config === undefined ? undefined : { path: 'vite.config.ts', text: config }
    assert.equal(adviseServer('vite', scripts, file), isAdvised)
  })
}

test('frameworks follow from dependencies', () => {
  const table: [Record<string, string>, string[], string[]][] = [
    [{ next: '16', react: '19' }, [], ['next']],
    [{ astro: '7', vite: '8' }, [], ['astro']],
    [{ '@sveltejs/kit': '2', vite: '8' }, [], ['vite']],
    [{ express: '5', vite: '8' }, [], ['vite', 'node']],
    [{ left: '1' }, ['bun.lock'], ['bun']],
    [{ left: '1' }, [], []],
  ]
  for (const [dependencies, files, wanted] of table) {
    const manifest = parseManifest(JSON.stringify({ dependencies }), '')
    assert.deepEqual(manifest && packageFrameworks(manifest, new Set(files)), wanted, JSON.stringify(dependencies))
  }
})

test('what tools call a database is understood', () => {
  const words = ['postgres', 'postgresql', 'pg', 'sqlite3', 'turso', 'mysql2', 'mariadb', 'mongodb', 'mssql', 'http']
  const wanted = [
    'postgresql',
    'postgresql',
    'postgresql',
    'sqlite',
    'sqlite',
    'mysql',
    'mysql',
    'mongodb',
    'sqlserver',
  ]
  assert.deepEqual(words.map(providerOf), [...wanted, undefined])
  const schema =
    '// datasource x { provider = "mysql" }\ndatasource db {\n  provider = "postgresql"\n  url = env("PG")\n}\n'
  assert.deepEqual(parsePrismaSchema(schema), { provider: 'postgresql', variable: 'PG' })
  assert.equal(parsePrismaSchema('model A { id Int }'), undefined)
})

test('names of Python packages are read from every kind of file', () => {
  assert.deepEqual(parseRequirements('Django==5.2 # web\n# flask\nuvicorn[standard]>=0.3\n-r other.txt\n'), [
    'django',
    'uvicorn',
  ])
  assert.ok(parseRequirements('dependencies = ["Flask_SQLAlchemy>=3", "fastapi"]').includes('flask-sqlalchemy'))
  assert.ok(parseRequirements('[tool.poetry.dependencies]\nflask = "^3"\n').includes('flask'))
})

test('workspaces of pnpm are read without a YAML parser', () => {
  const text = "packages:\n  # all\n  - 'apps/*'\n  - packages/** # and these\n\ncatalog:\n  - no\n"
  assert.deepEqual(parsePnpmWorkspaces(text), ['apps/*', 'packages/**'])
})
