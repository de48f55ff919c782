/** Whether a variable that the template gives to shells would turn builds into other builds, or tests onto development's database. */
import { join } from 'node:path'
import { isMode, keptFromShells, ofDatabase, stacks, testFiles, type StackQuestion } from '../lib/environment/stacks.ts'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import type { EnvEntry } from '../lib/env-text/template.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import type { Check, Context, Finding } from './check.ts'
import { templateKeys } from './template-keys.ts'

export const stacksCheck: Check = {
  id: 'stacks',
  title: 'Builds and tests',
  run(context) {
    const found = [...findModes(context), ...findTests(context), ...findPartition(context)]
    const message = 'builds and tests keep modes and databases of their own'
    return found.length > 0 ? found : [{ id: 'stacks.ok', severity: 'ok', message }]
  },
}

function findModes({ template = '', project }: Context): Finding[] {
  const file = project.config.environment.template
  return parseEnvStatements(template).flatMap(({ assignment, line }): Finding[] => {
    if (assignment === undefined) return []
    const { key, body } = assignment
    if (!isMode({ key, pieces: [{ kind: 'text', text: body }] })) return []
    const message = `${key} is not given to shells`
    const why = 'It would hold for every command: a build, a server and a test run each want another.'
    return [{ id: 'stacks.mode', severity: 'warning', message, why, fix: `take ${key} out of ${file}`, file, line }]
  })
}

/** What tests would take for their own: kept from shells where development has it anyway, else a finding. */
function findTests(context: Context): Finding[] {
  const question = questionOf(context)
  const { read } = question
  const keys = [...templateKeys(context)]
  const kept = keptFromShells(keys.map(entryOf), question)
  const inDanger = keys.filter((key) => ofDatabase.test(key) && !kept.some((entry) => entry.key === key))
  const reaching = (name: keyof typeof stacks): string[] =>
    stacks[name].isUsed(read) ? inDanger.filter((key) => stacks[name].reachesTests(key, read)) : []
  const isServer = context.project.config.database.provider.startsWith('postgres')
  return [
    ...reaching('rails').map((key) => railsFinding(context, key)),
    ...reaching('laravel').map((key) => laravelFinding(key)),
    ...reaching('dotenv').map((key) => dotenvFinding(context, key, read)),
    ...(isServer && stacks.rails.isUsed(read) && kept.length > 0 ? [sharedTestFinding(context)] : []),
  ]
}

function railsFinding(context: Context, key: string): Finding {
  return {
    id: 'stacks.tests',
    severity: 'error',
    message: `Rails’ tests run on the database in ${key}`,
    why: 'It takes the place of what config/database.yml says for test, and preparing a test database empties it.',
    fix: [
      'in config/database.yml, below test: url: <%= ENV["TEST_DATABASE_URL"] %>',
      ...testLines(context, 'TEST_DATABASE_URL'),
    ].join('\n'),
    file: 'config/database.yml',
  }
}

function laravelFinding(key: string): Finding {
  return {
    id: 'stacks.tests',
    severity: 'error',
    message: `Laravel’s tests run on the database in ${key}`,
    why: 'What is exported wins over phpunit.xml, and RefreshDatabase empties what it finds.',
    fix: 'in agent-isolate.json: "environment": { "file": ".env" }, which Laravel reads and which is not exported then',
    file: 'agent-isolate.json',
  }
}

function dotenvFinding(context: Context, key: string, read: StackQuestion['read']): Finding {
  const file = testFiles.find((path) =>
    stacks.dotenv.reachesTests(key, (each) => (each === path ? read(each) : undefined)),
  )
  const own = `TEST_${key}`
  return {
    id: 'stacks.tests',
    severity: 'warning',
    message: `${key} of ${file ?? '.env.test'} loses to the worktree’s`,
    why: 'What is exported wins over env files: tests run on development’s database.',
    fix: [`start tests with ${key}="$${own}"`, ...testLines(context, own)].join('\n'),
    ...(file === undefined ? {} : { file }),
  }
}

/** dotenv-rails reads it in tests alone. */
function sharedTestFinding(context: Context): Finding {
  const files = '"environment": { "files": { ".env.test.local": { "DATABASE_URL": "$AGENT_TEST_DATABASE_URL" } } }'
  return {
    id: 'stacks.shared-test',
    severity: 'warning',
    message: 'the tests of every worktree share the database of config/database.yml',
    why: 'Two test runs at once empty it under each other.',
    fix: [`in agent-isolate.json: ${files}`, ...testLines(context)].join('\n'),
    file: 'agent-isolate.json',
  }
}

/** What is missing for a test database, and for the variable that names it. */
function testLines(context: Context, key?: string): string[] {
  const { database, environment } = context.project.config
  const hasTest = database.provider !== 'none' && database.hasTest
  return [
    ...(hasTest ? [] : ['in agent-isolate.json, in "database": "test": true']),
    ...(key === undefined || templateKeys(context).has(key)
      ? []
      : [`in ${environment.template}: ${key}="$AGENT_TEST_DATABASE_URL"`]),
  ]
}

/** `mix phx.new` writes it behind the name of the test database. */
function findPartition(context: Context): Finding[] {
  const file = 'config/test.exs'
  const lines = (readIfFile(join(context.root, file)) ?? '').split('\n')
  const line = lines.findIndex((text) => /^(?!\s*#).*MIX_TEST_PARTITION/.test(text)) + 1
  if (line === 0 || templateKeys(context).has('MIX_TEST_PARTITION')) return []
  const message = 'the tests of every worktree share one database'
  const why = 'Two test runs at once empty it under each other.'
  const fix = `in ${context.project.config.environment.template}: MIX_TEST_PARTITION=_$AGENT_SLUG`
  return [{ id: 'stacks.shared-test', severity: 'warning', message, why, fix, file, line }]
}

function questionOf({ root, project }: Context): StackQuestion {
  const { database, environment } = project.config
  return {
    file: environment.file,
    sqlite: database.provider === 'sqlite' ? [database.path].flat() : [],
    read: (inner) => readIfFile(join(root, inner)),
  }
}

function entryOf(key: string): EnvEntry {
  return { key, pieces: [] }
}
