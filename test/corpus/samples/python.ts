/** Python: Flask and Django with SQLite, FastAPI with PostgreSQL in parts; what they import is rebuilt from the standard library. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Sample } from '../sample.ts'

/** Counts the rows of a SQLite file, adds one, and says both: who shares a file counts on. */
const sqliteServer = (port: string, path: string): string => `import json, os, sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer
path = ${path}
def rows():
    with sqlite3.connect(path) as db:
        return db.execute("select count(*) from item").fetchone()[0]
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"cwd": os.getcwd(), "rows": str(rows())}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(${port})), Handler).serve_forever()
`

/** As pytest with a database of its own would: it wipes what it is given, writes, and looks. */
const wipingTest = (path: string): string => `import os, sqlite3
path = ${path}
with sqlite3.connect(path) as db:
    db.execute("delete from item")
for n in range(20):
    with sqlite3.connect(path) as db:
        db.execute("insert into item values (?)", (n,))
with sqlite3.connect(path) as db:
    assert db.execute("select count(*) from item").fetchone()[0] == 20
`

function makeItems(path: string): void {
  execFileSync('sqlite3', [path, 'create table item(id int); insert into item values (1), (2), (3)'])
}

const hasThree = (answer: Readonly<Record<string, string>>): void => assert.equal(answer['rows'], '3')

export const flask: Sample = {
  name: 'Flask with a .flaskenv and a database in instance/',
  files: {
    '.gitignore': 'instance/\n__pycache__/\n.venv/\n.env\n',
    '.flaskenv': 'FLASK_APP=app\nFLASK_RUN_PORT=5441\n',
    'requirements.txt': 'flask==3.1\npython-dotenv==1\n',
    'app.py': sqliteServer('os.environ.get("FLASK_RUN_PORT", "5441")', '"instance/app.sqlite"'),
    'test_app.py': wipingTest('"instance/app.sqlite"'),
  },
  prepare: (root) => {
    execFileSync('mkdir', [join(root, 'instance')])
    makeItems(join(root, 'instance/app.sqlite'))
  },
  servers: [{ argv: ['python3', 'app.py'], port: 'app', mainPort: 5441, expect: hasThree }],
  checks: [{ argv: ['python3', 'test_app.py'] }],
  left: [],
}

export const django: Sample = {
  name: 'Django with db.sqlite3 and a port in the Makefile',
  files: {
    '.gitignore': 'db.sqlite3\n__pycache__/\n.venv/\n',
    'requirements.txt': 'django==5.2\n',
    'manage.py': sqliteServer('__import__("sys").argv[2]', '"db.sqlite3"'),
    'shop/settings.py':
      'from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\nDATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}\n',
    Makefile: 'run:\n\tpython3 manage.py runserver 8441\n',
    'test_shop.py': wipingTest('"db.sqlite3"'),
  },
  prepare: (root) => makeItems(join(root, 'db.sqlite3')),
  servers: [
    {
      argv: ['sh', '-c', 'exec python3 manage.py runserver "${PORT:-8441}"'],
      port: 'app',
      mainPort: 8441,
      expect: hasThree,
    },
  ],
  checks: [{ argv: ['python3', 'test_shop.py'] }],
  left: ['Makefile:2'],
}

export const fastapi: Sample = {
  name: 'FastAPI and Vite, PostgreSQL named in parts',
  usesPostgres: true,
  files: {
    '.gitignore': 'node_modules/\n.venv\n__pycache__/\n.env\n',
    '.env.example':
      'POSTGRES_SERVER=localhost\nPOSTGRES_PORT=5432\nPOSTGRES_DB=app\nPOSTGRES_USER=postgres\nPOSTGRES_PASSWORD=\nBACKEND_PORT=8451\nFRONTEND_HOST=http://localhost:5451\n',
    'backend/pyproject.toml':
      '[project]\nname = "app"\ndependencies = ["fastapi[standard]>=0.114", "sqlmodel", "psycopg[binary]"]\n',
    'backend/app/main.py': 'from fastapi import FastAPI\napp = FastAPI()\n',
    'backend/serve.py': `import json, os, subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
for line in open("../.env"):
    key, _, value = line.strip().partition("=")
    if key and not key.startswith("#"): os.environ.setdefault(key, value.strip("\\"'"))
def sql(text):
    part = lambda name: os.environ["POSTGRES_" + name]
    env = {**os.environ, "PGPASSWORD": part("PASSWORD")}
    args = ["psql", "-XqtA", "-h", part("SERVER"), "-p", part("PORT"), "-U", part("USER"), "-d", part("DB"), "-c", text]
    return subprocess.run(args, env=env, check=True, capture_output=True, text=True).stdout.strip()
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"cwd": os.getcwd(), "rows": sql("select count(*) from item"), "db": os.environ["POSTGRES_DB"]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ["BACKEND_PORT"])), Handler).serve_forever()
`,
    'backend/wipe.py':
      'from serve import sql\nsql("truncate item")\nfor n in range(5): sql(f"insert into item values ({n})")\nassert sql("select count(*) from item") == "5"\n',
    'frontend/package.json': '{\n  "scripts": { "dev": "vite" },\n  "devDependencies": { "vite": "7" }\n}\n',
    'frontend/vite.config.ts': 'export default { server: { port: Number(process.env.FRONTEND_PORT) || 5451 } }\n',
  },
  local: ({ postgres }) => ({
    '.env': `POSTGRES_SERVER=${postgres?.host}
POSTGRES_PORT=${postgres?.port}
POSTGRES_DB=app
POSTGRES_USER=${postgres?.user}
POSTGRES_PASSWORD=${postgres?.password}
BACKEND_PORT=8451
FRONTEND_HOST=http://localhost:5451
`,
  }),
  servers: [
    {
      folder: 'backend',
      argv: ['python3', 'serve.py'],
      port: 'backend',
      mainPort: 8451,
      expect: (answer, { isMain }) => {
        hasThree(answer)
        assert.equal(answer['db'] === 'app', isMain, answer['db'])
      },
    },
  ],
  checks: [{ folder: 'backend', argv: ['python3', 'wipe.py'] }],
  left: [],
  traces: [/__pycache__/],
}
