/** The frameworks in use, how each takes its port, and the line that is missing where it would not get it. */
import { posix } from 'node:path'
import { folderOf, type ReadFile } from './repository-files.ts'
import type { Manifest } from './packages.ts'
import type { Python } from './python.ts'

export type FrameworkId =
  'next' | 'vite' | 'astro' | 'nuxt' | 'rails' | 'flask' | 'django' | 'uvicorn' | 'node' | 'bun' | 'deno'

export type Framework = {
  id: FrameworkId
  title: string
  /** Where its package.json (or Gemfile, …) is. */
  folder: string
  /** Whether its development server takes PORT from the process; `program`: as its code says. */
  readsPort: 'yes' | 'no' | 'program'
  /** Whether it reads `.env.local`; `outside-tests`: not where NODE_ENV=test is exported. */
  loadsEnvLocal: 'yes' | 'outside-tests' | 'no'
  /** What to write where, so that it takes PORT; undefined when it does already. */
  portAdvice: PortAdvice | undefined
  /** The variable of its own, beside PORT, that it takes its port from where nothing else passes one. */
  portVariable?: string
}

/** `line` belongs into `file`; where there is no such file yet, it is to be made. */
export type PortAdvice = { file: string; line: string }

/** What a framework does by itself: measured with Next 16, Vite 8, Astro 7, Nuxt 4, Rails 8, Bun 1.4. */
type Kind = Pick<Framework, 'id' | 'title' | 'readsPort' | 'loadsEnvLocal'>

const kinds: Record<FrameworkId, Kind> = {
  next: { id: 'next', title: 'Next.js', readsPort: 'yes', loadsEnvLocal: 'outside-tests' },
  vite: { id: 'vite', title: 'Vite', readsPort: 'no', loadsEnvLocal: 'yes' },
  astro: { id: 'astro', title: 'Astro', readsPort: 'no', loadsEnvLocal: 'yes' },
  nuxt: { id: 'nuxt', title: 'Nuxt', readsPort: 'yes', loadsEnvLocal: 'no' },
  rails: { id: 'rails', title: 'Rails', readsPort: 'yes', loadsEnvLocal: 'no' },
  flask: { id: 'flask', title: 'Flask', readsPort: 'no', loadsEnvLocal: 'no' },
  django: { id: 'django', title: 'Django', readsPort: 'no', loadsEnvLocal: 'no' },
  uvicorn: { id: 'uvicorn', title: 'uvicorn', readsPort: 'no', loadsEnvLocal: 'no' },
  node: { id: 'node', title: 'Node server', readsPort: 'program', loadsEnvLocal: 'no' },
  bun: { id: 'bun', title: 'Bun', readsPort: 'yes', loadsEnvLocal: 'outside-tests' },
  deno: { id: 'deno', title: 'Deno', readsPort: 'program', loadsEnvLocal: 'no' },
}

const nodeServers = ['express', 'fastify', 'koa', '@nestjs/core', 'hono', '@hono/node-server', '@hapi/hapi', 'polka']

/** The environment template, as it is called unless configured otherwise. */
const templateName = '.env.agent.template'

/** `isContained`: a compose file builds and publishes what is started, so that no command need be anywhere else. */
export function detectFrameworks(
  files: readonly string[],
  manifests: readonly Manifest[],
  python: Python | undefined,
  read: ReadFile,
  isContained = false,
): Framework[] {
  const known = new Set(files)
  const fromPackages = manifests.flatMap((manifest) =>
    packageFrameworks(manifest, known).map((id) => ({
      ...kinds[id],
      folder: manifest.folder,
      portAdvice: advisePackage(id, manifest, known, read),
    })),
  )
  return [
    ...fromPackages,
    ...detectDeno(files),
    ...detectRails(files, read),
    ...detectPythonServers(files, python, read, isContained),
  ]
}

/** What a package.json gives away. Vite under another framework is that framework's. */
export function packageFrameworks({ folder, dependencies }: Manifest, files: ReadonlySet<string>): FrameworkId[] {
  const has = (...names: string[]): boolean => names.some((name) => dependencies.has(name))
  const found: FrameworkId[] = []
  if (has('next')) found.push('next')
  if (has('nuxt')) found.push('nuxt')
  if (has('astro')) found.push('astro')
  if (has('vite') && !has('astro', 'nuxt')) found.push('vite')
  if (has(...nodeServers)) found.push('node')
  const isBun = ['bun.lock', 'bun.lockb'].some((name) => files.has(posix.join(folder, name)))
  if (isBun && found.length === 0) found.push('bun')
  return found
}

function advisePackage(
  id: FrameworkId,
  manifest: Manifest,
  files: ReadonlySet<string>,
  read: ReadFile,
): PortAdvice | undefined {
  if (id !== 'vite' && id !== 'astro') return undefined
  const found = configExtensions.map((extension) => posix.join(manifest.folder, `${id}.config.${extension}`))
  const file = found.find((path) => files.has(path))
  return (
    adviseServer(id, manifest.scripts, file === undefined ? undefined : { path: file, text: read(file) ?? '' }) && {
      file: file ?? posix.join(manifest.folder, `${id}.config.ts`),
      line: serverLines[id],
    }
  )
}

const configExtensions = ['ts', 'mts', 'js', 'mjs', 'cjs', 'cts']

const serverLines = {
  vite: 'server: { port: Number(process.env.PORT) || 5173, strictPort: true },',
  astro: 'server: { port: Number(process.env.PORT) || 4321 },',
}

/** Scripts that start such a server: not a build, not a test run. */
const starters = {
  vite: /(?:^|[\s;&|"'])(?:vite|react-router|remix vite:)(?::?dev| dev| serve| preview)?(?=$|\s+-|\s*[;&|"'])/,
  astro: /(?:^|[\s;&|"'])astro (?:dev|start|preview)\b/,
}

/**
 * True when scripts start a server that would not get PORT: neither its config nor the script itself names it. A script's own
 * `--port 3000` beats the config, and is a fixed port like any other. Pure.
 */
export function adviseServer(
  id: 'vite' | 'astro',
  scripts: Readonly<Record<string, string>>,
  config: { path: string; text: string } | undefined,
): true | undefined {
  const starting = Object.values(scripts).filter((script) => starters[id].test(script))
  if (starting.every((script) => /--port[= ]\S/.test(script))) return undefined
  const code = (config?.text ?? '').replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/gm, '')
  return /PORT\b/.test(code) ? undefined : true
}

function detectDeno(files: readonly string[]): Framework[] {
  const config = files.find((path) => /^deno\.jsonc?$/.test(path))
  return config === undefined ? [] : [{ ...kinds.deno, folder: '', portAdvice: undefined }]
}

function detectRails(files: readonly string[], read: ReadFile): Framework[] {
  return files
    .filter((path) => posix.basename(path) === 'Gemfile' && /^\s*gem\s+["']rails["']/m.test(read(path) ?? ''))
    .map((path) => ({ ...kinds.rails, folder: folderOf(path), portAdvice: undefined }))
}

function detectPythonServers(
  files: readonly string[],
  python: Python | undefined,
  read: ReadFile,
  isContained: boolean,
): Framework[] {
  const dependencies = python?.dependencies ?? new Set<string>()
  const manage = files.find((path) => posix.basename(path) === 'manage.py' && /django/i.test(read(path) ?? ''))
  const template = read(templateName) ?? ''
  const commands = commandLines(files, read)
  const found: Framework[] = []
  if (manage !== undefined || dependencies.has('django')) {
    const starting = runserverFile(commands)
    const file = starting ?? 'CLAUDE.md'
    // make reads $$ as the shell's $.
    const port = /makefile$/i.test(file) ? '$${PORT:-8000}' : '${PORT:-8000}'
    const advice = { file, line: `python ${manage ?? 'manage.py'} runserver ${port}` }
    const isFine = passesPort(commands, /\brunserver\b/) || (starting === undefined && isContained)
    const portAdvice = isFine ? undefined : advice
    found.push({ ...kinds.django, folder: manage === undefined ? '' : folderOf(manage), portAdvice })
  }
  for (const [id, variable, command] of environmentServers) {
    if (!dependencies.has(id) && !(id === 'uvicorn' && dependencies.has('fastapi'))) continue
    const isPassed = passesPort(commands, command) || startsItself(files, read, id)
    const isSet = new RegExp(`^\\s*(?:export\\s+)?${variable}=`, 'm').test(template)
    const advice = { file: templateName, line: `${variable}=$AGENT_DYNAMIC_PORT` }
    const portAdvice = isPassed || isSet ? undefined : advice
    // What the template says must not change what it is to say.
    const folder = folderOfPackage(files, id, read)
    found.push({ ...kinds[id], folder, portAdvice, ...(isPassed ? {} : { portVariable: variable }) })
  }
  return found
}

/** Where the package is asked for, the top first. */
function folderOfPackage(files: readonly string[], id: 'flask' | 'uvicorn', read: ReadFile): string {
  const name = id === 'flask' ? /\bflask\b/i : /\b(?:uvicorn|fastapi)\b/i
  const asking = files
    .filter((path) =>
      /^(?:pyproject\.toml|requirements[\w.-]*\.(?:txt|in)|Pipfile|setup\.(?:py|cfg))$/.test(posix.basename(path)),
    )
    .filter((path) => name.test(read(path) ?? ''))
    .toSorted((a, b) => a.split('/').length - b.split('/').length)
  return folderOf(asking[0] ?? '')
}

const environmentServers = [
  ['flask', 'FLASK_RUN_PORT', /\bflask\b.*\brun\b/],
  ['uvicorn', 'UVICORN_PORT', /\b(?:uvicorn|fastapi (?:dev|run))\b/],
] as const

type CommandLine = { file: string; text: string }

/** Lines of the files in which a project says how it is started. */
function commandLines(files: readonly string[], read: ReadFile): CommandLine[] {
  const named =
    /^(?:Procfile(?:\.\w+)?|Makefile|justfile|Taskfile\.ya?ml|package\.json|README\.md|CLAUDE\.md|AGENTS\.md)$/
  return files
    .filter((path) => named.test(posix.basename(path)) || /^(?:bin|scripts?)\/[^/]+$|^[^/]+\.sh$/.test(path))
    .slice(0, mostCommandFiles)
    .flatMap((file) => (read(file) ?? '').split('\n').map((text) => ({ file, text })))
}

const mostCommandFiles = 60

/** Some line starts it with PORT, and where there are several, a line without it is another matter (hard-coded ports). */
function passesPort(lines: readonly CommandLine[], command: RegExp): boolean {
  return lines.some(({ text }) => command.test(text) && /\$[{(]*\w*PORT\b/.test(text))
}

function runserverFile(lines: readonly CommandLine[]): string | undefined {
  return lines.find(({ text }) => /\brunserver\b/.test(text))?.file
}

/** `app.run(port=int(os.environ["PORT"]))` in a file at the top or in one folder below. */
function startsItself(files: readonly string[], read: ReadFile, id: 'flask' | 'uvicorn'): boolean {
  const start = id === 'flask' ? /\bapp\.run\([^)]*PORT/ : /\buvicorn\.run\([^)]*PORT/
  return files
    .filter((path) => path.endsWith('.py') && path.split('/').length <= 3)
    .slice(0, mostCommandFiles)
    .some((path) => start.test(read(path) ?? ''))
}
