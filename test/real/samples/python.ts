/** Frameworks of Python, from Debian, each with its own server and tests. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer } from '../../corpus/sample.ts'
import type { RealSample } from '../real-sample.ts'
import { missing, missingPython, python } from '../tools.ts'

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

const makefile = (port: string): string =>
  `run:\n\t${python} manage.py runserver ${port}\n\ntest:\n\t${python} manage.py test\n`

export const django: RealSample = {
  name: 'Django with its port in a Makefile, migrated in two worktrees at once',
  missing: () => missing('make', '--version') || missingPython('django'),
  files: {
    '.gitignore': 'db.sqlite3\n__pycache__/\n.venv/\n.env\n',
    'manage.py': `import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`,
    'config/__init__.py': '',
    'config/settings.py': `from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "sample"
DEBUG = True
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["shop"]
ROOT_URLCONF = "config.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
`,
    'config/urls.py': 'from django.urls import path\nfrom shop.views import home\nurlpatterns = [path("", home)]\n',
    'shop/__init__.py': '',
    'shop/migrations/__init__.py': '',
    'shop/migrations/0001_initial.py': `from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel(name="Item", fields=[("id", models.BigAutoField(primary_key=True))])]
`,
    'shop/models.py': 'from django.db import models\nclass Item(models.Model): pass\n',
    'shop/views.py': `import os
from django.http import JsonResponse
from shop.models import Item
def home(request):
    return JsonResponse({"cwd": os.getcwd(), "rows": str(Item.objects.count())})
`,
    'shop/tests.py': `from django.test import TestCase
from shop.models import Item
class Tests(TestCase):
    def test_starts_empty(self):
        Item.objects.create()
        self.assertEqual(self.client.get("/").json()["rows"], "1")
`,
    'requirements.txt': 'django\n',
    Makefile: makefile('8471'),
  },
  prepare: (root, { sandbox: { env } }) => {
    execFileSync(python, ['manage.py', 'migrate', '--verbosity=0'], { cwd: root, env })
    execFileSync('sqlite3', [join(root, 'db.sqlite3'), 'insert into shop_item values (1), (2), (3)'])
  },
  left: ['Makefile:2'],
  mend: { Makefile: makefile('$${PORT:-8471}') },
  servers: [{ argv: ['make', 'run'], port: 'app', mainPort: 8471, expect: hasThree }],
  checks: [
    { argv: ['make', 'test'] },
    { argv: [python, 'manage.py', 'migrate', 'shop', 'zero'] },
    { argv: [python, 'manage.py', 'migrate'] },
  ],
  traces: [/__pycache__/],
}

export const fastapi: RealSample = {
  name: 'FastAPI on uvicorn with its database in .env',
  missing: () => missingPython('fastapi', 'uvicorn', 'dotenv', 'pytest'),
  files: {
    '.gitignore': '__pycache__/\n.venv/\n.env\n*.db\n.pytest_cache/\n',
    'requirements.txt': 'fastapi\nuvicorn\npython-dotenv\npytest\n',
    'README.md': '# Shop\n\n    uvicorn app.main:app --reload\n',
    'app/__init__.py': '',
    'app/main.py': `import os, sqlite3
from dotenv import load_dotenv
from fastapi import FastAPI
load_dotenv(".env")
app = FastAPI()

def query(text):
    with sqlite3.connect(os.environ["DATABASE_URL"].split("///")[1]) as db:
        return db.execute(text).fetchone()

@app.get("/")
def home():
    return {"cwd": os.getcwd(), "rows": str(query("select count(*) from item")[0])}
`,
    'tests/test_main.py': `from app.main import home, query

def test_empties_the_database():
    query("delete from item")
    assert home()["rows"] == "0"
`,
    '.env.example': 'DATABASE_URL=sqlite:///./shop.db\n',
  },
  local: () => ({ '.env': 'DATABASE_URL=sqlite:///./shop.db\n' }),
  prepare: (root) => {
    const rows = 'create table item(id int); insert into item values (1), (2), (3)'
    execFileSync('sqlite3', [join(root, 'shop.db'), rows])
  },
  left: [],
  servers: [
    {
      argv: [python, '-m', 'uvicorn', 'app.main:app', '--reload'],
      env: { UVICORN_PORT: '8473' },
      port: 'app',
      mainPort: 8473,
      expect: hasThree,
    },
  ],
  checks: [{ argv: [python, '-m', 'pytest', '-q'] }],
  traces: [/__pycache__/, /\.pytest_cache/],
}
