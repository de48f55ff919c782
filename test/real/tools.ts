/** The real tools: from npm in the versions named here, or from the system. */
import { execFileSync, spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Sandbox } from '../support/sandbox.ts'

/** What samples install from npm. */
export const versions = {
  '@biomejs/biome': '2.6.8',
  '@eslint/js': '10.0.1',
  '@libsql/client': '0.18.0',
  '@playwright/test': '1.65.1',
  dotenv: '18.0.10',
  '@prisma/adapter-libsql': '6.19.0',
  '@prisma/client': '6.19.0',
  prisma: '6.19.0',
  'drizzle-kit': '0.31.11',
  'drizzle-orm': '0.45.4',
  eslint: '10.15.0',
  husky: '9.1.7',
  jest: '30.5.2',
  next: '16.4.6',
  npm: '11.19.1',
  react: '19.3.1',
  'react-dom': '19.3.1',
  turbo: '2.11.11',
  vite: '8.3.8',
  vitest: '4.1.12',
} as const

/** As npm writes it. */
export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** For a package.json: the named packages in their versions. */
export function packages(...names: (keyof typeof versions)[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, versions[name]]))
}

/** `npm install` as a developer has done it; its lock file joins the first commit. npm's cache is the machine's. */
export function npmInstall(root: string, { env, git }: Sandbox): void {
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline']
  execFileSync('npm', args, {
    cwd: root,
    env: {
      ...env,
      PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1',
      npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm'),
    },
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

/** The same for npm's registry. */
export function missingNpm(): string | false {
  return missing('npm', 'ping')
}

/** The same for modules of Python. */
export function missingPython(...modules: string[]): string | false {
  return missing(python, '-c', `import ${modules.join(', ')}`)
}
