/** A project with dependencies, its worktree, and the means to prove that the main checkout's are untouched. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { applyDependencies } from '../../lib/dependencies/apply-dependencies.ts'
import { decideDependencies } from '../../lib/dependencies/decide-dependencies.ts'
import type { DependencyDecision, DependencyStrategy } from '../../lib/dependencies/dependency-plan.ts'
import { stopSettling } from '../../lib/dependencies/settle.ts'
import type { Reporter } from '../../lib/report/reporter.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'

export type Checkout = {
  sandbox: Sandbox
  main: string
  worktree: string
  gitFolder: string
  /** All that was reported: `warn: text`. */
  lines: string[]
  decide: (options?: { strategy?: DependencyStrategy; isTrusted?: boolean }) => Promise<DependencyDecision[]>
  apply: (decisions: readonly DependencyDecision[]) => Promise<void>
  /** Writes a file below the main checkout. */
  write: (path: string, content: string) => void
  /** Runs a program in a folder, with the sandbox's environment; throws with its output when it fails. */
  run: (cwd: string, command: string, ...args: string[]) => string
}

/** A repository with `files` and a worktree of it, below `.claude/worktrees` as the hook makes them. */
export function createCheckout(t: TestContext, files: Record<string, string>): Checkout {
  const sandbox = createSandbox(t)
  useEnvironment(t, { ...sandbox.env, npm_config_cache: join(sandbox.folder, 'npm-cache') })
  const main = sandbox.repository('main', { '.gitignore': 'node_modules/\n.venv/\n.claude/\n', ...files })
  const worktree = join(main, '.claude', 'worktrees', 'one')
  sandbox.git(main, 'worktree', 'add', '--quiet', worktree)
  const gitFolder = join(main, '.git', 'worktrees', 'one', 'agent-isolate')
  t.after(() => stopSettling(gitFolder))
  const lines: string[] = []
  const reporter: Reporter = {
    info: (text) => void lines.push(`info: ${text}`),
    warn: (text) => void lines.push(`warn: ${text}`),
    progress: (text) => void lines.push(`progress: ${text}`),
  }
  return {
    sandbox,
    main,
    worktree,
    gitFolder,
    lines,
    decide: ({ strategy = 'auto', isTrusted = false } = {}) =>
      decideDependencies({
        source: main,
        worktree,
        strategies: { node_modules: strategy, '.venv': strategy },
        isTrusted,
      }),
    apply: (decisions) => applyDependencies({ source: main, worktree, gitFolder, decisions, reporter }),
    write: (path, content) => void sandbox.write(join('main', path), content),
    run: (cwd, command, ...args) => runProgram(cwd, command, args),
  }
}

/** Tarballs of small packages, so that npm and others can install for real and offline. */
export const tarballs = ['aa-1.0.0', 'aa-2.0.0', 'bb-1.0.0']

/** A project that npm, bun or pnpm has installed from tarballs in the repository itself. */
export function createInstalled(t: TestContext, install: readonly string[]): Checkout {
  const checkout = createCheckout(t, { 'README.md': '# sample\n' })
  const { main, sandbox, worktree, write, run } = checkout
  mkdirSync(join(main, 'tarballs'))
  for (const name of tarballs) {
    const [short = '', version = ''] = name.split('-')
    const text = JSON.stringify({ name: short, version, main: 'index.js', bin: { [short]: 'index.js' } })
    sandbox.write(`packed/${name}/package/package.json`, text)
    sandbox.write(`packed/${name}/package/index.js`, `#!/usr/bin/env node\nmodule.exports = '${version}'\n`)
    run(join(sandbox.folder, 'packed', name), 'tar', '-czf', join(main, 'tarballs', `${name}.tgz`), 'package')
  }
  const dependencies = { aa: 'file:tarballs/aa-1.0.0.tgz', bb: 'file:tarballs/bb-1.0.0.tgz' }
  write('package.json', JSON.stringify({ name: 'sample', version: '1.0.0', private: true, dependencies }))
  const [command = '', ...args] = install
  run(main, command, ...args)
  sandbox.git(main, 'add', '--all')
  sandbox.git(main, 'commit', '--quiet', '--message=packages')
  sandbox.git(worktree, 'merge', '--quiet', '--ff-only', 'main')
  return checkout
}

/** Lays `count` packages of `files` files each by hand, where only their number matters. */
export function layPackages({ main }: Checkout, count: number, files = 1): void {
  for (let index = 0; index < count; index++) {
    const name = index % 10 === 0 ? `@scope/p${index}` : `p${index}`
    const folder = join(main, 'node_modules', name)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: 'f0.js' }))
    for (let file = 0; file < files; file++) writeFileSync(join(folder, `f${file}.js`), `module.exports = ${index}\n`)
  }
}

/** Every path below a folder with what it is: link target, or mode and hash of the content. */
export function fingerprint(folder: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const whole = join(folder, path)
    const status = lstatSync(whole)
    if (status.isSymbolicLink()) found[path] = `-> ${readlinkSync(whole)}`
    else if (status.isDirectory()) found[path] = 'folder'
    else found[path] = `${status.mode.toString(8)} ${createHash('sha1').update(readFileSync(whole)).digest('hex')}`
  }
  return found
}

/** Waits until the background process has done what it was asked for. */
export async function settled({ gitFolder }: Checkout): Promise<void> {
  await until(() => !existsSync(join(gitFolder, 'settle.json')), 'the background copy to be done')
  await until(
    () => !existsSync(join(gitFolder, 'staging')) || readdirSync(join(gitFolder, 'staging')).length === 0,
    'staging',
  )
}

export async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; !isTrue(); waitedMs += 2) {
    if (waitedMs > 60_000) throw new Error(`waited in vain for ${what}`)
    await sleep(2)
  }
}

/** The path of an optional runtime, put on PATH as `name`; undefined, and the test skipped, where none is named. */
export function requireRuntime(t: TestContext, variable: string): string | undefined {
  const path = process.env[variable]
  if (path !== undefined && statSync(path, { throwIfNoEntry: false }) !== undefined) {
    useEnvironment(t, { PATH: `${dirname(path)}${delimiter}${process.env['PATH'] ?? ''}` })
    return path
  }
  return skipOrFail(t, `${variable} names no program`)
}

/** True where the program starts. */
export function requireProgram(t: TestContext, command: string): boolean {
  if (spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0) return true
  skipOrFail(t, `there is no ${command}`)
  return false
}

/** The environment of this process, which the engine hands to its children, until the test ends. */
export function useEnvironment(t: TestContext, variables: NodeJS.ProcessEnv): void {
  const before = { ...process.env }
  Object.assign(process.env, variables)
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
    Object.assign(process.env, before)
  })
}

function skipOrFail(t: TestContext, reason: string): undefined {
  if (process.env['CI'] !== undefined) throw new Error(reason)
  t.skip(reason)
}

function runProgram(cwd: string, command: string, args: readonly string[]): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
