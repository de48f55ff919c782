/** Turborepo, which gives its tasks only those variables that turbo.json names. */
import assert from 'node:assert/strict'
import type { RealSample } from '../real-sample.ts'
import { json, missingNpm, npmInstall, packages, versions } from '../tools.ts'

const turboJson = (passed: readonly string[]): string =>
  json({
    $schema: 'https://turborepo.com/schema.json',
    ...(passed.length === 0 ? {} : { globalPassThroughEnv: passed }),
    tasks: { dev: { cache: false, persistent: true } },
  })

/** Says where it runs, and what turbo has let through. */
const app = (variable: string, port: number): string => `import { createServer } from 'node:http'
const port = Number(process.env.${variable} || ${port})
const says = { app: process.cwd(), database: String(process.env.DATABASE_URL) }
createServer((_, response) => response.end(JSON.stringify(says))).listen(port, '127.0.0.1')
`

const appPackage = (name: string): string =>
  json({ name, version: '1.0.0', type: 'module', scripts: { dev: 'node server.js' } })

export const turbo: RealSample = {
  name: 'Turborepo with two apps and its strict environment',
  missing: missingNpm,
  files: {
    '.gitignore': 'node_modules\n.turbo\n*.db\n.env\n',
    'package.json': json({
      private: true,
      packageManager: `npm@${versions.npm}`,
      workspaces: ['apps/*'],
      scripts: { dev: 'turbo run dev' },
      devDependencies: packages('turbo'),
    }),
    'turbo.json': turboJson([]),
    'apps/web/package.json': appPackage('web'),
    'apps/web/server.js': app('WEB_PORT', 5465),
    'apps/api/package.json': appPackage('api'),
    'apps/api/server.js': app('API_PORT', 5466),
    '.env.example': 'WEB_PORT=5465\nAPI_PORT=5466\nDATABASE_URL=file:./dev.db\n',
  },
  local: () => ({ '.env': 'WEB_PORT=5465\nAPI_PORT=5466\nDATABASE_URL=file:./dev.db\n' }),
  prepare: (root, { sandbox }) => npmInstall(root, sandbox),
  left: ['turbo.json'],
  mend: { 'turbo.json': turboJson(['PORT', 'WEB_PORT', 'API_PORT', 'DATABASE_URL']) },
  servers: [
    {
      argv: ['npm', 'run', 'dev'],
      env: { TURBO_TELEMETRY_DISABLED: '1' },
      port: 'web',
      mainPort: 5465,
      expect: (answer, { folder, isMain }) => {
        assert.equal(answer['app'], `${folder}/apps/web`)
        assert.equal(answer['database'] !== 'undefined', !isMain)
      },
    },
  ],
  checks: [
    {
      argv: [
        'sh',
        '-c',
        'curl -sf localhost:$API_PORT | grep -F "\\"app\\":\\"$PWD/apps/api\\",\\"database\\":\\"$DATABASE_URL\\""',
      ],
    },
  ],
  traces: [/(^|\/)\.turbo(\/|$)/, /^node_modules\/\.cache/],
}
