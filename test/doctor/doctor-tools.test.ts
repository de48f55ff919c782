/** Test runners and linters of the main checkout keep to it, once the lines that the doctor names are written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { adviseOnTools } from '../../detect/dev-tools.ts'
import { runCli } from '../support/cli.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { findSetting } from '../support/setting.ts'

type Advice = { id: string; message: string; file: string | null; line: number | null; fix: string | null }

async function findAdvice(sandbox: Sandbox, root: string): Promise<Advice[]> {
  const { stdout } = await runCli(sandbox, root, ['doctor', '--json'])
  const { findings }: { findings: Advice[] } = JSON.parse(stdout)
  return findings.filter(({ id }) => id === 'tools.worktrees')
}

test('Vitest, Jest, ESLint and Biome run on a worktree in progress until the lines that doctor names are written', async (t) => {
  const folder = findSetting(t, 'AGENT_ISOLATE_TEST_LINTERS')
  if (folder === undefined) return
  const sandbox = createSandbox(t)
  const names = ['@biomejs/biome', 'eslint', 'jest', 'oxlint', 'prettier', 'vitest']
  const files: Record<string, string> = {
    'package.json': JSON.stringify({ devDependencies: Object.fromEntries(names.map((name) => [name, '*'])) }),
    '.gitignore': 'node_modules\n.claude/worktrees/\n.env.local\n.agent-isolate/\n',
    'biome.json': '{\n  "formatter": { "enabled": false }\n}\n',
    'eslint.config.mjs':
      'import js from "@eslint/js"\nexport default [\n  { ignores: ["**/*.test.mjs", "**/__tests__/"] },\n  js.configs.recommended,\n]\n',
    'jest.config.json': '{\n  "testMatch": ["**/__tests__/*.js"]\n}\n',
    'vitest.config.mjs': 'export default {\n  test: {\n    globals: true,\n  },\n}\n',
    'src/add.js': 'export const add = (a, b) => a + b\n',
    'src/add.test.mjs': 'test("adds", () => expect(2).toBe(2))\n',
    'src/__tests__/one.js': 'test("counts", () => expect(1).toBe(1))\n',
    'agent-isolate.json': '{ "dependencies": { "node_modules": "symlink" } }\n',
    '.prettierignore': '*.json\n',
  }
  const root = sandbox.repository('shop', files)
  symlinkSync(join(folder, 'node_modules'), join(root, 'node_modules'))
  await runCli(sandbox, root, ['create', 'one'])
  const inner = '.claude/worktrees/one'
  const spoil = (path: string, text: string): void => void sandbox.write(join('shop', inner, path), text)
  spoil('src/broken.js', 'nowhereDefined( \n')
  spoil('src/add.test.mjs', 'test("adds", () => expect(2).toBe(3))\n')
  spoil('src/__tests__/one.js', 'test("counts", () => expect(1).toBe(2))\n')
  const programs: Record<string, string[]> = {
    Vitest: ['vitest/vitest.mjs', 'run'],
    Jest: ['jest/bin/jest.js'],
    ESLint: ['eslint/bin/eslint.js', 'src', '.'],
    Biome: ['@biomejs/biome/bin/biome', 'lint', '.'],
    Prettier: ['prettier/bin/prettier.cjs', '--no-semi', '--list-different', '.'],
    oxlint: ['oxlint/bin/oxlint', '.'],
  }
  const failing = (cwd: string): string[] =>
    Object.entries(programs).flatMap(([name, [program = '', ...args]]) => {
      const command = [join(folder, 'node_modules', program), ...args]
      const { status, stdout, stderr } = spawnSync(process.execPath, command, {
        cwd,
        env: sandbox.env,
        encoding: 'utf8',
      })
      return status === 0 || !(stdout + stderr).includes(inner) ? [] : [name]
    })
  assert.deepEqual(failing(root), ['Vitest', 'Jest', 'ESLint', 'Biome'])
  const advice = await findAdvice(sandbox, root)
  assert.deepEqual(
    advice.map(({ file, line }) => [file, line]),
    [
      ['vitest.config.mjs', 2],
      ['jest.config.json', null],
      ['eslint.config.mjs', 2],
      ['biome.json', 1],
    ],
  )
  // As it says, and where.
  const fixOf = (name: string): string => advice.find(({ message }) => message.startsWith(name))?.fix ?? ''
  const put = (file: string, after: string, line: string): void => {
    const text = readFileSync(join(root, file), 'utf8')
    sandbox.write(join('shop', file), text.replace(after, `${after}\n${line}`))
  }
  const [excluded = '', imported = ''] = fixOf('Vitest').split('\n')
  put('vitest.config.mjs', 'test: {', `${excluded.replace('in "test": ', '')},`)
  sandbox.write(
    'shop/vitest.config.mjs',
    `${imported.replace('at the top: ', '')}\n${readFileSync(join(root, 'vitest.config.mjs'), 'utf8')}`,
  )
  put('jest.config.json', '{', fixOf('Jest'))
  put('eslint.config.mjs', 'export default [', fixOf('ESLint').replace('in the list, as an object by itself: ', ''))
  put('biome.json', '{', `"files": { ${fixOf('Biome').replace('in "files": ', '')} },`)
  assert.deepEqual(failing(root), [])
  assert.deepEqual(await findAdvice(sandbox, root), [])
  for (const name of ['vitest.config.mjs', 'jest.config.json', 'eslint.config.mjs', 'biome.json']) {
    spoil(name, readFileSync(join(root, name), 'utf8'))
  }
  const jest = spawnSync(process.execPath, [join(folder, 'node_modules/jest/bin/jest.js')], {
    cwd: join(root, inner),
    env: sandbox.env,
    encoding: 'utf8',
  })
  assert.match(jest.stderr, /Tests: +1 failed/, 'in the worktree its tests are run')
})

const rows: [title: string, files: Record<string, string>, expected: string[], folder?: string][] = [
  ['nothing that is known', { 'package.json': '{"dependencies": {"react": "19"}}' }, []],
  [
    'no config: the option of the script',
    { 'package.json': '{"devDependencies": {"vitest": "4"}, "scripts": {"test": "vitest run"}}' },
    ["package.json: add to the script that runs it: --exclude '.claude/worktrees/**'"],
  ],
  [
    'a script with that option',
    { 'package.json': '{"devDependencies": {"vitest": "4"}, "scripts": {"test": "vitest --exclude .claude/**"}}' },
    [],
  ],
  [
    'Jest in package.json, with a pattern that would leave no test in a worktree',
    { 'package.json': '{\n"devDependencies": {"jest": "30"},\n"jest": {"testPathIgnorePatterns": ["/.claude/"]}\n}' },
    ['package.json:3 "modulePathIgnorePatterns": ["<rootDir>/.claude/worktrees/"],'],
  ],
  [
    'what reads .gitignore, or is told to',
    {
      'package.json': '{"devDependencies": {"prettier": "3", "@biomejs/biome": "2", "eslint": "10"}}',
      '.gitignore': '/.claude/worktrees/\n',
      'biome.json': '{"vcs": {"enabled": true, "clientKind": "git", "useIgnoreFile": true}}',
      'eslint.config.js': 'export default [includeIgnoreFile(path)]',
    },
    [],
  ],
  [
    'Prettier, without a rule at the top; Biome 1',
    {
      'package.json': '{"devDependencies": {"prettier": "3"}}',
      'biome.json': '{\n"$schema": "https://biomejs.dev/schemas/1.9.4/schema.json",\n"files": {"maxSize": 9}}',
    },
    ['biome.json:1 in "files": "ignore": [".claude/worktrees"]', '.prettierignore: .claude/worktrees/'],
  ],
  [
    'Python: what passes by hidden folders, and what does not',
    {
      'pyproject.toml': '[project]\ndependencies = ["pytest", "mypy", "ruff"]\n',
      '.flake8': '[flake8]\nmax-line-length = 99\n',
    },
    ['.flake8:1 extend-exclude = .claude/worktrees'],
  ],
  [
    'Python, told otherwise',
    {
      'pyproject.toml':
        '[tool.pytest.ini_options]\nnorecursedirs = ["build"]\n[tool.ruff]\nrespect-gitignore = false\n',
    },
    ['pyproject.toml:1 to norecursedirs: .claude/worktrees', 'pyproject.toml:3 extend-exclude = [".claude/worktrees"]'],
  ],
  [
    'a folder that is not hidden',
    { 'tsconfig.json': '{\n"compilerOptions": {}\n}', 'mypy.ini': '[mypy]\nstrict = true\n' },
    ['tsconfig.json:1 "exclude": ["node_modules", "trees"],', 'mypy.ini:1 exclude = ^trees/'],
    'trees',
  ],
  [
    'Next.js takes the outermost lockfile for the top',
    {
      'package.json': '{"dependencies": {"next": "16"}}',
      'package-lock.json': '{}',
      'next.config.mjs': 'const nextConfig = {\n}\nexport default nextConfig\n',
    },
    ['next.config.mjs:1 turbopack: { root: import.meta.dirname }, outputFileTracingRoot: import.meta.dirname,'],
  ],
]

for (const [title, files, expected, folder = '.claude/worktrees'] of rows) {
  test(`tools that run into worktrees: ${title}`, () => {
    const read = (path: string): string | undefined => files[path]
    const found = adviseOnTools({ files: new Set(Object.keys(files)), read, folder })
    const lines = found.map(({ file, line, fix }) => `${file}${line === undefined ? ':' : `:${line}`} ${fix}`)
    assert.deepEqual(lines, expected)
  })
}
