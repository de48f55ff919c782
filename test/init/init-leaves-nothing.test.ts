/**
 * `init --yes` on repositories of the shapes that people have: what `doctor` finds after it is in the user's code, and in
 * nothing that `init` writes; a second `init` changes no byte, and `uninstall` leaves none.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import { snapshotFolder } from '../support/snapshot-folder.ts'

type Shape = {
  files: Record<string, string>
  /** Not committed. */
  local?: Record<string, string>
  /** Of agent-isolate.json. */
  config: Record<string, unknown>
  /** Lines of the template. */
  template: string[]
  /** Files of the user's that doctor names. */
  left: string[]
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const shapes: Readonly<Record<string, Shape>> = {
  'FastAPI and Vite with seven services, all in tracked env files': {
    files: {
      '.env': [
        'FRONTEND_HOST=http://localhost:5173',
        'BACKEND_CORS_ORIGINS="http://localhost,http://localhost:5173,https://localhost:5173"',
        'SECRET_KEY=changethis',
        'SMTP_PORT=587',
        'POSTGRES_SERVER=localhost',
        'POSTGRES_PORT=5432',
        'POSTGRES_DB=app',
        'POSTGRES_USER=postgres',
        'POSTGRES_PASSWORD=changethis',
        '',
      ].join('\n'),
      'docker-compose.yml':
        'services:\n  db:\n    image: postgres:17\n  adminer:\n    image: adminer\n  backend:\n    build: ./backend\n  frontend:\n    build: ./frontend\n',
      'docker-compose.override.yml': [
        'services:',
        '  proxy:\n    image: traefik:3\n    ports: ["80:80", "8090:8080"]',
        '  db:\n    ports: ["5432:5432"]',
        '  adminer:\n    ports: ["8080:8080"]',
        '  backend:\n    ports: ["8000:8000"]',
        '  mailcatcher:\n    image: schickling/mailcatcher\n    ports: ["1080:1080", "1025:1025"]',
        '  frontend:\n    ports: ["5173:80"]',
        '',
      ].join('\n'),
      'frontend/package.json': json({ scripts: { dev: 'vite' }, devDependencies: { vite: '7' } }),
      'frontend/.env': 'VITE_API_URL=http://localhost:8000\nMAILCATCHER_HOST=http://localhost:1080\n',
      'frontend/vite.config.ts': 'export default {}\n',
      'backend/pyproject.toml':
        '[project]\nname = "app"\ndependencies = ["fastapi[standard]>=0.114", "sqlmodel", "psycopg[binary]"]\n',
      'backend/app/main.py': 'from fastapi import FastAPI\napp = FastAPI()\n',
      '.gitignore': 'node_modules/\n.venv\n',
    },
    config: {
      compose: {
        ports: { proxy: [80, 8080], db: 5432, adminer: 8080, backend: 8000, mailcatcher: [1080, 1025], frontend: 80 },
      },
    },
    template: [
      'POSTGRES_PORT=$AGENT_PORT_DB',
      'FRONTEND_HOST=http://localhost:$AGENT_PORT_FRONTEND',
      'BACKEND_CORS_ORIGINS=http://localhost,http://localhost:$AGENT_PORT_FRONTEND,https://localhost:$AGENT_PORT_FRONTEND',
    ],
    left: ['frontend/vite.config.ts'],
  },
  'a Turborepo with Next, Drizzle and a database in compose': {
    files: {
      'package.json': json({ private: true, packageManager: 'pnpm@9.0.0', scripts: { dev: 'turbo dev' } }),
      'pnpm-workspace.yaml': 'packages:\n  - apps/*\n  - packages/*\n',
      'pnpm-lock.yaml': "lockfileVersion: '9.0'\n",
      'apps/nextjs/package.json': json({ scripts: { dev: 'next dev' }, dependencies: { next: '15' } }),
      'apps/tanstack-start/package.json': json({
        scripts: { dev: 'vite dev' },
        dependencies: { '@tanstack/react-start': '1' },
        devDependencies: { vite: '7' },
      }),
      'apps/tanstack-start/vite.config.ts': 'export default { server: { port: 3001 } }\n',
      'packages/db/package.json': json({ dependencies: { 'drizzle-orm': '1', pg: '8' } }),
      'packages/db/drizzle.config.ts':
        'export default { schema: "./src/schema.ts", dialect: "postgresql", dbCredentials: { url: process.env.POSTGRES_URL } }\n',
      'compose.yaml':
        'services:\n  postgres:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: password\n    ports: ["5432:5432"]\n',
      '.env.example':
        'POSTGRES_URL="postgresql://postgres:password@localhost:5432/app"\nAUTH_SECRET=supersecret\nTANSTACK_URL=http://localhost:3001\n',
      '.gitignore': 'node_modules\n.env\n.env*.local\n',
    },
    local: {
      '.env':
        'POSTGRES_URL="postgresql://postgres:password@localhost:5432/app"\nAUTH_SECRET=s3cret\nTANSTACK_URL=http://localhost:3001\n',
    },
    config: {
      compose: { ports: { postgres: 5432 } },
      ports: { names: ['tanstack_start'], remap: { 3000: 'app', 3001: 'tanstack_start', 5432: 'postgres' } },
    },
    template: [
      'POSTGRES_URL=postgresql://postgres:password@localhost:$AGENT_PORT_POSTGRES/app',
      'TANSTACK_URL=http://localhost:$AGENT_PORT_TANSTACK_START',
      'TANSTACK_START_PORT=$AGENT_PORT_TANSTACK_START',
    ],
    left: ['apps/tanstack-start/vite.config.ts'],
  },
  'a Rust service with PostgreSQL': {
    files: {
      'Cargo.toml': '[package]\nname = "api"\n[dependencies]\nsqlx = "0.8"\n',
      'src/main.rs': 'fn main() { let port = std::env::var("PORT").unwrap_or("8080".into()); }\n',
      'docker-compose.yml':
        'services:\n  db:\n    image: postgres:16\n    container_name: api-db\n    environment:\n      - POSTGRES_PASSWORD=password\n    ports:\n      - "5432:5432"\n',
      '.gitignore': '/target\n.env\n',
    },
    local: { '.env': 'DATABASE_URL=postgres://postgres:password@localhost:5432/api\nPORT=8080\n' },
    config: { compose: { ports: { db: 5432 } }, environment: { file: '.env' } },
    template: ['DATABASE_URL=postgres://postgres:password@localhost:$AGENT_PORT_DB/api'],
    left: [],
  },
  'Django that is run by compose, with variables for its ports': {
    files: {
      'pyproject.toml': '[project]\nname = "hello"\ndependencies = ["django==5.2", "psycopg==3.2", "redis==5"]\n',
      'src/manage.py': 'import django\n',
      'src/config/settings.py':
        'import os\nDATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.getenv("POSTGRES_DB", "hello"), "HOST": os.getenv("POSTGRES_HOST", "postgres")}}\n',
      'compose.yaml': [
        'services:',
        '  postgres:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: "${POSTGRES_PASSWORD}"\n    ports: ["${DOCKER_POSTGRES_PORT:-5432}:5432"]',
        '  redis:\n    image: redis:7\n    ports: ["6379:6379"]',
        '  web:\n    build: .\n    ports: ["${DOCKER_WEB_PORT_FORWARD:-127.0.0.1:8000}:${PORT:-8000}"]',
        '',
      ].join('\n'),
      '.env.example':
        'POSTGRES_PASSWORD=password\nREDIS_URL=redis://localhost:6379/0\nSITE_URL=http://localhost:8000\n',
      Makefile: 'run:\n\tpython src/manage.py runserver $${PORT:-8000}\n',
      '.gitignore': '.env*\n!.env.example\n',
    },
    local: {
      '.env': 'POSTGRES_PASSWORD=password\nREDIS_URL=redis://localhost:6379/0\nSITE_URL=http://localhost:8000\n',
    },
    config: { compose: { ports: { postgres: 5432, redis: 6379, web: 8000 } }, environment: { file: '.env' } },
    template: [
      'DOCKER_WEB_PORT_FORWARD=127.0.0.1:$AGENT_PORT_WEB',
      'REDIS_URL=redis://localhost:$AGENT_PORT_REDIS/0',
      'DOCKER_POSTGRES_PORT=$AGENT_PORT_POSTGRES',
    ],
    left: [],
  },
  'two apps that know each other by their ports': {
    files: {
      'package.json': json({ private: true, workspaces: ['apps/*'] }),
      'package-lock.json': '{}',
      'apps/web/package.json': json({ scripts: { dev: 'next dev' }, dependencies: { next: '15' } }),
      'apps/web/.env.example': 'PORT=3000\nAPI_URL=http://localhost:4000\n',
      'apps/api/package.json': json({ scripts: { dev: 'node src/server.js' }, dependencies: { express: '5' } }),
      'apps/api/src/server.js': 'require("express")().listen(process.env.PORT || 4000)\n',
      '.gitignore': 'node_modules\n.env*\n!.env.example\n*.db\n',
    },
    local: {
      'apps/web/.env.local': 'PORT=3000\nAPI_URL=http://localhost:4000\n',
      'apps/api/.env': 'PORT=4000\nWEB_ORIGIN=http://localhost:3000\nSESSION_SECRET=x\n',
    },
    config: {
      ports: { names: ['api'], remap: { 3000: 'app', 4000: 'api' } },
      environment: {
        files: {
          'apps/web/.env.local': { PORT: '$AGENT_DYNAMIC_PORT', API_URL: 'http://localhost:$AGENT_PORT_API' },
          'apps/api/.env': { PORT: '$AGENT_PORT_API', WEB_ORIGIN: 'http://localhost:$AGENT_DYNAMIC_PORT' },
        },
      },
    },
    template: ['PORT=$AGENT_DYNAMIC_PORT', 'API_PORT=$AGENT_PORT_API'],
    left: [],
  },
}

for (const [name, shape] of Object.entries(shapes)) {
  test(`init leaves nothing of its own to mend: ${name}`, async (t) => {
    const sandbox = createSandbox(t)
    // No engine answers.
    sandbox.env['DOCKER_HOST'] = 'unix:///nowhere.sock'
    const root = sandbox.repository('shop', shape.files)
    for (const [path, text] of Object.entries(shape.local ?? {})) sandbox.write(join('shop', path), text)
    const before = snapshotFolder(root)
    sandbox.cli(root, 'init', '--yes')
    const config = readConfig(root)
    for (const [key, value] of Object.entries(shape.config)) assert.deepEqual(config[key], value, key)
    const template = readFileSync(join(root, '.env.agent.template'), 'utf8').split('\n')
    for (const line of shape.template) assert.ok(template.includes(line), `${line} in\n${template.join('\n')}`)
    assert.ok(sandbox.git(root, 'status', '--short').includes('?? .env.agent.template'), 'git would carry the template')
    const findings = await findingsOf(sandbox, root)
    const own = findings.filter(({ fix, file }) => ourFile.test(`${fix} ${file}`))
    assert.deepEqual(own, [])
    assert.deepEqual([...new Set(findings.map(({ file }) => file))], shape.left)
    const after = snapshotFolder(root)
    assert.match(sandbox.cli(root, 'init', '--yes'), /^nothing to change/)
    assert.deepEqual(snapshotFolder(root), after)
    sandbox.cli(root, 'uninstall', '--yes')
    assert.deepEqual(snapshotFolder(root), before)
  })
}

const ourFile = /agent-isolate\.json|\.env\.agent\.template|\.gitignore/

type Finding = { id: string; severity: string; message: string; fix: string | null; file: string | null }

/** Doctor ends with 1 where it has found an error. */
async function findingsOf(sandbox: Sandbox, root: string): Promise<Finding[]> {
  const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')
  const run = promisify(execFile)(process.execPath, [program, 'doctor', '--json'], { cwd: root, env: sandbox.env })
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  const { findings }: { findings: Finding[] } = JSON.parse(stdout)
  return findings.filter(
    ({ severity, id }) => severity !== 'ok' && !id.startsWith('hooks.') && !id.startsWith('settings.'),
  )
}

function readConfig(root: string): Record<string, unknown> {
  const path = join(root, 'agent-isolate.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
}
