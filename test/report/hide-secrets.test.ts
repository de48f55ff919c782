/** A password is printed by what is asked for it, and by nothing else, in whatever form a parser of ours reads it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDatabaseTarget as detectUrl } from '../../detect/database.ts'
import { findDatabase } from '../../doctor/database-rules.ts'
import { currentEngine, docker, withoutPassword } from '../../lib/docker/engine.ts'
import { hideSecrets } from '../../lib/report/hide-secrets.ts'
import { renderLease, type Lease } from '../../lib/ledger/lease.ts'
import { parseDatabaseUrl } from '../../lib/database/postgres/client/database-url.ts'
import { ownIdentity } from '../../lib/processes/process-identity.ts'
import { createSandbox } from '../support/sandbox.ts'

/** What must never be seen. */
const marker = 'MARKER'

/** All are accepted by the parser of database URLs; port 9 is where nobody answers. */
const accepted = [
  `postgres://u:${marker}@127.0.0.1:9/d`,
  `postgresql://u:${marker}@127.0.0.1:9/d?sslmode=disable`,
  `postgresql+asyncpg://u:${marker}@127.0.0.1:9/d`,
  `jdbc:postgresql://u:${marker}@127.0.0.1:9/d`,
  `jdbc:postgresql://127.0.0.1:9/d?user=u&password=${marker}`,
  `postgres://u:se?${marker}@127.0.0.1:9/d`,
  `postgres://u:se#${marker}@127.0.0.1:9/d`,
  `postgres://u:se@${marker}@127.0.0.1:9/d`,
  `postgres://u:se:${marker}@127.0.0.1:9/d`,
  `postgres://u:se&${marker}@127.0.0.1:9/d`,
  `postgres://u:se, ${marker}@127.0.0.1:9/d`,
  `postgres://u:${marker}%2F%40@127.0.0.1:9/d`,
  `postgres://:${marker}@127.0.0.1:9/d`,
  `postgres://u:${marker}@[::1]:9/d`,
  `postgres://u:${marker}@/d?host=/nowhere`,
  `postgres://u@127.0.0.1:9/d?password=a b${marker}&sslmode=disable`,
  `postgres://u@127.0.0.1:9/d?p%61ssword=${marker}`,
  `postgres://u@127.0.0.1:9/d?sslpassword=${marker}#note`,
  `postgres://u@127.0.0.1:9/d?user=u&password=a#${marker}`,
]

/** Not accepted, and yet in people's files, and so in what programs say. */
const other = [
  `postgres://u:se/${marker}@h/d`,
  `postgres://u:${marker}@h1:1,h2:2/d`,
  `mongodb+srv://u:${marker}@h1,h2/d`,
  `jdbc:sqlserver://h:1433;user=sa;password=${marker};database=d`,
  `fatal: unable to access 'https://x-token:${marker}@example.com/a.git/': Could not resolve host`,
  `fatal: Authentication failed for 'https://${marker}@example.com/a.git/'`,
  `mirror https://example.com/ of https://u:${marker}@example.com/a`,
  `ssh://u:${marker}@host`,
  `PGPASSWORD=${marker} psql -h h`,
  `PGPASSWORD='a ${marker}' psql -h h`,
  `docker run -e POSTGRES_PASSWORD=${marker} -p 5432:5432 image`,
  `POSTGRES_PASSWORD: ${marker}`,
  `{"password":"a ${marker}","port":1}`,
  `new Client({ password: '${marker}' })`,
  `psql --password=${marker}`,
  `\u001b[2mpostgres://u:${marker}@h\u001b[22m`,
]

test('a password is hidden in every form, once and for all, and alone', () => {
  for (const text of [...accepted, ...other]) {
    for (const keeps of [undefined, 'references', 'code'] as const) {
      // What a shell acts on is shown, where it is to be judged.
      if (keeps === 'code' && text.includes('&')) continue
      const shown = hideSecrets(text, keeps === undefined ? {} : { keeps })
      assert.ok(!shown.includes(marker), `${keeps}: ${text} became ${shown}`)
      assert.ok(shown.includes('***'), shown)
      assert.equal(hideSecrets(shown), shown)
    }
  }
  const table: [string, string][] = [
    [`postgres://u:se?${marker}@[::1]:5432/d?sslmode=require`, 'postgres://u:***@[::1]:5432/d?sslmode=require'],
    [`"postgres://u:a ${marker}@h1:1,h2:2/d", and more`, '"postgres://u:***@h1:1,h2:2/d", and more'],
    [`(postgres://u@h/d?password=${marker}&x=1), b`, '(postgres://u@h/d?password=***&x=1), b'],
    [`docker run -e POSTGRES_PASSWORD=${marker} -p 1:2`, 'docker run -e POSTGRES_PASSWORD=*** -p 1:2'],
    [`cannot reach https://t:${marker}@h/a.git: no`, 'cannot reach https://***:***@h/a.git: no'],
  ]
  for (const [text, expected] of table) assert.equal(hideSecrets(text), expected)
})

test('what is no secret stays as it is', () => {
  const texts = [
    'postgres://u@h:5432/d?sslmode=require#note',
    'postgres://[::1]:5432/d@x',
    'postgresql://user:password@host:5432/database',
    'ssh://git@example.com/a.git',
    'git@example.com:a/b.git',
    'https://registry.npmjs.org/@scope/package, http://localhost:3000/@vite/client',
    'answers at http://localhost:3000, says me@example.com',
    'tcp://host:2376',
    'the password is wrong: see pg_hba.conf',
    'PWD=/repo',
    'file:./dev.db',
    'postgres://localhost:$PORT/d',
  ]
  for (const text of texts) assert.equal(hideSecrets(text), text)
})

test('a reference is shown where references are, and code that a shell acts on where it is to be judged', () => {
  const references = ['postgresql://$PGUSER:$PGPASSWORD@db/shop', 'PGPASSWORD=${SECRET} psql', '$SHOP_URL']
  for (const text of references) assert.equal(hideSecrets(text, { keeps: 'references' }), text)
  const code = 'TOKEN="$(curl example.com | sh)" npm ci'
  assert.equal(hideSecrets(code, { keeps: 'code' }), code)
  const half = 'postgresql://u:${PASSWORD_OF_DB:-secret}@db/shop'
  for (const keeps of ['references', 'code'] as const) {
    assert.equal(hideSecrets(half, { keeps }), 'postgresql://u:***@db/shop')
  }
})

test('no part of a password is taken for the host, the port or the name of a database', () => {
  for (const url of accepted) {
    parseDatabaseUrl(url)
    assert.ok(!JSON.stringify([detectUrl(url) ?? null, findDatabase(`"${url}"`) ?? null]).includes(marker), url)
  }
})

test('DOCKER_HOST is shown without its password, also where docker quotes it', async (t) => {
  for (const [host, shown] of [
    [`ssh://u:${marker}@h`, 'ssh://u:***@h'],
    [`u:${marker}@h:2376`, 'u:***@h:2376'],
    ['tcp://h:2376', 'tcp://h:2376'],
    ['h:2376', 'h:2376'],
  ] as const) {
    assert.equal(withoutPassword(host), shown)
  }
  const sandbox = createSandbox(t)
  const fake = '#!/bin/sh\necho "unable to parse docker host \\`$DOCKER_HOST\\`" >&2\nexit 1\n'
  spawnSync('chmod', ['+x', sandbox.write('bin/docker', fake)])
  const path = process.env['PATH']
  t.after(() => (process.env['PATH'] = path))
  process.env['PATH'] = `${join(sandbox.folder, 'bin')}:${path}`
  const engine = currentEngine({ DOCKER_HOST: `u:${marker}@h:x` })
  await assert.rejects(docker(engine, ['info']), (error: Error) => !error.message.includes(marker))
})

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

test('no command prints a password that it was not asked for', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('app', {
    '.gitignore': '.env\n',
    'db.ts': accepted.map((url, index) => `export const url${index} = "${url}"\n`).join(''),
    '.env.agent.template': accepted.map((url, index) => `DATABASE_URL_${index}="${url}"\n`).join(''),
    'package.json': JSON.stringify({ scripts: { seed: `PGPASSWORD=${marker} psql` }, dependencies: { pg: '8' } }),
    '.claude/settings.json': JSON.stringify({ env: { PGPASSWORD: marker, URL: accepted[5] } }, undefined, 2),
  })
  writeFileSync(join(root, '.env'), accepted.map((url, index) => `DB_${index}='${url}'\n`).join(''))
  accepted.forEach((url, index) => plantLease(sandbox.folder, root, url, index))
  const run = (...args: string[]): string => {
    const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: root,
      env: sandbox.env,
      encoding: 'utf8',
    })
    return stdout + stderr
  }
  const silent = (...args: string[]): void => {
    const printed = run(...args)
    const leak = printed.split('\n').find((line) => line.includes(marker))
    assert.equal(leak, undefined, args.join(' '))
    assert.ok(printed.length > 0)
  }
  silent('list')
  silent('list', '--json')
  assert.equal(run('list', '--json').split('***').length, accepted.length + 1)
  silent('whois', '20000')
  silent('whois', '20000', '--json')
  silent('gc', '--dry-run')
  silent('doctor')
  silent('doctor', '--json')
  silent('init', '--dry-run')
  silent('init', '--dry-run', '--json')
  silent('remove', 'w3')
  assert.match(run('db', 'url', '--name', 'w0'), new RegExp(marker))
  sandbox.git(root, 'remote', 'add', 'origin', `http://x:${marker}@127.0.0.1:9/a.git`)
  sandbox.git(root, 'update-ref', 'refs/remotes/origin/main', 'HEAD')
  sandbox.git(root, 'symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main')
  writeFileSync(join(root, '.env.agent.template'), 'PORT=$AGENT_DYNAMIC_PORT\n')
  silent('create', 'with-remote')
  for (const url of accepted) {
    const database = { provider: 'postgres-server', url: url.replaceAll('$', '') }
    writeFileSync(join(root, 'agent-isolate.json'), JSON.stringify({ database, setup: [`PGPASSWORD=${marker} true`] }))
    silent('trust')
    silent('create', 'one')
  }
})

/** A ready worktree with a database of its own, as the ledger has it. */
function plantLease(folder: string, root: string, url: string, index: number): void {
  const worktree = join(folder, `worktree-${index}`)
  mkdirSync(worktree)
  const block = 20000 + index * 10
  const lease: Lease = {
    id: index.toString(16).padStart(16, '0'),
    block,
    ports: { app: block },
    worktree,
    commonDir: join(root, '.git'),
    root,
    name: `w${index}`,
    branch: undefined,
    state: 'ready',
    maker: ownIdentity(),
    resources: [{ kind: 'postgres', url, maintenance: url, purpose: 'development', on: 'server' }],
    createdAt: new Date().toISOString(),
  }
  mkdirSync(join(folder, 'state/leases'), { recursive: true })
  writeFileSync(join(folder, `state/leases/${block}.json`), renderLease(lease))
}
