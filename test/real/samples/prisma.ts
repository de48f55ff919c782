/** Prisma with SQLite, by its engine in WebAssembly: the other is on a server of its own, not in npm. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import type { RealSample } from '../real-sample.ts'
import { json, missingNpm, npmInstall, packages } from '../tools.ts'

const schema = `generator client {
  provider   = "prisma-client-js"
  output     = "../generated"
  engineType = "client"
}

datasource db {
  provider = "sqlite"
  url      = env("DATABASE_URL")
}

model Item {
  id Int @id
}
`

export const prisma: RealSample = {
  name: 'Prisma with SQLite, pushed in two worktrees at once',
  missing: missingNpm,
  files: {
    '.gitignore': 'node_modules\n.env\n*.db*\ngenerated\n',
    'package.json': json({
      type: 'module',
      scripts: { dev: 'node server.js', push: 'prisma db push' },
      dependencies: packages('@prisma/client', '@prisma/adapter-libsql', 'dotenv'),
      devDependencies: packages('prisma'),
    }),
    'prisma/schema.prisma': schema,
    'prisma.config.ts': `import 'dotenv/config'
import { PrismaLibSQL } from '@prisma/adapter-libsql'
import { defineConfig } from 'prisma/config'

export default defineConfig({
  experimental: { adapter: true },
  engine: 'js',
  schema: 'prisma/schema.prisma',
  adapter: async () => new PrismaLibSQL({ url: process.env.DATABASE_URL! }),
})
`,
    'server.js': `import 'dotenv/config'
import { createServer } from 'node:http'
import { PrismaLibSQL } from '@prisma/adapter-libsql'
import client from './generated/index.js'
const prisma = new client.PrismaClient({ adapter: new PrismaLibSQL({ url: process.env.DATABASE_URL }) })
createServer(async (_, response) => {
  const rows = await prisma.item.count()
  response.end(JSON.stringify({ cwd: process.cwd(), rows: String(rows) }))
}).listen(Number(process.env.PORT || 5477), '127.0.0.1')
`,
    // As an agent on a branch does: a column of its own, and rows with it.
    'agent.js': `import 'dotenv/config'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { PrismaLibSQL } from '@prisma/adapter-libsql'
const file = 'prisma/schema.prisma'
writeFileSync(file, readFileSync(file, 'utf8').replace('@id', '@id\\n  note String?'))
execFileSync('npm', ['run', 'push'], { stdio: ['ignore', 'ignore', 'inherit'] })
const { default: client } = await import('./generated/index.js')
const prisma = new client.PrismaClient({ adapter: new PrismaLibSQL({ url: process.env.DATABASE_URL }) })
await prisma.item.create({ data: { id: 100, note: 'agent' } })
if ((await prisma.item.count()) !== 3) throw new Error('not the worktree’s rows')
`,
    '.env.example': 'DATABASE_URL=file:./dev.db\nPORT=5477\n',
  },
  local: () => ({ '.env': 'DATABASE_URL=file:./dev.db\nPORT=5477\n' }),
  prepare: (root, { sandbox }) => {
    npmInstall(root, sandbox)
    execFileSync('npm', ['run', 'push'], { cwd: root, env: sandbox.env, stdio: 'ignore' })
    execFileSync('sqlite3', [`${root}/dev.db`, 'insert into Item values (1), (2)'])
  },
  left: [],
  servers: [
    { argv: ['npm', 'run', 'dev'], port: 'app', mainPort: 5477, expect: (answer) => assert.equal(answer['rows'], '2') },
  ],
  checks: [{ argv: ['node', 'agent.js'] }, { argv: ['git', 'checkout', '--quiet', 'prisma'] }],
  traces: [/^dev\.db-(wal|shm)$/],
}
