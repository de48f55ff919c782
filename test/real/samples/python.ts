/** Frameworks of Python, from Debian, each with its own server and tests. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer } from '../../corpus/sample.ts'
import type { RealSample } from '../real-sample.ts'
import { missingPython, python } from '../tools.ts'

const hasThree = (answer: Answer): void => assert.equal(answer['rows'], '3')

export const flask: RealSample = {
  name: 'Flask with a .flaskenv and a database in instance/',
  missing: () => missingPython('flask', 'dotenv', 'pytest'),
  files: {
    '.gitignore': 'instance/\n__pycache__/\n.venv/\n.env\n.pytest_cache/\n',
    '.flaskenv': 'FLASK_APP=shop\nFLASK_RUN_PORT=5471\n',
    'requirements.txt': 'flask\npython-dotenv\npytest\n',
    'shop.py': `import os, sqlite3
from flask import Flask
app = Flask(__name__)

def query(text):
    with sqlite3.connect(os.path.join(app.instance_path, "shop.sqlite")) as db:
        return db.execute(text).fetchone()

@app.get("/")
def home():
    return {"cwd": os.getcwd(), "rows": str(query("select count(*) from item")[0])}
`,
    'test_shop.py': `from shop import app, query

def test_empties_the_database():
    query("delete from item")
    assert app.test_client().get("/").json["rows"] == "0"
`,
  },
  prepare: (root) => {
    mkdirSync(join(root, 'instance'))
    execFileSync('sqlite3', [
      join(root, 'instance/shop.sqlite'),
      'create table item(id int); insert into item values (1), (2), (3)',
    ])
  },
  servers: [{ argv: [python, '-m', 'flask', 'run'], port: 'app', mainPort: 5471, expect: hasThree }],
  checks: [{ argv: [python, '-m', 'pytest', '-q'] }],
  left: [],
  traces: [/__pycache__/, /\.pytest_cache/],
}
