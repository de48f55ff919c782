import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOptions, parseGivenAnswers } from '../cli/init-flags.ts'
import { parseArguments } from '../cli/parse-arguments.ts'
import type { Answers } from '../init/answers.ts'
import { wrapText } from '../init/describe-plan.ts'
import { describeDetection } from '../init/describe-detection.ts'
import type { Detection } from '../init/detect.ts'
import { completeAnswers, questionsLeft, splitList } from '../init/given-answers.ts'
import { suggestAnswers } from '../init/suggest-answers.ts'

const defaults: Answers = {
  scope: 'project',
  database: { provider: 'sqlite', path: '.agent-isolate/dev.db', seed: undefined },
  portNames: [],
  dependencies: { node_modules: 'auto', '.venv': 'auto' },
  excludePatterns: ['**/node_modules/**'],
  setup: [],
}

const nothing: Detection = {
  root: '/repo',
  packageManager: undefined,
  workspaces: { patterns: [], folders: [] },
  python: undefined,
  frameworks: [],
  orms: [],
  databaseUrls: [],
  sqliteFiles: [],
  compose: [],
  agents: [],
  gitHooks: undefined,
  programs: [],
  files: { tracked: [], untracked: [] },
}

const npm = { name: 'npm', lockfile: 'package-lock.json', execute: 'npx' } as const
const server = { id: 'vite', title: 'Vite', readsPort: 'no', loadsEnvLocal: 'yes', portAdvice: undefined } as const
const prisma = { id: 'prisma', folder: '', variable: 'DATABASE_URL', sqliteUrl: '' } as const

test('what the command line answers replaces the defaults, and nothing else', () => {
  assert.deepEqual(completeAnswers({}, defaults), defaults)
  assert.deepEqual(completeAnswers({ scope: 'user', setup: ['make'] }, defaults), {
    ...defaults,
    scope: 'user',
    setup: ['make'],
  })
  const none: Answers = { ...defaults, database: { provider: 'none' } }
  assert.deepEqual(completeAnswers({ provider: 'none' }, defaults), none)
  assert.deepEqual(completeAnswers({ seed: 'seed.sql' }, none).database, {
    provider: 'sqlite',
    path: '.agent-isolate/dev.db',
    seed: 'seed.sql',
  })
  const seeded: Answers = { ...defaults, database: { provider: 'sqlite', path: 'a.db', seed: 'seed.db' } }
  assert.deepEqual(completeAnswers({ seed: undefined }, seeded).database, {
    provider: 'sqlite',
    path: 'a.db',
    seed: undefined,
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
    ['database', 'oracle', /^--database must be one of sqlite, none$/],
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
  const all = ['scope', 'database', 'ports', 'node-modules', 'venv', 'exclude', 'setup']
  assert.deepEqual(questionsLeft({}), all)
  assert.deepEqual(questionsLeft({ scope: 'user', path: 'x.db', portNames: [], excludePatterns: [] }), [
    'node-modules',
    'venv',
    'setup',
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
  assert.deepEqual(suggestAnswers(nothing), { ...defaults, excludePatterns: [] })
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
  const { database, setup, excludePatterns } = suggestAnswers(detection)
  assert.deepEqual(database, { provider: 'sqlite', path: 'prisma/dev.db', seed: undefined })
  assert.deepEqual(setup, ['npx prisma migrate deploy'])
  assert.deepEqual(excludePatterns, ['**/node_modules/**'])
  assert.deepEqual(describeDetection(detection), [
    'packages  npm',
    'database  prisma on sqlite, sqlite (DATABASE_URL in .env)',
  ])
})

test('a project on a database server is given no file, and no command that would migrate that server', () => {
  const orms = [{ ...prisma, provider: 'postgresql', migrate: 'npx prisma migrate deploy' }] as const
  const { database, setup } = suggestAnswers({ ...nothing, orms })
  assert.deepEqual([database, setup], [{ provider: 'none' }, []])
})

test('servers in folders of their own get ports by the names of these folders', () => {
  const frameworks = ['apps/web', 'apps/admin-ui', 'apps/admin-ui', 'apps/1st'].map((folder) => ({ ...server, folder }))
  assert.deepEqual(suggestAnswers({ ...nothing, frameworks }).portNames, ['admin_ui'])
  const [detected] = describeDetection({ ...nothing, frameworks })
  assert.equal(detected, 'servers   Vite in apps/web, Vite in apps/admin-ui, Vite in apps/1st')
})

test('a migration is run where its tool is configured', () => {
  const folders = ['packages/db', 'odd folder', '']
  const orms = folders.map(
    (folder) => ({ ...prisma, folder, provider: 'sqlite', migrate: 'npx prisma db push' }) as const,
  )
  assert.deepEqual(suggestAnswers({ ...nothing, orms }).setup, [
    'cd packages/db && npx prisma db push',
    'npx prisma db push',
  ])
})
