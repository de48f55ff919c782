/** JavaScript and TypeScript: one app, several apps, a monorepo with a task runner, a server with its data in a folder. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Checkout, Sample } from '../sample.ts'

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** A server that reads env files as such frameworks do (the environment wins), and says what it has found. */
function serve(port: string, { files = ['.env.local', '.env'], says = {} }: ServeOptions = {}): string {
  const said = Object.entries({ port: 'String(port)', ...says }).map(([key, value]) => `${key}: ${value}`)
  return `import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
for (const file of ${JSON.stringify(files)}) if (existsSync(file)) process.loadEnvFile(file)
const port = Number(${port})
const answer = async () => ({ cwd: process.cwd(), ${said.join(', ')} })
createServer(async (_, response) => response.end(JSON.stringify(await answer()))).listen(port, '127.0.0.1')
`
}
type ServeOptions = { files?: string[]; says?: Record<string, string> }

/** The database file is the checkout's own: not the main checkout's, and not another worktree's. */
function expectOwnFile(answer: Answer, { folder }: Checkout): void {
  const path = (answer['database'] ?? '').replace(/^file:/, '')
  assert.ok(
    join(folder, path).startsWith(`${folder}/`) && (path.startsWith(`${folder}/`) || !path.startsWith('/')),
    path,
  )
}

const readsOwnSecret = 'process.env.SECRET'

export const express: Sample = {
  name: 'an Express app with its port and database in .env',
  files: {
    '.gitignore': 'node_modules\n.env\n*.db\n',
    'package.json': json({
      type: 'module',
      scripts: { dev: 'node server.js', test: 'node --test' },
      dependencies: { express: '5' },
    }),
    'package-lock.json': json({ name: 'app', lockfileVersion: 3, packages: {} }),
    'server.js': serve('process.env.PORT || 3411', {
      says: { database: 'process.env.DATABASE_URL', secret: readsOwnSecret },
    }),
    'server.test.js': `import assert from 'node:assert/strict'
import { test } from 'node:test'
test('the server of this checkout answers', async () => {
  const answer = await (await fetch(\`http://127.0.0.1:\${process.env.PORT || 3411}\`)).json()
  assert.equal(answer.cwd, process.cwd())
})
`,
    '.env.example': 'PORT=3411\nDATABASE_URL=file:./dev.db\nSECRET=\n',
  },
  local: () => ({ '.env': 'PORT=3411\nDATABASE_URL=file:./dev.db\nSECRET=s3cret\n' }),
  prepare: (root) =>
    execFileSync('sqlite3', [join(root, 'dev.db'), 'create table item(id int); insert into item values (1)']),
  servers: [
    {
      argv: ['npm', 'run', 'dev'],
      port: 'app',
      mainPort: 3411,
      expect: (answer, checkout) => {
        expectOwnFile(answer, checkout)
        assert.equal(answer['secret'], 's3cret')
      },
    },
  ],
  checks: [{ argv: ['npm', 'test'] }],
  left: [],
}

export const twoApps: Sample = {
  name: 'two apps that know each other by their ports',
  files: {
    '.gitignore': 'node_modules\n.env*\n!.env.example\n',
    'package.json': json({ private: true, workspaces: ['apps/*'] }),
    'apps/web/package.json': json({
      name: 'web',
      type: 'module',
      scripts: { dev: 'node server.js' },
      dependencies: { next: '15' },
    }),
    'apps/web/server.js': serve('process.env.PORT', {
      says: { sibling: 'await (await fetch(process.env.API_URL)).text()' },
    }),
    'apps/web/.env.example': 'PORT=3421\nAPI_URL=http://localhost:4421\n',
    'apps/api/package.json': json({
      name: 'api',
      type: 'module',
      scripts: { dev: 'node server.js' },
      dependencies: { express: '5' },
    }),
    'apps/api/server.js': serve('process.env.PORT', {
      says: { origin: 'process.env.WEB_ORIGIN', secret: readsOwnSecret },
    }),
    'apps/api/.env.example': 'PORT=4421\nWEB_ORIGIN=http://localhost:3421\nSECRET=\n',
  },
  local: () => ({
    'apps/web/.env.local': 'PORT=3421\nAPI_URL=http://localhost:4421\n',
    'apps/api/.env': 'PORT=4421\nWEB_ORIGIN=http://localhost:3421\nSECRET=s3cret\n',
  }),
  servers: [
    {
      folder: 'apps/api',
      argv: ['npm', 'run', 'dev'],
      port: 'api',
      mainPort: 4421,
      expect: (answer, { ports }) => {
        assert.equal(answer['secret'], 's3cret')
        assert.equal(answer['origin'], `http://localhost:${ports['app']}`)
      },
    },
    {
      folder: 'apps/web',
      argv: ['npm', 'run', 'dev'],
      port: 'app',
      mainPort: 3421,
      expect: (answer, { folder }) => assert.equal(JSON.parse(answer['sibling'] ?? '').cwd, join(folder, 'apps/api')),
    },
  ],
  left: [],
}

export const turbo: Sample = {
  name: 'a Turborepo with Next, TanStack Start and a database in compose',
  files: {
    '.gitignore': 'node_modules\n.env\n.env*.local\n',
    'package.json': json({
      private: true,
      packageManager: 'pnpm@9.0.0',
      scripts: { dev: 'turbo dev' },
      devDependencies: { turbo: '2' },
    }),
    'pnpm-workspace.yaml': 'packages:\n  - apps/*\n  - packages/*\n',
    'turbo.json': json({
      $schema: 'https://turborepo.com/schema.json',
      globalEnv: ['POSTGRES_URL'],
      tasks: { dev: { persistent: true } },
    }),
    'apps/nextjs/package.json': json({
      name: 'nextjs',
      type: 'module',
      scripts: { dev: 'node server.js' },
      dependencies: { next: '15' },
    }),
    'apps/nextjs/server.js': serve('process.env.PORT || 3000', {
      files: ['../../.env'],
      says: { database: 'process.env.POSTGRES_URL', secret: 'process.env.AUTH_SECRET' },
    }),
    'apps/tanstack-start/package.json': json({
      name: 'tanstack-start',
      scripts: { dev: 'vite dev' },
      devDependencies: { vite: '7' },
    }),
    'apps/tanstack-start/vite.config.ts': 'export default { server: { port: 3001 } }\n',
    'packages/db/package.json': json({ name: 'db', dependencies: { 'drizzle-orm': '1', pg: '8' } }),
    'compose.yaml':
      'services:\n  postgres:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: password\n    ports: ["5432:5432"]\n',
    '.env.example': 'POSTGRES_URL="postgresql://postgres:password@localhost:5432/app"\nAUTH_SECRET=\n',
  },
  local: () => ({
    '.env': 'POSTGRES_URL="postgresql://postgres:password@localhost:5432/app"\nAUTH_SECRET=s3cret\n',
  }),
  servers: [
    {
      folder: 'apps/nextjs',
      argv: ['node', 'server.js'],
      env: { FOR_MAIN: '1' },
      port: 'app',
      mainPort: 3000,
      expect: (answer, { isMain }) => {
        assert.equal(answer['secret'], 's3cret')
        assert.equal(/@localhost:5432\//.test(answer['database'] ?? ''), isMain, answer['database'])
      },
    },
  ],
  left: ['apps/tanstack-start/vite.config.ts:1', 'turbo.json'],
}

export const uptime: Sample = {
  name: 'a server with its data in an ignored folder',
  files: {
    '.gitignore': 'node_modules\n/data\n',
    'package.json': json({ type: 'module', scripts: { 'start-server': 'node server/server.js' } }),
    'server/server.js': serve('process.env.UPTIME_PORT || process.env.PORT || 3431', {
      says: { database: `existsSync('./data/kuma.db') ? './data/kuma.db' : 'missing'` },
    }),
  },
  prepare: (root) => {
    mkdirSync(join(root, 'data'))
    execFileSync('sqlite3', [
      join(root, 'data/kuma.db'),
      'create table monitor(id int); insert into monitor values (7)',
    ])
  },
  servers: [
    {
      argv: ['npm', 'run', 'start-server'],
      port: 'app',
      mainPort: 3431,
      expect: (answer, { isMain }) => {
        if (isMain) assert.equal(answer['database'], './data/kuma.db')
      },
    },
  ],
  checks: [{ argv: ['sqlite3', 'data/kuma.db', 'select 1/(count(*) = 1) from monitor; delete from monitor'] }],
  left: [],
}

export const playwright: Sample = {
  name: 'Vite and Playwright with fixed ports',
  files: {
    '.gitignore': 'node_modules\n',
    'package.json': json({
      scripts: { dev: 'vite --port 5431', 'test:e2e': 'playwright test' },
      devDependencies: { vite: '7', '@playwright/test': '1' },
    }),
    'vite.config.ts': "import { defineConfig } from 'vite'\nexport default defineConfig({})\n",
    'playwright.config.ts': `import { defineConfig } from '@playwright/test'
export default defineConfig({
  use: { baseURL: 'http://localhost:5431' },
  webServer: { command: 'npm run dev', url: 'http://localhost:5431', reuseExistingServer: !process.env.CI },
})
`,
    'src/main.ts': "document.body.textContent = 'hello'\n",
  },
  left: ['package.json:3', 'playwright.config.ts:3', 'playwright.config.ts:4'],
}
