import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findSeed, listSeedFiles } from '../../lib/project/seed.ts'
import { isExpected, listByLabel, skipWithoutDocker } from '../support/docker.ts'
import { createThroughHook } from '../support/hook.ts'
import { ask, createPostgresRepository, runCreate, urlOf } from '../support/postgres-container.ts'

const options = { skip: skipWithoutDocker }

/** As pg_dump 15.14 and later write it. */
const dumped = `\\restrict 0Zb9
SET client_encoding = 'UTF8';
CREATE TABLE public.word (id integer, text text);
COPY public.word (id, text) FROM stdin;
1\tgrün
2\t\\N
3\tit's;--
\\.
ALTER TABLE ONLY public.word ADD CONSTRAINT word_pkey PRIMARY KEY (id);
\\unrestrict 0Zb9
`

test(
  'one container takes seeds of every form, each run once, the newest of them for the next database',
  options,
  async (t) => {
    const repository = createPostgresRepository(
      t,
      { isolation: 'database', seed: 'db' },
      {
        'db/2-more.sql': "\\set word 'four'\nINSERT INTO word VALUES (4, :'word');\n",
        'db/1-dump.sql': dumped,
        'db/readme.txt': 'no SQL\n',
        'node_modules/seeder/words.sql': "INSERT INTO word VALUES (9, 'from a package');\n",
        'package.json': '{}\n',
        '.gitignore': '.env.local\nnode_modules\n',
      },
    )
    const { sandbox, root, label, configure } = repository
    sandbox.write('shop/node_modules/seeder/words.sql', "INSERT INTO word VALUES (9, 'from a package');\n")
    const words = 'select text from word order by id'
    const dumpedWords = ['grün', null, "it's;--"]

    const one = await createThroughHook(sandbox, root, 'one')
    assert.deepEqual(await ask(urlOf(one), words), [...dumpedWords, 'four'])

    const [container = ''] = listByLabel('container', label)
    const { pathname } = new URL(urlOf(one))
    const dump = (format: string): Buffer =>
      execFileSync('docker', ['exec', container, 'pg_dump', '-U', 'postgres', `-F${format}`, pathname.slice(1)])
    for (const [format, file] of Object.entries({ c: 'db.dump', t: 'db.tar', p: 'plain.sql' })) {
      writeFileSync(join(root, file), dump(format))
      sandbox.git(root, 'add', '--all')
      configure({ isolation: 'database', seed: file })
      const worktree = await createThroughHook(sandbox, root, `format-${format}`)
      assert.deepEqual(await ask(urlOf(worktree), words), [...dumpedWords, 'four'], file)
      sandbox.cli(root, 'remove', `format-${format}`)
    }

    // Files and a command, which has the worktree's environment and its dependencies; run once, and again after a change.
    const runs = join(sandbox.folder, 'runs')
    const log = `echo "$AGENT_ISOLATE_WORKTREE $DATABASE_URL" >>'${runs}'`
    const fill = 'psql -qX --file=node_modules/seeder/words.sql "$DATABASE_URL"'
    const seedCommand = `${log}; ${fill}`
    configure({ isolation: 'database', seed: 'db', seedCommand })
    const at = await Promise.all(['a', 'b', 'c'].map((name) => createThroughHook(sandbox, root, name)))
    for (const worktree of at) {
      assert.deepEqual(await ask(urlOf(worktree), words), [...dumpedWords, 'four', 'from a package'])
    }
    const [line = '', ...others] = readFileSync(runs, 'utf8').trim().split('\n')
    assert.deepEqual(others, [])
    assert.match(line, /^[abc] postgresql:\/\/postgres:[0-9a-f]{32}@127\.0\.0\.1:\d+\/agent_seed_[0-9a-f]{12}$/)

    // The command alone; db reset has it too, and templates of old seeds are gone.
    configure({
      isolation: 'database',
      seedCommand: 'psql -qX -c "create table word as select 1 id, \'new\' as text" "$DATABASE_URL"',
    })
    sandbox.cli(at[0] ?? '', 'db', 'reset')
    assert.deepEqual(await ask(urlOf(at[0] ?? ''), words), ['new'])
    assert.equal((await ask(urlOf(at[1] ?? ''), words)).length, 5)
    const templates = "select count(*) from pg_database where datname like 'agent\\_seed\\_%'"
    assert.deepEqual(await ask(urlOf(one), templates), ['1'])

    // A seed that fails is made anew once it is fixed.
    configure({ isolation: 'database', seedCommand: 'psql -qX -c "create table half()" "$DATABASE_URL"; exit 1' })
    const failed = await runCreate(repository, 'two')
    assert.equal(failed.code, 1)
    assert.match(failed.stderr, /failed \(1\)/)
    configure({ isolation: 'database', seedCommand: 'psql -qX -c "create table half()" "$DATABASE_URL"' })
    const two = await createThroughHook(sandbox, root, 'two')
    assert.deepEqual(await ask(urlOf(two), 'select count(*) from half'), ['0'])
  },
)

test("what the image's own scripts make is in the database, and after a reset again", options, async (t) => {
  const { sandbox, root, configure } = createPostgresRepository(
    t,
    {},
    {
      'init/1.sql': 'create table made(id int); insert into made values (1);\n',
      'seed.sql': 'insert into made values (2);\n',
    },
  )
  configure({
    runArgs: [`--volume=${root}/init:/docker-entrypoint-initdb.d:ro`],
    seed: 'seed.sql',
    name: 'postgres',
    user: 'shop',
  })
  const worktree = await createThroughHook(sandbox, root, 'one')
  const url = urlOf(worktree)
  assert.match(url, /^postgresql:\/\/shop:.*\/postgres$/)
  assert.deepEqual(await ask(url, 'select id from made order by 1'), ['1', '2'])
  await ask(url, 'drop table made')
  sandbox.cli(worktree, 'db', 'reset')
  assert.deepEqual(await ask(url, 'select id from made order by 1'), ['1', '2'])
})

test('a seed stays in the repository, and its hash is of all that is run', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-isolate-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const source = join(folder, 'shop')
  mkdirSync(join(source, 'db/sub.sql'), { recursive: true })
  mkdirSync(join(source, 'empty'))
  writeFileSync(join(folder, 'outside.sql'), '')
  writeFileSync(join(source, 'db/b.sql'), 'x'.repeat(3_000_000))
  writeFileSync(join(source, 'db/a.dump'), '')
  assert.deepEqual(listSeedFiles(source, 'db'), [join(source, 'db/a.dump'), join(source, 'db/b.sql')])
  const hash = (seedCommand?: string): string => findSeed(source, { seed: 'db', seedCommand }).hash
  const hashes = [hash(), hash('x')]
  writeFileSync(join(source, 'db/b.sql'), `${'x'.repeat(2_999_999)}y`)
  hashes.push(hash())
  writeFileSync(join(source, 'db/a.dump'), 'x')
  hashes.push(hash(), hash('x'))
  assert.equal(new Set(hashes).size, 5)
  assert.equal(findSeed(source, { seed: undefined, seedCommand: undefined }).hash, '')

  assert.throws(() => listSeedFiles(source, 'none'), isExpected(/none does not exist/, /"database\.seed"/))
  assert.throws(() => listSeedFiles(source, 'empty'), isExpected(/holds no \.sql file and no dump/))
  symlinkSync(join(folder, 'outside.sql'), join(source, 'db/c.sql'))
  assert.throws(() => listSeedFiles(source, 'db'), isExpected(/c\.sql is a link to .*outside\.sql, outside/))
  symlinkSync(folder, join(source, 'link'))
  assert.throws(() => listSeedFiles(source, 'link'), isExpected(/link is a link to/))
})
