/** A temporary world for one test: a HOME, a state folder and repositories of its own, removed when the test ends. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

export type Sandbox = {
  folder: string
  /** Environment for child processes: HOME and AGENT_ISOLATE_HOME inside the sandbox, git made independent of the machine. */
  env: NodeJS.ProcessEnv
  /** Writes a file below the sandbox, with its folders. Returns its path. */
  write: (path: string, content: string) => string
  /** A repository `name` below the sandbox, with `files` committed on `main`. Returns its path. */
  repository: (name: string, files?: Record<string, string>) => string
  /** Runs git, returns its stdout without the last newline. */
  git: (cwd: string, ...args: string[]) => string
  /** Runs the compiled command line, returns its stdout without the last newline. */
  cli: (cwd: string, ...args: string[]) => string
}

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

export function createSandbox(t: TestContext): Sandbox {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'agent-isolate-test-')))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const home = join(folder, 'home')
  mkdirSync(home)
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: home,
    AGENT_ISOLATE_HOME: join(folder, 'state'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    NO_COLOR: '1',
  }
  for (const name of [
    'CLAUDE_ENV_FILE',
    'CLAUDE_PROJECT_DIR',
    'XDG_STATE_HOME',
    'PORT',
    'DATABASE_URL',
    'NODE_ENV',
    'NODE_OPTIONS',
  ]) {
    delete env[name]
  }
  const git = (cwd: string, ...args: string[]): string =>
    execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).replace(/\n$/, '')
  const cli = (cwd: string, ...args: string[]): string =>
    execFileSync(process.execPath, [program, ...args], { cwd, env, encoding: 'utf8' }).replace(/\n$/, '')
  const write = (path: string, content: string): string => {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    return file
  }
  const repository = (name: string, files: Record<string, string> = { 'README.md': '# sample\n' }): string => {
    const root = join(folder, name)
    mkdirSync(root, { recursive: true })
    git(root, 'init', '--quiet', '--initial-branch=main')
    appendFileSync(join(root, '.git/config'), '[user]\n\tname = Sample\n\temail = sample@example.invalid\n')
    for (const [path, content] of Object.entries(files)) write(join(name, path), content)
    git(root, 'add', '--all')
    git(root, 'commit', '--quiet', '--allow-empty', '--message=first')
    return root
  }
  return { folder, env, write, repository, git, cli }
}
