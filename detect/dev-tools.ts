/**
 * Test runners, linters and formatters that, run in the main checkout, go into the folder of the worktrees, with the line that
 * keeps each out. Which of them read .gitignore, and which pass by hidden folders, was measured for Biome 2.6, eslint 10, Jest 30,
 * oxlint 1.94, Prettier 3.10 and Vitest 4.1. What is said of Next.js, Biome 1, TypeScript, pytest, Ruff, mypy and flake8 is from their
 * documentation alone. Pure.
 */
import { isObject, parseJson } from '../lib/files/json.ts'
import { parseManifest } from './packages.ts'
import type { ReadFile } from './repository-files.ts'

/** `file` is what to edit, `line` where in it (from 1), undefined where the line can stand anywhere or the file is new. */
export type ToolAdvice = { tool: string; file: string; line: number | undefined; fix: string }

/** What is known of the top of a repository. `folder` is where its worktrees are, relative, with `/` and none at its end. */
export type ToolPlace = { files: ReadonlySet<string>; read: ReadFile; folder: string }

type Tool = {
  name: string
  isUsed: (used: Used) => boolean
  /** Files that configure it, the one that counts first. */
  configs: readonly string[]
  /** Where in the config the line goes: before the first match's next line. */
  anchor: RegExp
  /** Passes by folders whose name begins with a dot. */
  skipsHidden?: true
  /** Left out: it is, where the config names the folder of the worktrees or the one that this lies in. */
  isKeptOut?: (text: string, place: ToolPlace) => boolean
  /** What to write, given the config's text. */
  fix: (folder: string, text: string) => string
  /** The same where there is no config. */
  without: (folder: string) => { file: string; fix: string }
}

/** `packages`: names of the packages and programs that package.json and Python's files ask for, and that scripts name. */
type Used = { has: (name: string) => boolean; files: ReadonlySet<string> }

const scriptEndings = ['js', 'mjs', 'cjs', 'ts', 'mts', 'cts']
const lockfiles = ['package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'bun.lockb']
const eslintRcs = ['js', 'cjs', 'json', 'yml', 'yaml']
const pythonConfigs = ['pytest.ini', 'pyproject.toml', 'tox.ini', 'setup.cfg']

const inScript =
  (option: (folder: string) => string) =>
  (folder: string): { file: string; fix: string } => ({
    file: 'package.json',
    fix: `add to the script that runs it: ${option(folder)}`,
  })

const tools: readonly Tool[] = [
  {
    name: 'Vitest',
    isUsed: ({ has }) => has('vitest'),
    configs: [...withEndings('vitest.config', scriptEndings), ...withEndings('vite.config', scriptEndings)],
    anchor: /\btest\s*:\s*\{/,
    fix: (folder) =>
      `in "test": exclude: [...configDefaults.exclude, '${folder}/**'],\nat the top: import { configDefaults } from 'vitest/config'`,
    without: inScript((folder) => `--exclude '${folder}/**'`),
  },
  {
    name: 'Jest',
    isUsed: ({ has }) => has('jest'),
    configs: [...withEndings('jest.config', [...scriptEndings, 'json']), 'package.json'],
    anchor: /export default|module\.exports|"jest"\s*:\s*\{/,
    // In a worktree every path has the folder's name in it: without <rootDir> no test would be left there.
    isKeptOut: (text, { folder }) => text.includes(`<rootDir>/${topOf(folder)}`),
    fix: (folder, text) =>
      `${isJson(text) ? '"modulePathIgnorePatterns"' : 'modulePathIgnorePatterns'}: ["<rootDir>/${folder}/"],`,
    without: inScript((folder) => `--modulePathIgnorePatterns '<rootDir>/${folder}/'`),
  },
  {
    name: 'ESLint',
    isUsed: ({ has, files }) => has('eslint') && !withEndings('.eslintrc', eslintRcs).some((name) => files.has(name)),
    configs: withEndings('eslint.config', scriptEndings),
    anchor: /export default|module\.exports/,
    isKeptOut: (text, { folder }) => /includeIgnoreFile|\.gitignore/.test(text) || namesTop(text, folder),
    fix: (folder) => `in the list, as an object by itself: { ignores: ['${folder}/'] },`,
    without: inScript((folder) => `--ignore-pattern '${folder}/'`),
  },
  {
    name: 'Biome',
    isUsed: ({ has, files }) => has('@biomejs/biome') || files.has('biome.json') || files.has('biome.jsonc'),
    configs: ['biome.json', 'biome.jsonc'],
    anchor: /"files"\s*:|\{/,
    isKeptOut: (text, { folder }) => /"useIgnoreFile"\s*:\s*true/.test(text) || namesTop(text, folder),
    fix: (folder, text) =>
      /schemas\/1\.|"organizeImports"\s*:\s*\{\s*"enabled"/.test(text)
        ? `in "files": "ignore": ["${folder}"]`
        : `in "files": "includes": ["**", "!${folder}"]`,
    without: (folder) => ({ file: 'biome.json', fix: `{ "files": { "includes": ["**", "!${folder}"] } }` }),
  },
  {
    name: 'Prettier',
    isUsed: ({ has }) => has('prettier'),
    configs: ['.prettierignore'],
    anchor: /$^/,
    isKeptOut: (text, { folder, read }) => ignoresFolder(`${text}\n${read('.gitignore') ?? ''}`, folder),
    fix: (folder) => `${folder}/`,
    without: (folder) => ({ file: '.prettierignore', fix: `${folder}/` }),
  },
  {
    name: 'Next.js',
    isUsed: ({ has, files }) => has('next') && lockfiles.some((name) => files.has(name)),
    configs: withEndings('next.config', scriptEndings),
    anchor: /(?:nextConfig|config)\b[^=\n]*=\s*\{|export default|module\.exports/,
    // It takes the outermost lockfile for the top of the workspace: in a worktree that is the main checkout's.
    isKeptOut: (text) => /outputFileTracingRoot|turbopack\s*:\s*\{[^}]*\broot\b/.test(text),
    fix: (_, text) => {
      const here = /module\.exports/.test(text) ? '__dirname' : 'import.meta.dirname'
      return `turbopack: { root: ${here} }, outputFileTracingRoot: ${here},`
    },
    without: () => ({
      file: 'next.config.mjs',
      fix: 'export default { turbopack: { root: import.meta.dirname }, outputFileTracingRoot: import.meta.dirname }',
    }),
  },
  {
    name: 'TypeScript',
    isUsed: ({ files }) => files.has('tsconfig.json'),
    configs: ['tsconfig.json'],
    anchor: /"exclude"\s*:|\{/,
    skipsHidden: true,
    isKeptOut: (text, { folder }) => /"files"\s*:/.test(text) || /"include"\s*:/.test(text) || namesTop(text, folder),
    fix: (folder) => `"exclude": ["node_modules", "${folder}"],`,
    without: (folder) => ({ file: 'tsconfig.json', fix: `"exclude": ["node_modules", "${folder}"]` }),
  },
  {
    name: 'pytest',
    isUsed: ({ has, files }) => has('pytest') || files.has('pytest.ini'),
    configs: pythonConfigs,
    anchor: /norecursedirs|\[(?:tool\.)?pytest|\[tool:pytest/,
    isKeptOut: (text, { folder }) => {
      const own = /norecursedirs\s*=\s*(\[[^\]]*\]|[^\n]*(?:\n[ \t]+[^\n]*)*)/.exec(text)?.[1]
      const passesHidden = own === undefined || /(?:^|[\s"',[])\.\*/.test(own)
      return (isHidden(folder) && passesHidden) || /\btestpaths\b/.test(text) || namesTop(own ?? '', folder)
    },
    fix: (folder, text) =>
      /norecursedirs/.test(text)
        ? `to norecursedirs: ${folder}`
        : `norecursedirs = .* build dist node_modules venv ${folder}`,
    without: (folder) => ({
      file: 'pytest.ini',
      fix: `[pytest]\nnorecursedirs = .* build dist node_modules ${folder}`,
    }),
  },
  {
    name: 'Ruff',
    isUsed: ({ has, files }) => has('ruff') || files.has('ruff.toml') || files.has('.ruff.toml'),
    configs: ['ruff.toml', '.ruff.toml', 'pyproject.toml'],
    anchor: /respect-gitignore|\[tool\.ruff\]/,
    isKeptOut: (text, { folder }) => !/respect-gitignore\s*=\s*false/.test(text) || namesTop(text, folder),
    fix: (folder) => `extend-exclude = ["${folder}"]`,
    without: (folder) => ({ file: 'ruff.toml', fix: `extend-exclude = ["${folder}"]` }),
  },
  {
    name: 'mypy',
    isUsed: ({ has, files }) => has('mypy') || files.has('mypy.ini'),
    configs: ['mypy.ini', '.mypy.ini', 'pyproject.toml', 'setup.cfg'],
    anchor: /\[(?:tool\.)?mypy\]/,
    skipsHidden: true,
    fix: (folder, text) => (/\[tool\.mypy\]/.test(text) ? `exclude = ["^${folder}/"]` : `exclude = ^${folder}/`),
    without: (folder) => ({ file: 'mypy.ini', fix: `[mypy]\nexclude = ^${folder}/` }),
  },
  {
    name: 'flake8',
    isUsed: ({ has, files }) => has('flake8') || files.has('.flake8'),
    configs: ['.flake8', 'setup.cfg', 'tox.ini'],
    anchor: /\[flake8\]/,
    fix: (folder) => `extend-exclude = ${folder}`,
    without: (folder) => ({ file: '.flake8', fix: `[flake8]\nextend-exclude = ${folder}` }),
  },
]

/** One for each tool that is used and would go into the folder. */
export function adviseOnTools(place: ToolPlace): ToolAdvice[] {
  const used = findUsed(place)
  return tools
    .filter(({ isUsed, skipsHidden }) => isUsed(used) && !(skipsHidden && isHidden(place.folder)))
    .flatMap((tool) => adviseOn(tool, place) ?? [])
}

function adviseOn(tool: Tool, place: ToolPlace): ToolAdvice | undefined {
  const { folder, read } = place
  const found = tool.configs
    .filter((name) => place.files.has(name))
    .map((file) => ({ file, text: read(file) ?? '' }))
    .filter(({ file, text }) => !isShared(file) || tool.anchor.test(text))
  const isKeptOut = tool.isKeptOut ?? ((text: string) => namesTop(text, folder))
  // Where none of them speaks of the tool, the question is what it does by itself.
  const [config] = found
  if (isKeptOut(found.map(({ text }) => text).join('\n'), place) || scriptsNameFolder(tool, place)) return undefined
  if (config === undefined) return { tool: tool.name, line: undefined, ...tool.without(folder) }
  const { file, text } = config
  const line = text.split('\n').findIndex((each) => tool.anchor.test(each)) + 1
  return { tool: tool.name, file, line: line === 0 ? undefined : line, fix: tool.fix(folder, text) }
}

/** A script that keeps the tool out by an option. */
function scriptsNameFolder({ name }: Tool, { read, folder }: ToolPlace): boolean {
  const scripts = Object.values(parseManifest(read('package.json') ?? '', '')?.scripts ?? {})
  return scripts.some((script) => script.toLowerCase().includes(name.toLowerCase()) && namesTop(script, folder))
}

/** Files in which many tools have a part. */
function isShared(file: string): boolean {
  return ['package.json', 'pyproject.toml', 'tox.ini', 'setup.cfg'].includes(file)
}

function findUsed({ files, read }: ToolPlace): Used {
  const manifest = parseManifest(read('package.json') ?? '', '')
  const python = ['pyproject.toml', 'requirements.txt', 'requirements-dev.txt', 'setup.cfg', 'tox.ini', 'Pipfile']
    .map((name) => read(name) ?? '')
    .join('\n')
  const has = (name: string): boolean =>
    manifest?.dependencies.has(name) === true || new RegExp(`(?:^\\W*(?:tool[.:])?|["'])${name}\\b`, 'm').test(python)
  return { has, files }
}

function withEndings(name: string, endings: readonly string[]): string[] {
  return endings.map((ending) => `${name}.${ending}`)
}

function topOf(folder: string): string {
  return folder.split('/', 1)[0] ?? folder
}

function namesTop(text: string, folder: string): boolean {
  return text.includes(topOf(folder))
}

function isHidden(folder: string): boolean {
  return folder.split('/').some((name) => name.startsWith('.'))
}

function isJson(text: string): boolean {
  return isObject(parseJson(text))
}

/** As in gitignore(5), for rules that name the folder, or one above it, whole. */
function ignoresFolder(rules: string, folder: string): boolean {
  const wanted = folder.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'))
  return rules
    .split(/\r?\n/)
    .map((line) =>
      line
        .trim()
        .replace(/^(?:\*\*)?\//, '')
        .replace(/(?:\/\*{0,2})$/, ''),
    )
    .some((line) => wanted.includes(line))
}
