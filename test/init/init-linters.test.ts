/** A repository whose linters, formatters and test runners are content stays so: nobody has to tell them about our files. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isThorough } from '../support/rounds.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { findSetting } from '../support/setting.ts'

/** As people have them in their `check` script, with warnings for errors. */
const tools: Readonly<Record<string, readonly string[]>> = {
  eslint: ['.', '--max-warnings=0', '--report-unused-disable-directives'],
  prettier: ['--check', '.'],
  biome: ['ci', '--error-on-warnings', '.'],
  knip: [],
  oxlint: ['--deny-warnings'],
  tsc: [],
  vitest: ['run'],
  jest: [],
}

const packages: Readonly<Record<string, string>> = { biome: '@biomejs/biome', tsc: 'typescript' }

const all = Object.keys(tools)

for (const [style, indent, rows] of [
  // The same files in both scopes, but for those of git.
  ['blanks', '  ', { project: all, local: isThorough ? all : ['eslint', 'prettier', 'biome', 'oxlint'] }],
  // To the others an indent is an indent.
  ['tabs', '\t', { project: isThorough ? all : ['prettier', 'biome'] }],
] as const) {
  test(`indented with ${style}, scope ${Object.keys(rows).join(', then ')}: tools are content after init`, (t) => {
    const folder = findSetting(t, 'AGENT_ISOLATE_TEST_LINTERS')
    if (folder === undefined) return
    const sandbox = createSandbox(t)
    const root = createSample(sandbox, folder, indent)
    for (const [scope, names] of Object.entries(rows)) {
      sandbox.cli(root, 'init', '--yes', '--scope', scope, '--ports', 'api,admin', '--setup', 'npm run generate')
      sandbox.git(root, 'add', '--all')
      assert.ok(existsSync(join(root, '.claude/agent-isolate/agent-isolate')))
      assert.deepEqual(complaints(sandbox, root, folder, names), {}, scope)
    }
  })
}

test('a copy that somebody has had formatted counts as untouched: init leaves it, uninstall takes it out', (t) => {
  const folder = findSetting(t, 'AGENT_ISOLATE_TEST_LINTERS')
  if (folder === undefined) return
  const sandbox = createSandbox(t)
  const root = createSample(sandbox, folder, '  ')
  const before = sandbox.git(root, 'status', '--porcelain', '--ignored')
  sandbox.cli(root, 'init', '--yes', '--delivery', 'source', '--setup', 'npm run generate')
  const copy = join(root, '.claude/agent-isolate')
  const original = readFileSync(join(copy, 'agent-isolate'), 'utf8')
  const style = ['--no-config', '--no-semi', '--single-quote', '--quote-props=consistent', '--tab-width=8']
  runTool(sandbox, root, folder, 'prettier', [...style, '--write', '.'])
  runTool(sandbox, root, folder, 'prettier', [...style, '--parser=babel', '--write', join(copy, 'agent-isolate')])
  assert.notEqual(readFileSync(join(copy, 'agent-isolate'), 'utf8'), original)
  const again = JSON.parse(sandbox.cli(root, 'init', '--yes', '--json'))
  assert.deepEqual([again.outcome, again.kept], ['unchanged', []])
  sandbox.git(root, 'checkout', '--quiet', '.')
  sandbox.cli(root, 'uninstall', '--yes')
  assert.equal(sandbox.git(root, 'status', '--porcelain', '--ignored'), before)
})

/** By tool, what those that are not content say. */
function complaints(sandbox: Sandbox, root: string, folder: string, names: readonly string[]): Record<string, string> {
  const outcomes = names.map((tool) => [tool, runTool(sandbox, root, folder, tool, tools[tool] ?? [])] as const)
  return Object.fromEntries(outcomes.filter(([, said]) => said !== undefined).map(([tool, said = '']) => [tool, said]))
}

/** Undefined when it is content, else the end of what it says. */
function runTool(
  { env }: Sandbox,
  root: string,
  folder: string,
  tool: string,
  args: readonly string[],
): string | undefined {
  const home = join(folder, 'node_modules', packages[tool] ?? tool)
  const { bin }: { bin: string | Record<string, string> } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  const program = join(home, typeof bin === 'string' ? bin : (bin[tool] ?? ''))
  const options = {
    cwd: root,
    env: { ...env, FORCE_COLOR: '0', NODE_OPTIONS: tool === 'jest' ? '--experimental-vm-modules' : '' },
    encoding: 'utf8',
  } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], options)
  return status === 0 ? undefined : (stdout + stderr).slice(-1500)
}

/** Every tool set up as its documentation says, without a word about folders to be left out. */
function createSample(sandbox: Sandbox, folder: string, indent: string): string {
  const isTabs = indent === '\t'
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, indent)}\n`
  const suite = (from: string, path: string): string =>
    `import { expect, test } from "${from}";\nimport { add } from "${path}";\n\n` +
    `test("adds", () => {\n${indent}expect(add(1, 2)).toBe(3);\n});\n`
  const names = [
    ...Object.keys(tools).map((tool) => packages[tool] ?? tool),
    '@eslint/js',
    '@jest/globals',
    'typescript-eslint',
  ]
  const root = sandbox.repository('shop', {
    'package.json': json({
      name: 'shop',
      type: 'module',
      scripts: { start: 'node src/index.js', check: Object.keys(tools).join(' && ') },
      devDependencies: Object.fromEntries(names.toSorted().map((name) => [name, '*'])),
    }),
    '.gitignore': 'node_modules\n',
    '.prettierrc': json({ useTabs: isTabs }),
    'biome.json': json({ formatter: { indentStyle: isTabs ? 'tab' : 'space' } }),
    'tsconfig.json': json({
      compilerOptions: { strict: true, checkJs: true, noEmit: true, module: 'nodenext', types: [], skipLibCheck: true },
    }),
    'jest.config.js': `export default { testMatch: ["**/__tests__/*.js"] };\n`,
    'eslint.config.js': [
      'import js from "@eslint/js";',
      'import tseslint from "typescript-eslint";',
      '',
      'export default tseslint.config(',
      `${indent}js.configs.recommended,`,
      `${indent}tseslint.configs.recommendedTypeChecked,`,
      `${indent}{ languageOptions: { parserOptions: { projectService: true } } },`,
      ');',
      '',
    ].join('\n'),
    'src/add.js': `/** @type {(a: number, b: number) => number} */\nexport const add = (a, b) => a + b;\n`,
    'src/index.js': 'import { add } from "./add.js";\n\nadd(1, 2);\n',
    'src/add.test.js': suite('vitest', './add.js'),
    'src/__tests__/add.js': suite('@jest/globals', '../add.js'),
  })
  symlinkSync(join(folder, 'node_modules'), join(root, 'node_modules'))
  return root
}
