/** Others: Rails with its four databases, Nest with PostgreSQL in parts, a Django that only compose runs, Rust, Go, Java, Laravel. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Sample } from '../sample.ts'

const storage = ['development', 'development_cache', 'development_queue', 'development_cable']

export const rails: Sample = {
  name: 'Rails 8 with four SQLite files',
  files: {
    '.gitignore': '/storage/*\n!/storage/.keep\n/config/master.key\n/tmp/*\n.env\n',
    'storage/.keep': '',
    Gemfile: 'source "https://rubygems.org"\ngem "rails", "~> 8.0"\ngem "sqlite3"\ngem "puma"\n',
    'config/puma.rb': 'threads 3, 3\nport ENV.fetch("PORT", 3000)\n',
    'config/database.yml': `default: &default
  adapter: sqlite3
  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>
development:
  primary:
    <<: *default
    database: storage/development.sqlite3
  cache:
    <<: *default
    database: storage/development_cache.sqlite3
  queue:
    <<: *default
    database: storage/development_queue.sqlite3
  cable:
    <<: *default
    database: storage/development_cable.sqlite3
test:
  <<: *default
  database: storage/test.sqlite3
`,
    'Procfile.dev': 'web: bin/rails server\n',
    // Which database a Rails task works on: DATABASE_URL before database.yml, in whatever environment.
    'bin/rails': `#!/bin/sh
environment=\${RAILS_ENV:-development}
database=\${DATABASE_URL:-storage/$environment.sqlite3}
case $1 in
  db:test:prepare) RAILS_ENV=test; environment=test; database=\${DATABASE_URL:-storage/test.sqlite3}; sqlite3 "\${database#sqlite3:}" 'drop table if exists item; create table item(id int)' ;;
  db:prepare) for name in development development_cache development_queue development_cable; do test -s storage/$name.sqlite3 || exit 1; done ;;
  server) exec python3 bin/serve.py "\${PORT:-3461}" ;;
esac
`,
    'bin/serve.py': `import json, os, sqlite3, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
def rows(name):
    with sqlite3.connect(f"storage/{name}.sqlite3") as db:
        return str(db.execute("select count(*) from item").fetchone()[0])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        names = ["development", "development_cache", "development_queue", "development_cable"]
        key = open("config/master.key").read()
        body = json.dumps({"cwd": os.getcwd(), "rows": ",".join(map(rows, names)), "key": key}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
`,
  },
  local: () => ({ 'config/master.key': 'k3y' }),
  prepare: (root) => {
    for (const [index, name] of storage.entries()) {
      const rows = Array.from({ length: index + 1 }, (_, n) => `(${n})`).join()
      const path = join(root, `storage/${name}.sqlite3`)
      execFileSync('sqlite3', [path, `create table item(id int); insert into item values ${rows}`])
    }
  },
  servers: [
    {
      argv: ['sh', 'bin/rails', 'server'],
      port: 'app',
      mainPort: 3461,
      expect: ({ rows, key }) => assert.deepEqual([rows, key], ['1,2,3,4', 'k3y']),
    },
  ],
  checks: [{ argv: ['sh', 'bin/rails', 'db:test:prepare'] }],
  left: [],
  traces: [/^storage\/test/],
}

export const nest: Sample = {
  name: 'Nest with PostgreSQL in parts and a port of its own name',
  usesPostgres: true,
  files: {
    '.gitignore': 'node_modules\n.env\n/dist\n',
    'package.json': `{
  "scripts": { "start:dev": "nest start --watch" },
  "dependencies": { "@nestjs/core": "11", "typeorm": "0.3", "pg": "8" }
}
`,
    'env-example':
      'APP_PORT=3471\nBACKEND_DOMAIN=http://localhost:3471\nDATABASE_TYPE=postgres\nDATABASE_HOST=localhost\nDATABASE_PORT=5432\nDATABASE_NAME=app\nDATABASE_USERNAME=root\nDATABASE_PASSWORD=\n',
    'src/main.mjs': `import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
process.loadEnvFile('.env')
const { APP_PORT, BACKEND_DOMAIN, DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_USERNAME, DATABASE_PASSWORD } = process.env
const sql = (text) =>
  execFileSync('psql', ['-XqtA', '-h', DATABASE_HOST, '-p', DATABASE_PORT, '-U', DATABASE_USERNAME, '-d', DATABASE_NAME, '-c', text], {
    encoding: 'utf8',
    env: { ...process.env, PGPASSWORD: DATABASE_PASSWORD },
  }).trim()
if (process.argv[2] === 'wipe') sql('truncate item')
else
  createServer((_, response) =>
    response.end(JSON.stringify({ cwd: process.cwd(), rows: sql('select count(*) from item'), domain: BACKEND_DOMAIN })),
  ).listen(Number(APP_PORT), '127.0.0.1')
`,
  },
  local: ({ postgres }) => ({
    '.env': `APP_PORT=3471
BACKEND_DOMAIN=http://localhost:3471
DATABASE_TYPE=postgres
DATABASE_HOST=${postgres?.host}
DATABASE_PORT=${postgres?.port}
DATABASE_NAME=app
DATABASE_USERNAME=${postgres?.user}
DATABASE_PASSWORD=${postgres?.password}
JWT_SECRET=s3cret
`,
  }),
  servers: [
    {
      argv: ['node', 'src/main.mjs'],
      port: 'app',
      mainPort: 3471,
      expect: ({ rows, domain }, { ports }) =>
        assert.deepEqual([rows, domain], ['3', `http://localhost:${ports['app']}`]),
    },
  ],
  checks: [{ argv: ['node', 'src/main.mjs', 'wipe'] }],
  left: [],
}

export const composeDjango: Sample = {
  name: 'Django that only compose runs, with variables for its ports',
  files: {
    '.gitignore': '.env*\n!.env.example\n',
    'pyproject.toml': '[project]\nname = "hello"\ndependencies = ["django==5.2", "psycopg==3.2", "redis==5"]\n',
    'src/manage.py': 'import django\n',
    'compose.yaml': `services:
  postgres:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD: "\${POSTGRES_PASSWORD}"
    ports: ["\${DOCKER_POSTGRES_PORT:-5432}:5432"]
  redis:
    image: redis:7
    ports: ["6379:6379"]
  web:
    build: .
    ports: ["\${DOCKER_WEB_PORT_FORWARD:-127.0.0.1:8000}:\${PORT:-8000}"]
`,
    '.env.example': 'POSTGRES_PASSWORD=password\nREDIS_URL=redis://localhost:6379/0\nSITE_URL=http://localhost:8000\n',
  },
  local: () => ({
    '.env': 'POSTGRES_PASSWORD=password\nREDIS_URL=redis://localhost:6379/0\nSITE_URL=http://localhost:8000\n',
  }),
  left: [],
}

export const rust: Sample = {
  name: 'a Rust service with PostgreSQL in compose',
  files: {
    '.gitignore': '/target\n.env\n',
    'Cargo.toml': '[package]\nname = "api"\nversion = "0.1.0"\n[dependencies]\naxum = "0.8"\nsqlx = "0.8"\n',
    'src/main.rs':
      'fn main() {\n    let listener = std::net::TcpListener::bind("0.0.0.0:8080").unwrap();\n    drop(listener);\n}\n',
    'docker-compose.yml':
      'services:\n  db:\n    image: postgres:16\n    environment:\n      - POSTGRES_PASSWORD=password\n    ports:\n      - "5432:5432"\n',
  },
  local: () => ({ '.env': 'DATABASE_URL=postgres://postgres:password@localhost:5432/api\n' }),
  left: ['src/main.rs:2'],
}

export const go: Sample = {
  name: 'a Go service with a port in its source and one in a variable',
  files: {
    '.gitignore': '/bin\n.env\n',
    'go.mod': 'module example.invalid/api\n\ngo 1.24\n',
    'main.go':
      'package main\n\nimport (\n\t"net/http"\n\t"os"\n)\n\nfunc main() {\n\tport := os.Getenv("PORT")\n\tif port == "" {\n\t\tport = "8481"\n\t}\n\tgo http.ListenAndServe(":9481", nil)\n\thttp.ListenAndServe(":"+port, nil)\n}\n',
  },
  local: () => ({ '.env': 'PORT=8481\n' }),
  left: ['main.go:13'],
}

export const spring: Sample = {
  name: 'Spring Boot with a port in its properties',
  files: {
    '.gitignore': 'target/\n',
    'pom.xml': '<project><artifactId>api</artifactId></project>\n',
    'src/main/resources/application.properties': 'server.port=8491\nspring.datasource.url=jdbc:h2:mem:app\n',
  },
  // What Spring itself reads of its environment.
  servers: [{ argv: ['sh', '-c', 'exec python3 -m http.server "${SERVER_PORT:-8491}"'], port: 'app', mainPort: 8491 }],
  left: [],
}

export const queue: Sample = {
  name: 'a queue in a Redis server of this machine',
  usesRedis: true,
  files: {
    '.gitignore': '.env\n',
    'package.json': '{ "type": "module", "dependencies": { "bullmq": "5" } }\n',
    '.env.example': 'PORT=3481\nREDIS_URL=redis://localhost:6379/0\n',
    // Says how many have come; who shares its keys counts on, or begins anew.
    'server.js': `import { createServer } from 'node:http'
import { connect } from 'node:net'
process.loadEnvFile('.env')
const { hostname, port, pathname } = new URL(process.env.REDIS_URL)
const ask = (...commands) =>
  new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ host: hostname, port })
    socket.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => resolve(text)).on('error', reject)
    socket.write(\`SELECT \${pathname.slice(1) || 0}\\r\\n\${commands.join('\\r\\n')}\\r\\nQUIT\\r\\n\`)
  })
if (process.argv[2] === 'flush') {
  const words = await ask('FLUSHDB', 'INCR jobs', 'INCR jobs', 'GET jobs')
  if (!words.includes('$1\\r\\n2\\r\\n')) throw new Error(words)
} else
  createServer(async (_, response) =>
    response.end(JSON.stringify({ cwd: process.cwd(), jobs: /:(\\d+)/.exec(await ask('INCR jobs'))[1] })),
  ).listen(Number(process.env.PORT), '127.0.0.1')
`,
  },
  local: ({ redis }) => ({ '.env': `PORT=3481\nREDIS_URL=redis://127.0.0.1:${redis?.port}/0\n` }),
  servers: [
    {
      argv: ['node', 'server.js'],
      port: 'app',
      mainPort: 3481,
      expect: ({ jobs }) => assert.equal(jobs, '1'),
    },
  ],
  checks: [{ argv: ['node', 'server.js', 'flush'] }],
  left: [],
}

export const laravel: Sample = {
  name: 'Laravel with SQLite',
  files: {
    '.gitignore': '/vendor\n/node_modules\n.env\n/database/*.sqlite\n',
    'composer.json': '{ "require": { "laravel/framework": "^12" } }\n',
    artisan: '#!/usr/bin/env php\n<?php\n',
    '.env.example': 'APP_KEY=\nAPP_URL=http://localhost:8000\nDB_CONNECTION=sqlite\n',
    'phpunit.xml': '<phpunit><php><env name="DB_DATABASE" value=":memory:"/></php></phpunit>\n',
    'database/.keep': '',
  },
  local: () => ({ '.env': 'APP_KEY=base64:x\nAPP_URL=http://localhost:8000\nDB_CONNECTION=sqlite\n' }),
  prepare: (root) => {
    mkdirSync(join(root, 'vendor'))
    execFileSync('sqlite3', [
      join(root, 'database/database.sqlite'),
      'create table users(id int); insert into users values (1)',
    ])
  },
  checks: [{ argv: ['sqlite3', 'database/database.sqlite', 'select 1/(count(*) = 1) from users; delete from users'] }],
  left: [],
}
