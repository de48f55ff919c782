/** What else a worktree gets: ports, dependencies, rules, commands. */
import type { Detection } from '../../detect/detect.ts'
import type { DependencyStrategy } from '../../lib/dependencies/dependency-plan.ts'
import { blockSize } from '../../lib/ledger/ports.ts'
import { askChoice, askSubset, askText } from '../prompts.ts'
import { listMigrations } from './migrations.ts'
import { findFault, nothing, oneOf, unless, type Parsed, type Question } from './question.ts'

export const portNames: Question<readonly string[]> = {
  flag: 'ports',
  placeholder: 'NAMES',
  help: 'ports beside PORT: api,admin; or none',
  parse(text) {
    const names = text === nothing ? [] : splitList(text)
    return unless(findPortFault(names), names)
  },
  plain: [],
  suggest: ({ portNames: { names } }) => names,
  ask: {
    async question(values) {
      const message = 'Ports beside PORT, by name, such as api, admin?'
      const check = (text: string): string | undefined => findPortFault(splitList(text))
      return { portNames: splitList(await askText(message, values.portNames.join(', '), check)) }
    },
  },
  config: { key: ['ports', 'names'], read: ({ ports }) => ports.names },
}

/** All of them have to find room in one block, beside `app`. */
function findPortFault(names: readonly string[]): string | undefined {
  const wrong = findFault(['ports', 'names'], names)
  if (wrong !== undefined) return wrong
  return names.length < blockSize ? undefined : `must be ${blockSize - 1} names at most`
}

/** The words between commas and white space. A comma inside braces (`*.{log,tmp}`) belongs to its word. */
export function splitList(text: string): string[] {
  return text.match(/(?:\{[^{}]*\}|[^\s,])+/g) ?? []
}

const strategy = oneOf<DependencyStrategy>(['auto', 'clone', 'install', 'symlink', 'none'])

export const nodeModules: Question<DependencyStrategy> = {
  flag: 'node-modules',
  placeholder: 'HOW',
  help: 'auto, clone, install, symlink or none',
  parse: strategy,
  plain: 'auto',
  ask: {
    when: (_, { hasPackages }) => hasPackages,
    question: async (values) => ({ nodeModules: await askStrategy('node_modules', values.nodeModules) }),
  },
  config: { key: ['dependencies', 'node_modules'], read: ({ dependencies }) => dependencies.node_modules },
}

export const venv: Question<DependencyStrategy> = {
  flag: 'venv',
  placeholder: 'HOW',
  help: 'the same for .venv',
  parse: strategy,
  plain: 'auto',
  ask: {
    when: (_, { hasPython }) => hasPython,
    question: async (values) => ({ venv: await askStrategy('.venv', values.venv) }),
  },
  config: { key: ['dependencies', '.venv'], read: ({ dependencies }) => dependencies['.venv'] },
}

function askStrategy(folder: string, initial: DependencyStrategy): Promise<DependencyStrategy> {
  return askChoice(
    `How does a worktree get its ${folder}?`,
    [
      { value: 'auto', label: 'auto     whatever is fast and safe here' },
      { value: 'clone', label: 'clone    a copy of its own, made from yours' },
      { value: 'install', label: 'install  by the package manager, from the lockfile' },
      { value: 'symlink', label: 'symlink  yours: what an agent installs, you get' },
      { value: 'none', label: 'none     not at all' },
    ],
    initial,
  )
}

/** Of an option that may be repeated. */
function parseAll(_: string, all: readonly string[]): Parsed<string[]> {
  return { value: all.filter((each) => each !== nothing) }
}

const builds = { next: '**/.next/**', nuxt: '**/.nuxt/**', astro: '**/.astro/**' } as const

/** What is installed or built, to be offered. Never a lockfile: a rule on it would also refuse `git add` of it. */
export function listExcludable({ packageManager, python, frameworks }: Detection): string[] {
  return [
    ...(packageManager === undefined ? [] : ['**/node_modules/**']),
    ...(python === undefined ? [] : ['**/.venv/**']),
    ...new Set(frameworks.flatMap(({ id }) => (id === 'next' || id === 'nuxt' || id === 'astro' ? builds[id] : []))),
  ]
}

export const excludePatterns: Question<readonly string[]> = {
  flag: 'exclude',
  placeholder: 'PATTERN',
  help: 'what the agent is not to read; can be repeated; or none',
  parse: parseAll,
  // Whoever has not been asked is not to find that a whole team's agents may not read something.
  plain: [],
  ask: {
    async question(values, context) {
      const offered = [...new Set([...values.excludePatterns, ...context.excludePatterns])]
      if (offered.length === 0) return { excludePatterns: [] }
      const message = 'What is the agent not to read? (more: --exclude PATTERN)'
      return { excludePatterns: await askSubset(message, offered, values.excludePatterns) }
    },
  },
}

export const setup: Question<readonly string[]> = {
  flag: 'setup',
  placeholder: 'COMMAND',
  help: 'run in each new worktree; can be repeated; or none',
  parse: parseAll,
  plain: [],
  suggest: (detection, { provider }) => [
    ...new Set([...detection.generated.map(({ command }) => command), ...listMigrations(detection, provider)]),
  ],
  ask: { question: async ({ provider }, { setupFor }) => ({ setup: await askSetup(setupFor(provider)) }) },
  config: { key: ['setup'], read: (config) => config.setup },
}

/** The defaults one after the other, to be kept, changed or emptied; then others, until there are no more. */
async function askSetup(initial: readonly string[]): Promise<string[]> {
  const kept: string[] = []
  for (const command of initial) kept.push(await askCommand(command))
  for (;;) {
    const another = kept.some((command) => command !== '') ? 'And then?' : 'Run anything in a new worktree?'
    const command = await askText(`${another} (empty: nothing)`, '', () => undefined)
    if (command === '') return kept.filter((each) => each !== '')
    kept.push(command)
  }
}

/** One that no line of a terminal can hold is kept as it is: the last question shows all that will be run. */
async function askCommand(command: string): Promise<string> {
  return /\p{Cc}/u.test(command) ? command : askText('Run in a new worktree?', command, () => undefined)
}
