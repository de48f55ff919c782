import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { quoteEnvValue, type EnvReader } from '../../lib/env-text/quoting.ts'
import { findSetting } from '../support/setting.ts'
import { createSandbox } from '../support/sandbox.ts'

const readByAll: [value: string, text: string][] = [
  ['20410', '20410'],
  ['', "''"],
  ['/home/me/my project/dev.db', "'/home/me/my project/dev.db'"],
  ['file:./dev.db?mode=ro', 'file:./dev.db?mode=ro'],
  ['postgres://u:p%40@h:5432/d?x=y', 'postgres://u:p%40@h:5432/d?x=y'],
  ['postgres://u:p%40@h:5432/d?x=y#z', "'postgres://u:p%40@h:5432/d?x=y#z'"],
  ['ünïcode ✓ 日本', "'ünïcode ✓ 日本'"],
  ['a#b', "'a#b'"],
  ['a #b', "'a #b'"],
  ['50%', '50%'],
  ['a&b;c|d<e>(f)', "'a&b;c|d<e>(f)'"],
  ['=x=', "'=x='"],
  ['a=b', 'a=b'],
  [' lead and trail ', "' lead and trail '"],
  ["it's", `"it's"`],
  ["it's #1 \\t\\dir", `"it's #1 \\t\\dir"`],
  ["'quoted'", `"'quoted'"`],
  ['say "hi" # really', `'say "hi" # really'`],
  ['{"a":["b",1]}', `'{"a":["b",1]}'`],
  ['C:\\new\\real', `'C:\\new\\real'`],
  ['a`b', "'a`b'"],
  ['~/x', "'~/x'"],
  ['one\ntwo\n\nKEY=three', "'one\ntwo\n\nKEY=three'"],
  ["it's\ntwo lines", `"it's\ntwo lines"`],
  ['$ and $. and $', "'$ and $. and $'"],
]

const readByMost: [value: string, text: string, misreadBy: EnvReader[]][] = [
  ['pa$word', '"pa\\$word"', ['dotenv', 'Node']],
  ["it's ${HOME}", `"it's \\\${HOME}"`, ['dotenv', 'Node']],
  ['{"a":"$b"}', `'{"a":"$b"}'`, ['dotenv-expand', 'Next', 'Vite', 'Bun']],
  ['$(echo ran)', "'$(echo ran)'", ['dotenv-expand']],
  ['C:\\dir\\', "'C:\\dir\\'", ['Bun']],
  [
    `it's "both" \`kinds\``,
    '"it\'s \\"both\\" \\`kinds\\`"',
    ['dotenv', 'dotenv-expand', 'Next', 'Vite', 'Node', 'Deno', 'Bun'],
  ],
  ['a\rb', "'a\rb'", ['dotenv', 'dotenv-expand', 'Next', 'Vite', 'Node', 'Deno', 'Bun']],
]

test('a value is quoted no more than the most particular reader needs', () => {
  for (const [value, text] of readByAll) assert.deepEqual(quoteEnvValue(value), { text, misreadBy: [] })
})

test('where no form suits all, the one that most read right is taken and the others are named', () => {
  for (const [value, text, misreadBy] of readByMost) assert.deepEqual(quoteEnvValue(value), { text, misreadBy })
})

for (const shell of ['sh', 'bash', 'zsh', ...['dash', 'busybox'].filter(isInstalled)]) {
  test(`${shell} reads what was written`, (t) => {
    const args = shell === 'busybox' ? ['sh', '-c'] : ['-c']
    if (!isInstalled(shell)) return skip(t, `there is no ${shell} on this machine`)
    checkReader(t, 'sh', (print) => [shell, ...args, 'set -a; . ./.env.local; exec "$0" "$1"', process.execPath, print])
  })
}

test('node --env-file reads what was written', (t) => {
  checkReader(t, 'Node', (print) => [process.execPath, '--env-file=.env.local', print])
})

for (const [reader, variable] of [
  ['Node', 'AGENT_ISOLATE_TEST_NODE22'],
  ['Node', 'AGENT_ISOLATE_TEST_NODE24'],
  ['Deno', 'AGENT_ISOLATE_TEST_DENO'],
  ['Bun', 'AGENT_ISOLATE_TEST_BUN'],
] as const) {
  test(`the ${reader} of ${variable} reads what was written`, (t) => {
    const program = findSetting(t, variable)
    if (program === undefined) return
    checkReader(t, reader, (print) =>
      reader === 'Bun'
        ? [program, print]
        : [program, ...(reader === 'Deno' ? ['run', '-A'] : []), '--env-file=.env.local', print],
    )
  })
}

const packageReaders: [EnvReader, string][] = [
  ['dotenv', `require('dotenv').parse(readFileSync('.env.local'))`],
  [
    'dotenv-expand',
    `require('dotenv-expand').expand({ parsed: require('dotenv').parse(readFileSync('.env.local')), processEnv: {} }).parsed`,
  ],
  ['Next', `require('@next/env').loadEnvConfig(process.cwd(), true, { info() {}, error() {} }).combinedEnv`],
  ['Vite', `(await import(pathToFileURL(require.resolve('vite')))).loadEnv('development', process.cwd(), 'KEY')`],
]

for (const [reader, expression] of packageReaders) {
  test(`the ${reader} package reads what was written`, (t) => {
    const folder = findSetting(t, 'AGENT_ISOLATE_TEST_READERS')
    if (folder === undefined) return
    const source = `
      import { readFileSync } from 'node:fs'
      import { createRequire } from 'node:module'
      import { pathToFileURL } from 'node:url'
      const require = createRequire(${JSON.stringify(join(folder, 'index.js'))})
      process.stdout.write(JSON.stringify(${expression}))`
    checkReader(t, reader, () => [process.execPath, '--input-type=module', '--eval', source])
  })
}

/** All values that everyone reads right in one file; each of the others alone, since one that is misread may take more along. */
function checkReader(t: TestContext, reader: EnvReader, command: (print: string) => string[]): void {
  const sandbox = createSandbox(t)
  const print = sandbox.write(
    'print.mjs',
    `import process from 'node:process'\nprocess.stdout.write(JSON.stringify(process.env))\n`,
  )
  const odd = readByMost.filter(([, , misreadBy]) => !misreadBy.includes(reader)).map(([value]) => [value])
  for (const [index, values] of [readByAll.map(([value]) => value), ...odd].entries()) {
    const folder = join(sandbox.folder, String(index))
    mkdirSync(folder)
    const lines = [...values, 'last'].map((value, number) => `KEY${number}=${quoteEnvValue(value).text}\n`)
    writeFileSync(join(folder, '.env.local'), lines.join(''))
    const [program = '', ...args] = command(print)
    const output = execFileSync(program, args, { cwd: folder, env: sandbox.env, encoding: 'utf8' })
    const read: Record<string, string> = JSON.parse(output)
    assert.deepEqual(
      [...values, 'last'].map((_, number) => read[`KEY${number}`]),
      [...values, 'last'],
    )
  }
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
}

function skip(t: TestContext, reason: string): void {
  assert.equal(process.env['CI'], undefined, `${reason}: in CI nothing is skipped`)
  t.skip(reason)
}
