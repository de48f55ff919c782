import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOptions, parseGivenAnswers } from '../../cli/init-flags.ts'
import { parseArguments } from '../../cli/parse-arguments.ts'
import type { Answers, DatabaseOffers, GivenAnswers, Provider } from '../../init/answers.ts'
import { wrapText } from '../../init/describe-plan.ts'
import { describeDetection } from '../../init/describe-detection.ts'
import type { Detection } from '../../detect/detect.ts'
import { setConfig } from '../../init/config-file.ts'
import { completeAnswers, questionsLeft } from '../../init/given-answers.ts'
import { findVariableFault } from '../../init/questions/database.ts'
import { fitSetup } from '../../init/questions/migrations.ts'
import { splitList } from '../../init/questions/worktree.ts'
import { listExcludable } from '../../init/questions/worktree.ts'
import { namePorts } from '../../detect/port-names.ts'
import { databaseLines } from '../../init/template-database.ts'
import { suggestAnswers, suggestOffers } from '../../init/suggest-answers.ts'

const defaults: Answers = {
  scope: 'project',
  delivery: 'program',
  database: { provider: 'sqlite', path: '.agent-isolate/dev.db', seed: undefined, hasTest: false },
  portNames: [],
  dependencies: { node_modules: 'auto', '.venv': 'auto' },
  excludePatterns: ['**/node_modules/**'],
  setup: [],
  toolIgnores: true,
}

const nothing: Detection = {
  root: '/repo',
  packageManager: undefined,
  workspaces: { patterns: [], folders: [] },
  manifests: [],
  python: undefined,
  frameworks: [],
  orms: [],
  generated: [],
  databaseUrls: [],
  databaseSettings: [],
  databaseParts: [],
  railsDatabases: [],
  emptyDatabaseUrls: [],
  services: [],
  sqliteFiles: [],
  envValues: [],
  servers: [],
  portNames: { compose: {}, names: [], ofPort: new Map(), ofFolder: new Map() },
  compose: [],
  agents: [],
  gitHooks: undefined,
  programs: [],
  files: { tracked: [], untracked: [] },
}

const offers: DatabaseOffers = { image: 'postgres:16-alpine', url: undefined, hasTest: false }
const noDocker = { hasDocker: false }
const npm = { name: 'npm', lockfile: 'package-lock.json', execute: 'npx' } as const
const server = { id: 'vite', title: 'Vite', readsPort: 'no', loadsEnvLocal: 'yes', portAdvice: undefined } as const
const prisma = { id: 'prisma', folder: '', variable: 'DATABASE_URL', sqliteUrl: '' } as const

const complete = (given: GivenAnswers, from: Answers): Answers => completeAnswers(given, from, offers)

test('what the command line answers replaces the defaults, and nothing else', () => {
  assert.deepEqual(complete({}, defaults), defaults)
  assert.deepEqual(complete({ scope: 'user', setup: ['make'] }, defaults), {
    ...defaults,
    scope: 'user',
    setup: ['make'],
  })
  const none: Answers = { ...defaults, database: { provider: 'none' } }
  assert.deepEqual(complete({ provider: 'none' }, defaults), none)
  assert.deepEqual(complete({ seed: 'seed.sql' }, none).database, {
    provider: 'sqlite',
    path: '.agent-isolate/dev.db',
    seed: 'seed.sql',
    hasTest: false,
  })
  const seeded: Answers = {
    ...defaults,
    database: { provider: 'sqlite', path: 'a.db', seed: 'seed.db', hasTest: false },
  }
  assert.deepEqual(complete({ seed: undefined, hasTest: false }, seeded).database, {
    provider: 'sqlite',
    path: 'a.db',
    seed: undefined,
    hasTest: false,
  })
})

const answersTo = (...words: string[]) =>
  parseGivenAnswers(parseArguments('init', words, { texts: [...answerOptions] }))

test('options become answers; --exclude and --setup add up, "none" is none', () => {
  const words = ['--exclude', 'a/**', '--scope', 'local', '--exclude=*.{b,c}', '--setup', 'none', '--seed', 'none']
  assert.deepEqual(answersTo(...words, '--ports', 'api, admin', '--venv', 'install'), {
    scope: 'local',
    seed: undefined,
    portNames: ['api', 'admin'],
    venv: 'install',
    excludePatterns: ['a/**', '*.{b,c}'],
    setup: [],
  })
  assert.deepEqual(answersTo('--ports', 'none'), { portNames: [] })
})

test('a wrong value is named with its option and with what it has to be', () => {
  const table: [string, string, RegExp][] = [
    ['scope', 'everyone', /^--scope must be one of project, local, user$/],
    ['database', 'oracle', /^--database must be one of sqlite, postgres-docker, postgres-server, none$/],
    ['database-path', '../dev.db', /^--database-path must be a relative path inside the repository$/],
    ['seed', '/etc/passwd', /^--seed must be a relative path/],
    ['ports', 'api,App', /^--ports must be a list, each lower-case letters/],
    ['ports', 'a,b,c,d,e,f,g,h,i,j', /^--ports must be 9 names at most$/],
    ['node-modules', 'copy', /^--node-modules must be one of auto, clone/],
    ['venv', 'x', /^--venv must be one of/],
  ]
  for (const [option, value, message] of table) {
    assert.throws(() => answersTo(`--${option}`, value), { message }, `--${option} ${value}`)
  }
  assert.throws(() => answersTo('--database', 'none', '--seed', 'x.db'), {
    message: /--seed makes no sense with --database none/,
  })
})

test('the questions that are left are named by their options', () => {
  const all = ['scope', 'database', 'ports', 'node-modules', 'venv', 'exclude', 'setup', 'tool-ignores']
  assert.deepEqual(questionsLeft({}), all)
  assert.deepEqual(questionsLeft({ scope: 'user', path: 'x.db', portNames: [], excludePatterns: [] }), [
    'node-modules',
    'venv',
    'setup',
    'tool-ignores',
  ])
})

test('a list is split at commas and blanks, not inside braces', () => {
  assert.deepEqual(splitList(' a, b  c,,{d,e}.x '), ['a', 'b', 'c', '{d,e}.x'])
  assert.deepEqual(splitList(''), [])
})

test('long paragraphs are broken between words, lines to copy are not', () => {
  assert.deepEqual(wrapText('one two three\n  four five six seven', 8), ['one two', 'three', '  four five six seven'])
  assert.deepEqual(wrapText('unbreakable', 4), ['unbreakable'])
})

test('with nothing detected the defaults of agent-isolate.json are suggested', () => {
  assert.deepEqual(suggestAnswers(nothing, noDocker), { ...defaults, excludePatterns: [] })
  assert.deepEqual(describeDetection(nothing), [])
})

test('the SQLite file that an env file names is suggested, and its migrations as set-up', () => {
  const detection: Detection = {
    ...nothing,
    packageManager: npm,
    orms: [{ ...prisma, provider: 'sqlite', migrate: 'npx prisma migrate deploy' }],
    databaseUrls: [
      {
        provider: 'sqlite',
        scheme: 'file:',
        host: undefined,
        port: undefined,
        database: './dev.db',
        file: '.env',
        line: 1,
        key: 'DATABASE_URL',
        isTracked: false,
      },
    ],
    sqliteFiles: [
      { path: 'cache.db', isTracked: false },
      { path: 'prisma/dev.db', isTracked: false },
      { path: 'test/dev.db', isTracked: true },
    ],
  }
  const { database, setup, excludePatterns } = suggestAnswers(detection, noDocker)
  assert.deepEqual(database, { provider: 'sqlite', path: 'prisma/dev.db', seed: undefined, hasTest: false })
  assert.deepEqual(setup, ['npx prisma migrate deploy'])
  assert.deepEqual(excludePatterns, [])
  assert.deepEqual(listExcludable(detection), ['**/node_modules/**'])
  assert.deepEqual(describeDetection(detection), [
    'packages  npm',
    'database  prisma on sqlite, sqlite (DATABASE_URL in .env)',
  ])
})

test('a project on a database server is given no file, and no command that would migrate that server', () => {
  const orms = [{ ...prisma, provider: 'postgresql', migrate: 'npx prisma migrate deploy' }] as const
  const { database, setup } = suggestAnswers({ ...nothing, orms }, noDocker)
  assert.deepEqual([database, setup], [{ provider: 'none' }, []])
})

const onPostgres = { ...prisma, provider: 'postgresql', migrate: 'npx prisma migrate deploy' } as const
const composeOf = (image: string) => [
  {
    path: 'compose.yaml',
    services: [{ name: 'db', image, containerName: undefined, ports: [] }],
    sources: [],
    fault: undefined,
  },
]
const urlOf = (key: string, file = '.env', provider: 'postgresql' | 'sqlite' = 'postgresql') => {
  const place = { scheme: 'postgresql:', host: 'localhost', port: 5432, database: 'shop' } as const
  return { ...place, provider, key, file, line: 1, isTracked: false }
}

test('where docker answers, a project that can fill a new PostgreSQL database is given one in a container', () => {
  const hasDocker = { hasDocker: true }
  const database = { provider: 'postgres-docker', isolation: 'database', seed: undefined, hasTest: false }
  const migrating = suggestAnswers({ ...nothing, orms: [onPostgres] }, hasDocker)
  assert.deepEqual(migrating.database, { ...database, image: 'postgres:16-alpine' })
  assert.deepEqual(migrating.setup, ['npx prisma migrate deploy'])
  const composed = suggestAnswers({ ...nothing, compose: composeOf('pgvector/pgvector:pg17') }, hasDocker)
  assert.deepEqual(composed.database, { ...database, image: 'pgvector/pgvector:pg17' })
  const none = [
    suggestAnswers({ ...nothing, orms: [{ ...onPostgres, migrate: undefined }] }, hasDocker),
    suggestAnswers({ ...nothing, databaseUrls: [urlOf('DATABASE_URL')] }, hasDocker),
    suggestAnswers({ ...nothing, compose: composeOf('postgres:16') }, noDocker),
    suggestAnswers({ ...nothing, orms: [onPostgres, { ...onPostgres, id: 'knex', provider: 'mysql' }] }, hasDocker),
  ]
  for (const answers of none) assert.deepEqual([answers.database, answers.setup], [{ provider: 'none' }, []])
})

test('a server whose parts env files name is one like any other, and Rails has all the files of its database.yml', () => {
  const keys = { host: 'DB_HOST', name: 'DB_NAME' }
  const place = { host: 'localhost', port: 5432, database: 'shop', url: 'postgresql://$DB_HOST/$DB_NAME' }
  const parts = { file: '.env', line: 1, provider: 'postgresql', keys, ...place } as const
  const inParts = { ...nothing, databaseParts: [parts] }
  const answers = suggestAnswers(inParts, { hasDocker: false, hasServer: true })
  assert.deepEqual(answers.database, { provider: 'postgres-server', url: place.url, hasTest: false })
  assert.equal(suggestAnswers(inParts, noDocker).database.provider, 'none')
  assert.deepEqual(describeDetection(inParts), ['database  postgresql (DB_HOST in .env)'])
  const elsewhere = { ...nothing, databaseParts: [{ ...parts, file: 'apps/api/.env' }] }
  assert.equal(suggestOffers(elsewhere, 'postgres-server').url, undefined)

  const railsDatabases = ['primary', 'queue'].map((name) => {
    const database = `storage/${name}.sqlite3`
    const where = { file: 'config/database.yml', line: 1, host: undefined, port: undefined, variables: {} }
    return { ...where, environment: 'development', name, provider: 'sqlite', database } as const
  })
  const detection = { ...nothing, railsDatabases }
  const rails = suggestAnswers(detection, noDocker)
  const path = ['storage/primary.sqlite3', 'storage/queue.sqlite3']
  assert.deepEqual(rails.database, { provider: 'sqlite', path, seed: undefined, hasTest: false })
  assert.deepEqual(databaseLines(rails, detection), [], 'what DATABASE_URL says would hold for tests as well')
  const config = setConfig(undefined, 'agent-isolate.json', rails) ?? ''
  assert.deepEqual(JSON.parse(config).database, { path })
  assert.equal(setConfig(config, 'agent-isolate.json', rails), config)
  assert.deepEqual(answersTo('--database-path', path.join()), { path })
})

test('the port of a database that no compose service publishes is no name of a worktree’s own', () => {
  const value = { file: '.env', folder: '', line: 1, scheme: undefined, isTracked: false, isSample: false }
  const envValues = ['DATABASE_PORT', 'API_PORT'].map((key, n) => ({
    ...value,
    key,
    value: `600${n}`,
    ports: [6000 + n],
  }))
  const others = new Set(['DATABASE_PORT'])
  assert.deepEqual(namePorts({ compose: [], envValues, servers: [], others }).names, ['api'])
})

test('the image of the compose file is suggested where it is the official one, or made from it', () => {
  const table: [string, string][] = [
    ['postgres:16', 'postgres:16'],
    ['postgis/postgis:17-3.5', 'postgis/postgis:17-3.5'],
    ['ghcr.io/acme/postgres:15', 'ghcr.io/acme/postgres:15'],
    ['localhost:5000/postgres@sha256:00ff', 'localhost:5000/postgres@sha256:00ff'],
    ['postgres:${PG_VERSION:-15}', 'postgres:15'],
    ['postgres:$PG_VERSION', 'postgres:16-alpine'],
    ['bitnami/postgresql:16', 'postgres:16-alpine'],
    ['prom/postgres-exporter', 'postgres:16-alpine'],
    ['redis', 'postgres:16-alpine'],
  ]
  for (const [image, wanted] of table) {
    const detection = { ...nothing, compose: composeOf(image) }
    assert.equal(suggestOffers(detection, 'postgres-docker').image, wanted, image)
  }
  assert.deepEqual(
    suggestAnswers({ ...nothing, compose: composeOf('prom/postgres-exporter') }, noDocker).database,
    defaults.database,
  )
})

test('the variable of the server is the one that the project reads, never one for tests; that one asks for a second database', () => {
  const urls = [urlOf('TEST_DATABASE_URL'), urlOf('ANALYTICS_URL'), urlOf('PG_URL'), urlOf('DATABASE_URL', 'apps/.env')]
  const found = (...each: ReturnType<typeof urlOf>[]) =>
    suggestOffers({ ...nothing, databaseUrls: each }, 'postgres-server')
  assert.deepEqual(found(...urls), { image: 'postgres:16-alpine', url: '$ANALYTICS_URL', hasTest: true })
  assert.equal(found(...urls, urlOf('DATABASE_URL', '.env.local')).url, '$DATABASE_URL')
  const orms = [{ ...onPostgres, variable: 'PG_URL' }]
  assert.equal(suggestOffers({ ...nothing, orms, databaseUrls: urls }, 'postgres-server').url, '$PG_URL')
  assert.deepEqual(found(urlOf('TEST_DATABASE_URL', '.env', 'sqlite')), { ...offers, hasTest: false })
  assert.equal(found(urlOf('LATEST_URL')).hasTest, false)
})

test('what an option says of a database decides its kind; the rest is suggested, or as it was', () => {
  const choose = (given: GivenAnswers, from = defaults, url?: string) =>
    completeAnswers(given, from, { ...offers, url }).database
  const container = { provider: 'postgres-docker', isolation: 'database', image: 'postgres:16-alpine' } as const
  const plain = { ...container, seed: undefined, hasTest: false }
  assert.deepEqual(choose({ provider: 'postgres-docker' }), plain)
  assert.deepEqual(choose({ image: 'postgis/postgis' }), { ...plain, image: 'postgis/postgis' })
  assert.deepEqual(choose({ isolation: 'container' }), { ...plain, isolation: 'container' })
  assert.deepEqual(choose({ url: '$X' }), { provider: 'postgres-server', url: '$X', hasTest: false })
  const withTest = { provider: 'postgres-server', url: '$DATABASE_URL', hasTest: true } as const
  assert.deepEqual(choose({ provider: 'postgres-server', hasTest: true }, defaults, '$DATABASE_URL'), withTest)
  assert.deepEqual(choose({ provider: 'postgres-docker' }, { ...defaults, database: withTest }), {
    ...plain,
    hasTest: true,
  })
  assert.throws(() => choose({ provider: 'postgres-server' }), { message: /no variable is known/ })
  const installed = { ...container, isolation: 'container', image: 'x', seed: 'db/seed', hasTest: true } as const
  assert.deepEqual(choose({}, { ...defaults, database: installed }), installed)
  assert.deepEqual(choose({ seed: 'db/b.sql' }, { ...defaults, database: installed }), {
    ...installed,
    seed: 'db/b.sql',
  })
  const seeded = { provider: 'sqlite', path: 'a.db', seed: 'dev.db', hasTest: false } as const
  assert.deepEqual(choose({ provider: 'postgres-docker' }, { ...defaults, database: seeded }), plain)
})

test('options of one kind of database are refused with another', () => {
  const table: [string[], RegExp][] = [
    [['--database', 'none', '--test-database', 'yes'], /^--test-database makes no sense with --database none$/],
    [['--database', 'sqlite', '--image', 'postgres:16'], /^--image makes no sense with --database sqlite$/],
    [['--database', 'postgres-server', '--isolation', 'container'], /^--isolation makes no sense with/],
    [['--database', 'postgres-server', '--seed', 'x.sql'], /^--seed makes no sense with/],
    [['--database', 'postgres-docker', '--url-variable', 'X'], /^--url-variable makes no sense with/],
    [['--database-path', 'a.db', '--image', 'x'], /^--database-path makes no sense with --image$/],
    [['--image', '--privileged'], /./],
    [['--image', 'a b'], /^--image must be the name of a container image$/],
    [['--isolation', 'all'], /^--isolation must be one of database, container$/],
    [
      ['--url-variable', 'postgres://u:p@h/d'],
      /^--url-variable must be the name of a variable: a URL, with its password,/,
    ],
    [['--test-database', 'maybe'], /^--test-database must be one of yes, no$/],
  ]
  for (const [words, message] of table) assert.throws(() => answersTo(...words), { message }, words.join(' '))
  assert.deepEqual(answersTo('--image', 'postgres:17', '--seed', 'db', '--test-database', 'yes'), {
    image: 'postgres:17',
    seed: 'db',
    hasTest: true,
  })
  assert.deepEqual(answersTo('--url-variable', 'SHOP_URL'), { url: '$SHOP_URL' })
  assert.deepEqual(
    ['PG_URL', '_x', '1x', '$X', ''].map((name) => findVariableFault(name) === undefined),
    [true, true, false, false, false],
  )
})

test('migrations go with the kind of database; what the user wrote stays', () => {
  const detection = { ...nothing, orms: [onPostgres] }
  const [migrate = ''] = suggestAnswers(detection, { hasDocker: true }).setup
  const move = (setup: string[], from: Provider, to: Provider) => fitSetup(setup, detection, { from, to })
  assert.deepEqual(move(['make'], 'none', 'postgres-server'), ['make', migrate])
  assert.deepEqual(move(['make', migrate], 'postgres-docker', 'none'), ['make'])
  assert.deepEqual(move(['make'], 'postgres-docker', 'postgres-docker'), ['make'])
  assert.deepEqual(move([migrate, 'make'], 'postgres-docker', 'postgres-server'), [migrate, 'make'])
})

test('servers in folders of their own get ports by the names of these folders', () => {
  const frameworks = ['apps/web', 'apps/admin-ui', 'apps/admin-ui', 'apps/1st'].map((folder) => ({ ...server, folder }))
  const servers = ['apps/web', 'apps/admin-ui', 'apps/1st'].map((folder, index) => ({ folder, ports: [3000 + index] }))
  const portNames = namePorts({ compose: [], envValues: [], servers })
  assert.deepEqual(suggestAnswers({ ...nothing, portNames }, noDocker).portNames, ['admin_ui'])
  assert.deepEqual(
    [...portNames.ofPort],
    [
      [3000, 'app'],
      [3001, 'admin_ui'],
    ],
  )
  const [detected] = describeDetection({ ...nothing, frameworks })
  assert.equal(detected, 'servers   Vite in apps/web, Vite in apps/admin-ui, Vite in apps/1st')
})

test('a migration is run where its tool is configured', () => {
  const folders = ['packages/db', 'odd folder', '']
  const orms = folders.map(
    (folder) => ({ ...prisma, folder, provider: 'sqlite', migrate: 'npx prisma db push' }) as const,
  )
  assert.deepEqual(suggestAnswers({ ...nothing, orms }, noDocker).setup, [
    'cd packages/db && npx prisma db push',
    'npx prisma db push',
  ])
})
