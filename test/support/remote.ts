/** A remote by path and clones of it, for tests of what needs a network elsewhere. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { GitPlace } from '../../lib/git/git.ts'
import { loadGitConfig } from '../../lib/git/git-config.ts'
import type { Reporter } from '../../lib/report/reporter.ts'
import { findUpstream, type Upstream } from '../../lib/git/upstream.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'

export type RemoteWorld = Sandbox & {
  /** The bare repository that is cloned, its branch `branch` holding one commit. */
  remote: string
  branch: string
  /** A clone below the sandbox. Returns its path. */
  clone: (name: string, ...options: string[]) => string
  /** Commits `content` to `file` in a checkout. Returns the commit. */
  commit: (checkout: string, file: string, content?: string) => string
  /** Makes the remote's branch one commit newer, as a colleague would. Returns the commit. */
  advance: (file: string, content?: string) => string
}

/** The sandbox's environment is also that of this process until the test ends: the code under test runs in it. */
export function createRemoteWorld(t: TestContext, branch = 'main'): RemoteWorld {
  const sandbox = createSandbox(t)
  useEnvironment(t, sandbox.env)
  const { folder, git, write } = sandbox
  const remote = join(folder, 'remote')
  git(folder, 'init', '--quiet', '--bare', `--initial-branch=${branch}`, remote)
  const commit: RemoteWorld['commit'] = (checkout, file, content = file) => {
    write(join(checkout.slice(folder.length + 1), file), `${content}\n`)
    git(checkout, 'add', '--', file)
    git(checkout, 'commit', '--quiet', `--message=${file}`)
    return git(checkout, 'rev-parse', 'HEAD')
  }
  const clone: RemoteWorld['clone'] = (name, ...options) => {
    git(folder, 'clone', '--quiet', ...options, remote, name)
    const checkout = join(folder, name)
    git(checkout, 'config', 'user.name', 'Sample')
    git(checkout, 'config', 'user.email', 'sample@example.invalid')
    return checkout
  }
  const first = sandbox.repository('colleague')
  git(first, 'branch', '--quiet', '--move', branch)
  git(first, 'remote', 'add', 'origin', remote)
  const advance: RemoteWorld['advance'] = (file, content) => {
    const made = commit(first, file, content)
    git(first, 'push', '--quiet', 'origin', branch)
    return made
  }
  git(first, 'push', '--quiet', 'origin', branch)
  return { ...sandbox, remote, branch, clone, commit, advance }
}

/** A main checkout, for git. */
export function placeOf(checkout: string): GitPlace {
  return { gitDir: join(checkout, '.git'), workTree: checkout }
}

/** The upstream of a main checkout as its config has it. */
export async function findUpstreamOf(checkout: string, configured?: string): Promise<Upstream | undefined> {
  const place = placeOf(checkout)
  return findUpstream(place, await loadGitConfig(place), configured)
}

/** Makes `env` the environment of this process until the test ends. */
export function useEnvironment(t: TestContext, env: NodeJS.ProcessEnv): void {
  const before = { ...process.env }
  replaceEnvironment(env)
  t.after(() => replaceEnvironment(before))
}

function replaceEnvironment(wanted: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (wanted[name] === undefined) delete process.env[name]
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) process.env[name] = value
}

/** Remembers what it is told. */
export function rememberingReporter(): Reporter & { warnings: string[] } {
  const warnings: string[] = []
  return { warnings, warn: (text) => void warnings.push(text), info: () => {}, progress: () => {} }
}

/** A linked worktree of `checkout` on a new branch `worktree-<name>`. Returns its path. */
export function addWorktree({ git }: Sandbox, checkout: string, name: string, start = 'HEAD'): string {
  const path = join(checkout, '.claude', 'worktrees', name)
  mkdirSync(join(checkout, '.claude', 'worktrees'), { recursive: true })
  git(checkout, 'worktree', 'add', '--quiet', '--no-track', '-b', `worktree-${name}`, path, start)
  return path
}
