/** The real tools: from npm in the versions named here, or from the system. */
import { execFileSync, spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Sandbox } from '../support/sandbox.ts'

/** What samples install from npm. */
export const versions = {
  vite: '8.3.8',
} as const

/** For a package.json: the named packages in their versions. */
export function packages(...names: (keyof typeof versions)[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, versions[name]]))
}

/** `npm install` as a developer has done it; its lock file joins the first commit. npm's cache is the machine's. */
export function npmInstall(root: string, { env, git }: Sandbox): void {
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline']
  execFileSync('npm', args, {
    cwd: root,
    env: { ...env, npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm') },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  git(root, 'add', '--all')
  git(root, 'commit', '--quiet', '--amend', '--no-edit', '--no-verify')
}

/** Debian's: what apt installs lies beside it. */
export const python = '/usr/bin/python3'

/** For a test's `skip`: why the program cannot be run; false where it can. */
export function missing(file: string, ...args: string[]): string | false {
  const { status } = spawnSync(file, args, { stdio: 'ignore' })
  return status === 0 ? false : `${[file, ...args].join(' ')} does not work here`
}

/** The same for a module of Python. */
export function missingPython(...modules: string[]): string | false {
  return missing(python, '-c', `import ${modules.join(', ')}`)
}
