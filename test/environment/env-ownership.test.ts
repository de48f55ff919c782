import assert from 'node:assert/strict'
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { removeEnvFile, writeEnvFile } from '../../lib/environment/env-file.ts'
import { ownGitFolder } from '../../lib/git/linked-git-dir.ts'
import { readIfAny } from '../../lib/files/read-if-any.ts'
import { createSandbox } from '../support/sandbox.ts'

const text = 'PORT=20410\nDATABASE_URL=file:/x\n'

function createWorld(t: TestContext): { main: string; worktree: string; file: string } {
  const sandbox = createSandbox(t)
  const main = sandbox.repository('main')
  const worktree = join(sandbox.folder, 'worktree')
  sandbox.git(main, 'worktree', 'add', '--quiet', worktree)
  return { main, worktree, file: join(worktree, '.env.local') }
}

function offeredBy(main: string): () => string | undefined {
  return () => readIfAny(join(main, '.env.local'))
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

test('an env file of ours goes, with what it took over from the main checkout, and however often it was written', (t) => {
  const { main, worktree, file } = createWorld(t)
  for (const base of ['', 'PORT=3000\nSECRET=1']) {
    writeFileSync(join(main, '.env.local'), base)
    writeEnvFile(offeredBy(main), worktree, '.env.local', text)
    writeEnvFile(offeredBy(main), worktree, '.env.local', 'SECRET=2\n')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    removeEnvFile(worktree, '.env.local')
    assert.equal(isThere(file), false)
  }
})

test('a line that a user added to it stays, even when it was written again since', (t) => {
  const { main, worktree, file } = createWorld(t)
  for (const isRewritten of [false, true]) {
    writeEnvFile(offeredBy(main), worktree, '.env.local', text)
    appendFileSync(file, 'API_KEY=mine\n')
    if (isRewritten) writeEnvFile(offeredBy(main), worktree, '.env.local', text)
    removeEnvFile(worktree, '.env.local')
    assert.equal(readFileSync(file, 'utf8'), 'API_KEY=mine\n')
    rmSync(file)
  }
})

test('a file that was there comes back to the byte, or with what was added since', (t) => {
  const { main, worktree, file } = createWorld(t)
  const original = 'A=1\r\nPORT=3000 # mine\r\nB=2\r\nDATABASE_URL="x\r\ny"'
  writeFileSync(file, original)
  writeEnvFile(offeredBy(main), worktree, '.env.local', text)
  writeEnvFile(offeredBy(main), worktree, '.env.local', 'B=3\nPORT=1\n')
  removeEnvFile(worktree, '.env.local')
  assert.equal(readFileSync(file, 'utf8'), original)
  writeEnvFile(offeredBy(main), worktree, '.env.local', text)
  appendFileSync(file, 'C=3\n')
  removeEnvFile(worktree, '.env.local')
  assert.equal(readFileSync(file, 'utf8'), `${original}\nC=3\n`)
})

test('what its user set outside of the block comes back, although the block replaced it', (t) => {
  const { main, worktree, file } = createWorld(t)
  writeFileSync(file, 'PORT=1\n')
  writeEnvFile(offeredBy(main), worktree, '.env.local', text)
  appendFileSync(file, 'PORT=2\n')
  writeEnvFile(offeredBy(main), worktree, '.env.local', text)
  removeEnvFile(worktree, '.env.local')
  assert.equal(readFileSync(file, 'utf8'), 'PORT=2\n')
})

test('a link comes back, and what it leads to is never written', (t) => {
  const { main, worktree, file } = createWorld(t)
  const target = join(main, '.env.local')
  for (const base of ['PORT=3000\nSECRET=1\n', undefined]) {
    rmSync(target, { force: true })
    if (base !== undefined) writeFileSync(target, base)
    symlinkSync('../main/.env.local', file)
    writeEnvFile(offeredBy(main), worktree, '.env.local', text)
    writeEnvFile(offeredBy(main), worktree, '.env.local', text)
    assert.ok(lstatSync(file).isFile())
    assert.equal(readFileSync(file, 'utf8').includes('SECRET=1'), base !== undefined)
    removeEnvFile(worktree, '.env.local')
    assert.equal(readlinkSync(file), '../main/.env.local')
    assert.equal(isThere(target) ? readFileSync(target, 'utf8') : undefined, base)
    rmSync(file)
  }
})

test('a file without our block, a link and what a symlinked folder leads to are left alone', (t) => {
  const { main, worktree, file } = createWorld(t)
  const nested = join(worktree, 'config/.env.local')
  writeEnvFile(offeredBy(main), worktree, 'config/.env.local', text)
  const content = readFileSync(nested, 'utf8')
  rmSync(join(worktree, 'config'), { recursive: true })
  mkdirSync(join(main, 'config'))
  writeFileSync(join(main, 'config/.env.local'), content)
  symlinkSync(join(main, 'config'), join(worktree, 'config'))
  removeEnvFile(worktree, 'config/.env.local')
  assert.equal(readFileSync(nested, 'utf8'), content)
  assert.throws(() => writeEnvFile(offeredBy(main), worktree, 'config/.env.local', text), /symlink/)
  symlinkSync(nested, file)
  removeEnvFile(worktree, '.env.local')
  assert.ok(lstatSync(file).isSymbolicLink())
  rmSync(file)
  writeFileSync(file, 'PORT=1\n')
  removeEnvFile(worktree, '.env.local')
  assert.equal(readFileSync(file, 'utf8'), 'PORT=1\n')
})

test('several files each come back as they were, also one that an older version has written', (t) => {
  const { main, worktree, file } = createWorld(t)
  const other = join(worktree, 'other.env')
  writeFileSync(file, 'A=1\nPORT=3000\n')
  writeFileSync(other, 'PORT=4000\nB=2\n')
  writeEnvFile(offeredBy(main), worktree, '.env.local', text)
  // As older versions kept it: under one name, whichever the file was.
  const own = ownGitFolder(worktree)
  for (const name of readdirSync(own).filter((one) => one.endsWith('.origin')))
    renameSync(join(own, name), join(own, 'environment.origin'))
  writeEnvFile(offeredBy(main), worktree, 'other.env', 'PORT=20411\n')
  writeEnvFile(offeredBy(main), worktree, '.env.local', text)
  assert.match(readFileSync(other, 'utf8'), /PORT=20411/)
  for (const inner of ['.env.local', 'other.env']) removeEnvFile(worktree, inner)
  assert.deepEqual(
    [file, other].map((path) => readFileSync(path, 'utf8')),
    ['A=1\nPORT=3000\n', 'PORT=4000\nB=2\n'],
  )
})
