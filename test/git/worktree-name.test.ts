import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWorktreeName, slugOf } from '../../lib/git/worktree-name.ts'

test('a name becomes one folder and one slug', () => {
  const table: [string, string, string][] = [
    ['auth', 'auth', 'auth'],
    ['feat/auth', 'feat+auth', 'feat-auth'],
    ['Fix_42.b', 'Fix_42.b', 'fix-42-b'],
    ['agent-0123456789abcdef', 'agent-0123456789abcdef', 'agent-0123456789abcdef'],
    ['___', '___', 'worktree'],
  ]
  for (const [name, flat, slug] of table) assert.deepEqual(parseWorktreeName(name), { name, flat, slug })
})

test('names that could lead elsewhere, or that git refuses, are refused in one line', () => {
  const hostile = [
    '',
    '..',
    '.',
    '../x',
    'a/../b',
    'a..b',
    '/etc',
    'a/',
    'a//b',
    'a b',
    '-rf',
    'a/-rf',
    'x'.repeat(300),
    'größe',
    "a'b",
    'a"b',
    'a\nb',
    'a\0b',
    'a$b',
    'a`b`',
    'a;b',
    'a\\b',
    'a+b',
    'x.lock',
    'a.lock/b',
    'x.',
    '.git',
    '.GIT',
    undefined,
    null,
    42,
    {},
    ['a'],
  ]
  for (const name of hostile) {
    assert.throws(
      () => parseWorktreeName(name),
      (error: Error) => error.name === 'IsolateError' && !error.message.includes('\n') && error.message.length < 200,
      `accepted ${JSON.stringify(name)}`,
    )
  }
})

test('a slug is made of lower-case letters, digits and dashes, whatever the text', () => {
  assert.equal(slugOf('Mein Projekt (2)'), 'mein-projekt-2')
  assert.equal(slugOf('日本'), 'worktree')
})
