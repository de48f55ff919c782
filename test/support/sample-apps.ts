/** Small applications with faults planted in them, and their fixed twins. A line that ends in `// PLANT` has to be found. */

export type SampleApp = {
  name: string
  /** Files with planted faults. A file that cannot have comments is listed in `plants` instead. */
  faulty: Readonly<Record<string, string>>
  /** The same application without them. */
  fixed: Readonly<Record<string, string>>
  /** Further places, as `file:line`, or `file` for a finding without a line. */
  plants: readonly string[]
}

const ignored = 'node_modules\n.env.local\n.claude/worktrees/\n.agent-isolate/\n'

const next: SampleApp = {
  name: 'Next',
  faulty: {
    '.gitignore': ignored,
    'package.json': `{
  "name": "shop",
  "scripts": {
    "dev": "next dev -p 3000",
    "start": "PORT=3000 next start",
    "test:e2e": "start-server-and-test dev http://localhost:3000 'playwright test'",
    "db": "prisma migrate dev"
  },
  "dependencies": { "next": "16.0.0", "prisma": "7.0.0", "@prisma/client": "7.0.0" }
}
`,
    'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n',
    '.env':
      'DATABASE_URL="postgresql://me:secret@localhost:5432/shop"\nNEXT_PUBLIC_API=http://localhost:3000/api\nPORT=3000\n',
    '.env.test': 'DATABASE_URL=postgresql://me:secret@localhost:5432/shop_test\n',
    'playwright.config.ts': `import { defineConfig } from '@playwright/test'
export default defineConfig({
  use: { baseURL: 'http://localhost:3000' }, // PLANT
  webServer: {
    command: 'npm run dev -- --port 3000', // PLANT
    port: 3000, // PLANT
  },
})
`,
    'src/lib/api.ts': `export const api = 'http://localhost:3000/api' // PLANT
export const link = <a href="http://127.0.0.1:3000/x">x</a> // PLANT
`,
    'README.md': 'Open http://localhost:3000\n',
  },
  fixed: {
    '.gitignore': ignored,
    '.env.agent.template':
      'PORT=$AGENT_DYNAMIC_PORT\nDATABASE_URL=postgresql://localhost:5432/shop-$AGENT_SLUG\nNEXT_PUBLIC_API=http://localhost:$AGENT_DYNAMIC_PORT/api\nBASE_URL=http://localhost:$AGENT_DYNAMIC_PORT\n',
    'package.json': `{
  "name": "shop",
  "scripts": {
    "dev": "next dev",
    "start": "next start -p \${PORT:-3000}",
    "test:e2e": "start-server-and-test dev http://localhost:\${PORT:-3000} 'playwright test'",
    "build": "tsc -p tsconfig.json"
  },
  "dependencies": { "next": "16.0.0", "prisma": "7.0.0", "@prisma/client": "7.0.0" }
}
`,
    'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n',
    '.env':
      'DATABASE_URL="postgresql://me:secret@localhost:5432/shop"\nNEXT_PUBLIC_API=http://localhost:3000/api\nPORT=3000\n',
    'playwright.config.ts': `import { defineConfig } from '@playwright/test'
// The server used to be at http://localhost:3000
const port = Number(process.env.PORT) || 3000
export default defineConfig({
  use: { baseURL: process.env.BASE_URL ?? 'http://localhost:3000' },
  webServer: { command: 'npm run dev', port, env: { PORT: String(port) } },
})
`,
    'src/lib/api.ts': `/*
 * http://localhost:3000 in a comment
 */
export const api =
  process.env.NEXT_PUBLIC_API ??
  'http://localhost:3000/api'
const DEFAULT_PORT = 3000
export const port = process.env.PORT || DEFAULT_PORT
export const version = { report: 1234, support: 8080, export: 3000 }
`,
    'docs/setup.mdx': 'http://localhost:3000',
    'dist/server.js': 'app.listen(3000)',
    'public/vendor.min.js': 'x.listen(3000)',
  },
  plants: ['package.json:4', 'package.json:5', 'package.json:6', '.env:1', '.env:2', '.env.test:1'],
}

const vite: SampleApp = {
  name: 'Vite',
  faulty: {
    '.gitignore': ignored,
    'package.json': `{
  "scripts": {
    "dev": "vite",
    "api": "wrangler dev",
    "build": "vite build"
  },
  "devDependencies": { "vite": "8.0.0", "wrangler": "4.0.0" }
}
`,
    'vite.config.ts': `import { defineConfig } from 'vite'
export default defineConfig({
  server: {
    port: 5173, // PLANT
    proxy: { '/api': 'http://localhost:8787' }, // PLANT
  },
  preview: { port: 4173 }, // PLANT
})
`,
    'wrangler.toml': 'name = "api"\n\n[dev]\nport = 8787\n',
    'e2e/home.spec.ts': `test('home', async ({ page }) => {
  await page.goto('http://localhost:5173/') // PLANT
})
`,
  },
  fixed: {
    '.gitignore': ignored,
    '.env.agent.template': 'PORT=$AGENT_DYNAMIC_PORT\nAPI_PORT=$AGENT_PORT_API\n',
    'package.json': `{
  "scripts": {
    "dev": "vite",
    "api": "wrangler dev --port \${API_PORT:-8787}",
    "build": "vite build"
  },
  "devDependencies": { "vite": "8.0.0", "wrangler": "4.0.0" }
}
`,
    'vite.config.ts': `import { defineConfig } from 'vite'
export default defineConfig({
  server: {
    port: Number(process.env.PORT) || 5173,
    strictPort: true,
    proxy: { '/api': \`http://localhost:\${process.env.API_PORT ?? 8787}\` },
  },
})
`,
    'wrangler.toml': 'name = "api"\n# port = 8787\n',
    'e2e/home.spec.ts': `test('home', async ({ page }) => {
  await page.goto('/') // was http://localhost:5173/
})
`,
  },
  // Beside the fixed ports, Vite does not ask for PORT.
  plants: ['wrangler.toml:4'],
}

const express: SampleApp = {
  name: 'Express',
  faulty: {
    '.gitignore': ignored,
    'package.json': `{
  "scripts": { "start": "node src/server.js" },
  "dependencies": { "express": "5.0.0", "pg": "8.0.0" }
}
`,
    Procfile: 'web: node src/server.js --port 3000\n',
    Makefile: 'PORT = 3000\nrun:\n\tPORT=3000 node src/server.js\n\tcurl -s http://localhost:3000/health\n',
    'src/server.js': `const app = require('express')()
app.listen(3000, () => console.log('up')) // PLANT
`,
    'src/admin.ts': `import { app } from './app.js'
const adminPort = 4000 // PLANT
app.listen(adminPort)
`,
    'src/config.ts': `export const PORT = 3001 // PLANT
export const url = 'postgres://me:secret@localhost:5432/app' // PLANT
`,
    'src/socket.ts': `new WebSocketServer({
  path: '/ws',
  port: 8080, // PLANT
})
`,
    'src/bun.ts': 'Bun.serve({ port: 3002, fetch }) // PLANT\n',
    'src/db.ts': `export const pool = new Pool({
  host: 'localhost',
  port: 5432, // PLANT
})
`,
    'test/api.test.js': `const { get } = require('./get')
it('answers', () => get('http://localhost:3000/users')) // PLANT
`,
    '.env': 'SQLITE_FILE=file:/var/lib/app/dev.db\n',
  },
  fixed: {
    '.gitignore': ignored,
    '.env.agent.template': 'PORT=$AGENT_DYNAMIC_PORT\nADMIN_PORT=$AGENT_PORT_ADMIN\nWS_PORT=$AGENT_PORT_WS\n',
    'package.json': `{
  "scripts": { "start": "node src/server.js" },
  "dependencies": { "express": "5.0.0", "pg": "8.0.0" }
}
`,
    Procfile: 'web: node src/server.js --port ${PORT:-3000}\n',
    Makefile:
      'PORT ?= 3000\n# PORT = 3000\nrun:\n\tPORT=$${PORT:-3000} node src/server.js\n\tcurl -s http://localhost:$${PORT:-3000}/health\n\ttsc -p 12\n',
    'src/server.js': `const app = require('express')()
const port = process.env.PORT || 3000
app.listen(port, () => console.log('http://localhost:' + port)) // not app.listen(3000)
app.listen(process.env.PORT ?? 3000)
`,
    'src/admin.ts': `import { app } from './app.js'
let adminPort = 4000
if (process.env.ADMIN_PORT) adminPort = Number(process.env.ADMIN_PORT)
app.listen(adminPort)
server.listen(0)
emitter.listen('3 events')
`,
    'src/config.ts': `import { z } from 'zod'
export const schema = z.object({
  PORT: z.coerce.number().default(3000),
  API: z.string().default('http://localhost:3000'),
})
export const FALLBACK_PORT = 3001
export const defaultUrl = 'http://localhost:3000'
export const url = process.env.DATABASE_URL || 'postgres://me:secret@localhost:5432/app'
export const pattern = /'/
export const timeout = 30000
`,
    'src/socket.ts': `new WebSocketServer({
  path: '/ws',
  port: Number(process.env.WS_PORT) || 8080,
})
connect({ transport: 3000, viewport: 1280 })
`,
    'src/db.ts': 'export const pool = new Pool({ connectionString: process.env.DATABASE_URL })\n',
    'test/api.test.js': `const { get } = require('./get')
it('answers', () => get(\`http://localhost:\${process.env.PORT}/users\`))
const server = app.listen(0)
`,
    '.env': 'SQLITE_FILE=file:./dev.db\nPORT=3000\n',
  },
  plants: ['Procfile:1', 'Makefile:1', 'Makefile:3', 'Makefile:4', '.env:1'],
}

const django: SampleApp = {
  name: 'Django',
  faulty: {
    '.gitignore': ignored,
    'requirements.txt': 'django==5.2\npsycopg[binary]\nuvicorn\n',
    'manage.py': "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
    Makefile: 'run:\n\tpython manage.py runserver 0.0.0.0:8000\n',
    'shop/settings.py': `import os
CSRF_TRUSTED_ORIGINS = ["http://localhost:8000"]  # PLANT
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",  # PLANT
        "HOST": os.environ.get("DB_HOST", "localhost"),
    }
}
`,
    'shop/asgi.py': 'import uvicorn\nuvicorn.run("shop.asgi:app", host="0.0.0.0", port=8001)  # PLANT\n',
    'alembic.ini': '[alembic]\nsqlalchemy.url = postgresql://me:secret@localhost/shop\n',
    'tests/test_api.py': 'import requests\nr = requests.get("http://127.0.0.1:8000/api")  # PLANT\n',
  },
  fixed: {
    '.gitignore': ignored,
    '.env.agent.template':
      'PORT=$AGENT_DYNAMIC_PORT\nUVICORN_PORT=$AGENT_DYNAMIC_PORT\nBASE_URL=http://127.0.0.1:$AGENT_DYNAMIC_PORT\nDATABASE_URL=sqlite:///$AGENT_SQLITE_PATH\n',
    'requirements.txt': 'django==5.2\npsycopg[binary]\nuvicorn\n',
    'manage.py': "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
    Makefile: 'run:\n\tpython manage.py runserver 0.0.0.0:$${PORT:-8000}\n',
    'shop/settings.py': `"""Settings.

Runs on http://localhost:8000 by default.
"""
import os
CSRF_TRUSTED_ORIGINS = [f"http://localhost:{os.environ.get('PORT', 8000)}"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("DB_NAME", "shop"),
        "PORT": os.environ.get("DB_PORT", 5432),
    },
    "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
}
`,
    'shop/config.py': 'class Settings(BaseSettings):\n    frontend: str = "http://localhost:5173"\n',
    'compose.deploy.yml': 'services:\n  proxy:\n    ports: ["80:80"]\n',
    'shop/asgi.py':
      'import os\nimport uvicorn\n# uvicorn.run(app, port=8001)\nuvicorn.run("shop.asgi:app", port=int(os.environ.get("PORT", 8001)))\n',
    'tests/test_api.py':
      'import os\nimport requests\nbase = os.environ.get("BASE_URL", "http://127.0.0.1:8000")\nclient = redis.Redis(port=6379)\n',
  },
  // Neither Django nor uvicorn asks for PORT.
  plants: ['Makefile:2', '.env.agent.template', 'alembic.ini:2'],
}

const compose: SampleApp = {
  name: 'compose',
  faulty: {
    '.gitignore': ignored,
    'compose.yaml': `services:
  web:
    build: .
    ports:
      - "3000:3000" # PLANT
    environment:
      DATABASE_URL: postgres://app:app@db:5432/app
  db:
    image: postgres:16
    container_name: shop-db # PLANT
    ports: ["127.0.0.1:5432:5432"] # PLANT
  cache:
    image: redis
    ports:
      - target: 6379
        published: 6379 # PLANT
volumes:
  data:
`,
    '.env': 'DATABASE_URL=postgresql+asyncpg://app@localhost:5432/app\n',
    'scripts/db.sh': '#!/bin/sh\n# docker run -p 5432:5432 postgres\ndocker run -d -p 5432:5432 postgres:16 # PLANT\n',
  },
  fixed: {
    '.gitignore': ignored,
    '.env.agent.template':
      'PORT=$AGENT_DYNAMIC_PORT\nDB_PORT=$AGENT_PORT_DB\nDATABASE_URL=postgresql+asyncpg://app@localhost:$AGENT_PORT_DB/app\n',
    'compose.yaml': `services:
  web:
    build: .
    ports:
      - "\${PORT:-3000}:3000"
    healthcheck:
      test: curl http://localhost:3000
    environment:
      DATABASE_URL: postgres://app:app@db:5432/app
  db:
    image: postgres:16
    ports:
      - "127.0.0.1:\${DB_PORT:-5432}:5432"
      - "9187"
  cache:
    image: redis
    expose: ["6379"]
`,
    '.env': 'DATABASE_URL=postgresql+asyncpg://app@localhost:5432/app\nINNER=postgres://app@db:5432/app\n',
    'scripts/db.sh': '#!/bin/sh\ndocker run -d -p "${DB_PORT:-5432}:5432" postgres:16\n',
  },
  plants: ['.env:1'],
}

export const sampleApps: readonly SampleApp[] = [next, vite, express, django, compose]

/** Every place in which the faulty version has something to find. */
export function plantsOf({ faulty, plants }: SampleApp): string[] {
  const marked = Object.entries(faulty).flatMap(([path, text]) =>
    text.split('\n').flatMap((line, index) => (/(?:\/\/|#) PLANT$/.test(line) ? [`${path}:${index + 1}`] : [])),
  )
  return [...marked, ...plants].toSorted()
}
