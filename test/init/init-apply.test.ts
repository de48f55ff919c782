import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { applyPlan } from '../../init/apply.ts'
import type { FileChange } from '../../init/file-change.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { createSandbox } from '../support/sandbox.ts'

test('files are created, changed and deleted, with folders and modes; nothing else is left', (t) => {
  const { folder, write } = createSandbox(t)
  const changed = write('a/changed.json', 'old\n')
  chmodSync(changed, 0o640)
  if (process.getuid?.() === 0) chownSync(changed, 1234, 1234)
  const deleted = write('a/deleted', 'bye\n')
  const created = join(folder, 'b/c/d/run')
  applyPlan({
    changes: [
      { path: changed, before: 'old\n', after: 'new\n', mode: 0o600 },
      { path: deleted, before: 'bye\n', after: undefined },
      { path: created, before: undefined, after: 'echo\n', mode: 0o755 },
    ],
  })
  assert.equal(readFileSync(changed, 'utf8'), 'new\n')
  assert.equal(statSync(changed).mode & 0o777, 0o640)
  if (process.getuid?.() === 0) assert.equal(statSync(changed).uid, 1234)
  assert.equal(statSync(created).mode & 0o777, 0o755)
  assert.deepEqual(readdirSync(join(folder, 'a')), ['changed.json'])
  assert.deepEqual(readdirSync(join(folder, 'b/c/d')), ['run'])
})

test('a file that has changed since the plan was made stops all of it', (t) => {
  const { folder, write } = createSandbox(t)
  const [first, second] = [write('first', '1'), write('second', 'edited meanwhile')]
  const changes = [
    { path: first, before: '1', after: '2' },
    { path: second, before: 'as planned', after: '2' },
  ]
  assert.throws(() => applyPlan({ changes }), failure(/second has changed since the plan was made/))
  assert.equal(readFileSync(first, 'utf8'), '1')
  assert.deepEqual(readdirSync(folder).toSorted(), ['first', 'home', 'second'])
})

test('a file that has come into being, or gone, since the plan was made stops it too', (t) => {
  const { folder, write } = createSandbox(t)
  const appeared = write('appeared', 'theirs')
  assert.throws(
    () => applyPlan({ changes: [{ path: appeared, before: undefined, after: 'ours' }] }),
    failure(/appeared/),
  )
  const gone = join(folder, 'gone')
  assert.throws(() => applyPlan({ changes: [{ path: gone, before: 'x', after: 'y' }] }), failure(/gone has changed/))
  assert.equal(readFileSync(appeared, 'utf8'), 'theirs')
})

test('when the fourth file cannot be put in place, the three before it are as they were', (t) => {
  const { folder, write } = createSandbox(t)
  const [changed, deleted] = [write('changed', 'old'), write('deleted', 'bye')]
  const inode = statSync(changed).ino
  const blocked = join(folder, 'blocked')
  const changes = [
    { path: changed, before: 'old', after: 'new' },
    { path: join(folder, 'made/created'), before: undefined, after: 'x' },
    { path: deleted, before: 'bye', after: undefined },
    // The next one makes a folder of this name before any file is put in place, and no file can replace a folder.
    { path: blocked, before: undefined, after: 'file' },
    { path: join(blocked, 'inner'), before: undefined, after: 'x' },
  ]
  assert.throws(() => applyPlan({ changes }), failure(/could not be written/))
  assert.deepEqual(readdirSync(folder).toSorted(), ['changed', 'deleted', 'home'])
  assert.equal(readFileSync(changed, 'utf8'), 'old')
  assert.equal(statSync(changed).ino, inode)
  assert.equal(readFileSync(deleted, 'utf8'), 'bye')
})

test('a folder that cannot be made leaves nothing behind', (t) => {
  const { folder, write } = createSandbox(t)
  const changed = write('changed', 'old')
  write('file-in-the-way', '')
  const changes = [
    { path: changed, before: 'old', after: 'new' },
    { path: join(folder, 'made/x'), before: undefined, after: 'x' },
    { path: join(folder, 'file-in-the-way/x'), before: undefined, after: 'x' },
  ]
  assert.throws(() => applyPlan({ changes }), failure(/file-in-the-way/))
  assert.deepEqual(readdirSync(folder).toSorted(), ['changed', 'file-in-the-way', 'home'])
  assert.equal(readFileSync(changed, 'utf8'), 'old')
})

test('a symlink is written through, also to a file that is not there yet', (t) => {
  const { folder, write } = createSandbox(t)
  const real = write('dotfiles/settings.json', 'old')
  const link = join(folder, 'settings.json')
  symlinkSync('dotfiles/settings.json', link)
  const dangling = join(folder, 'local.json')
  symlinkSync(join(folder, 'dotfiles/local.json'), dangling)
  applyPlan({
    changes: [
      { path: link, before: 'old', after: 'new' },
      { path: dangling, before: undefined, after: 'made' },
    ],
  })
  assert.ok(lstatSync(link).isSymbolicLink() && lstatSync(dangling).isSymbolicLink())
  assert.equal(readFileSync(real, 'utf8'), 'new')
  assert.equal(readFileSync(join(folder, 'dotfiles/local.json'), 'utf8'), 'made')
})

test('a symlink to itself, a folder and a file that is read-only are errors that name it', (t) => {
  const { folder, write } = createSandbox(t)
  const loop = join(folder, 'loop')
  symlinkSync('loop', loop)
  assert.throws(() => applyPlan(changeOf(loop)), failure(/loop/))
  assert.throws(() => applyPlan(changeOf(join(folder, 'home'))), failure(/home cannot be read/))
  const protectedFile = write('protected', 'old')
  chmodSync(protectedFile, 0o444)
  assert.throws(() => applyPlan(changeOf(protectedFile, 'old')), failure(/protected is read-only/))
  assert.equal(readFileSync(protectedFile, 'utf8'), 'old')
})

test('a file that is not UTF-8 is not edited', (t) => {
  const { folder } = createSandbox(t)
  const path = join(folder, 'latin1')
  writeFileSync(path, Buffer.from([0x66, 0xfc, 0x72]))
  assert.throws(() => applyPlan({ changes: [{ path, before: 'f\uFFFDr', after: 'x' }] }), failure(/not UTF-8/))
  assert.deepEqual([...readFileSync(path)], [0x66, 0xfc, 0x72])
})

test('folders go with their last file, and stay with any other', (t) => {
  const { folder, write } = createSandbox(t)
  const [a, b] = [write('x/y/a', 'a'), write('z/b', 'b')]
  write('z/theirs', '')
  applyPlan({
    changes: [
      { path: a, before: 'a', after: undefined },
      { path: b, before: 'b', after: undefined },
    ],
    emptyFolders: [join(folder, 'x/y'), join(folder, 'x'), join(folder, 'z')],
  })
  assert.ok(!existsSync(join(folder, 'x')))
  assert.deepEqual(readdirSync(join(folder, 'z')), ['theirs'])
})

function changeOf(path: string, before?: string): { changes: FileChange[] } {
  return { changes: [{ path, before, after: 'x' }] }
}

function failure(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof IsolateError && message.test(error.message)
}
