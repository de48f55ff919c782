/**
 * What a variable that every shell has would do to a project's tests: where they would take it for their own, and their
 * set-up then empties development's database, it stays in the env file. Pure, but for the reader that it is given.
 */
import { parseEnvStatements } from '../env-text/syntax.ts'
import type { EnvEntry } from '../env-text/template.ts'

/** The text of a file of the worktree, by its path in it; undefined where there is none. */
export type ReadText = (inner: string) => string | undefined

/** `file`: the env file with the worktree's values; `sqlite`: its own databases; both relative to the worktree. */
export type StackQuestion = { file: string; sqlite: readonly string[]; read: ReadText }

type Stack = {
  isUsed: (read: ReadText) => boolean
  /** Whether tests take the exported key for their own. */
  reachesTests: (key: string, read: ReadText) => boolean
  /** Whether development has the worktree's value without an export, and tests do not. */
  reachesDevelopment: (question: StackQuestion) => boolean
}

/**
 * Not here, since what is exported is right for them: Django, whose tests run in `test_<name>` beside the database of the
 * settings (Django, "Writing and running tests": The test database), and Phoenix, whose config/test.exs reads
 * MIX_TEST_PARTITION alone (`mix phx.new`). Prisma, NestJS, Next and Vite are `dotenv`: each lets the environment win
 * over env files.
 */
export const stacks: Readonly<Record<'rails' | 'laravel' | 'dotenv', Stack>> = {
  // DATABASE_URL takes the place of whatever config/database.yml says for the environment that runs, unless that has a
  // `url` of its own (Rails guides, "Configuring a Database"; tried with ActiveRecord 6.1).
  rails: {
    isUsed: (read) => /^\s*gem\s+["']rails["']/m.test(read('Gemfile') ?? '') && read(databaseYml) !== undefined,
    reachesTests: (key, read) => /^(?:PRIMARY_)?DATABASE_URL$/.test(key) && !hasOwnTestUrl(read(databaseYml) ?? ''),
    reachesDevelopment: ({ file, sqlite, read }) =>
      // dotenv-rails reads neither in tests: https://github.com/bkeepers/dotenv#customizing-rails
      (['.env.local', '.env.development.local'].includes(file) && usesDotenv(read('Gemfile') ?? '')) ||
      sqlite.some((path) => (read(databaseYml) ?? '').includes(path)),
  },
  // phpunit.xml's <env> and .env.testing lose to the environment; .env loses to both (PHPUnit, "The <env> Element";
  // Laravel, "Testing: Environment").
  laravel: {
    isUsed: (read) => read('artisan') !== undefined && /"laravel\/framework"/.test(read('composer.json') ?? ''),
    reachesTests: (key, read) =>
      ['phpunit.xml', 'phpunit.xml.dist'].some((path) => phpunitKeys(read(path) ?? '').includes(key)) ||
      setsKey(read('.env.testing'), key),
    reachesDevelopment: ({ file }) => file === '.env',
  },
  // Whoever has an .env.test loads it, and every loader reads .env elsewhere; .env.local is read by some alone.
  dotenv: {
    isUsed: () => true,
    reachesTests: (key, read) => testFiles.some((path) => setsKey(read(path), key)),
    reachesDevelopment: ({ file }) => file === '.env',
  },
}

/** Where tests have values of their own. */
export const testFiles = ['.env.test', '.env.test.local'] as const

const databaseYml = 'config/database.yml'

/** The entries that shells are not to have: what tests would take for their own, though development has it anyway. */
export function keptFromShells(entries: readonly EnvEntry[], question: StackQuestion): EnvEntry[] {
  const { read } = question
  const used = Object.values(stacks).filter((stack) => stack.isUsed(read) && stack.reachesDevelopment(question))
  return entries.filter(({ key }) => ofDatabase.test(key) && used.some((stack) => stack.reachesTests(key, read)))
}

/** Keys of databases. Of servers the rest is kept from nobody: Next reads PORT from no file. */
export const ofDatabase = /DATABASE|DB|PG|POSTGRES|MYSQL|MARIADB|MONGO|REDIS/

/**
 * Whether the variable says in what mode a program runs, which whoever starts one decides: exported, NODE_ENV makes a
 * development or test build of every build, and Rails and mix run their tests where the variable says.
 */
export function isMode({ key, pieces }: EnvEntry): boolean {
  const value = pieces.map((piece) => (piece.kind === 'reference' ? '' : piece.text)).join('')
  return /^(?:NODE|RAILS|RACK|MIX)_ENV$/.test(key) || isTestMode(key, value)
}

/** Whether it would make a test run of every command. */
export function isTestMode(key: string, value: string): boolean {
  return /^(?:NODE|RAILS|RACK|MIX|APP|FLASK|DJANGO)_ENV$/.test(key) && /^test(?:ing)?$/.test(value)
}

/** The template without the test modes that `main`, the main checkout's env file, does not have; lines keep their numbers. */
export function withoutTestModes(template: string, main = ''): string {
  const own = new Map(parseEnvStatements(main).map(({ assignment }) => [assignment?.key, assignment?.body]))
  return parseEnvStatements(template)
    .map(({ raw, assignment }) =>
      assignment === undefined ||
      !isTestMode(assignment.key, assignment.body) ||
      own.get(assignment.key) === assignment.body
        ? raw
        : `# Left out, as it would hold for every command: ${raw.trimStart()}`,
    )
    .join('')
}

function setsKey(text: string | undefined, key: string): boolean {
  return text !== undefined && parseEnvStatements(text).some(({ assignment }) => assignment?.key === key)
}

/** Whether what stands below `test:` has a `url` that is no comment. */
function hasOwnTestUrl(yml: string): boolean {
  const section = /^test:.*\n((?:[ \t#].*(?:\n|$)|\s*\n)*)/m.exec(yml)?.[1] ?? ''
  return /^[ \t]+url:[ \t]*\S/m.test(section)
}

function usesDotenv(gemfile: string): boolean {
  return /^\s*gem\s+["']dotenv(?:-rails)?["']/m.test(gemfile)
}

function phpunitKeys(xml: string): string[] {
  const text = xml.replace(/<!--[^]*?-->/g, '')
  // An <env> or <server> that is forced wins over what is exported.
  return [...text.matchAll(/<(?:env|server)\s[^>]*>/g)]
    .map(([tag]) => tag)
    .filter((tag) => !/force="true"/.test(tag))
    .flatMap((tag) => /name="([^"]+)"/.exec(tag)?.[1] ?? [])
}
