import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diffLines } from '../../init/diff.ts'
import type { FileChange } from '../../init/file-change.ts'
import { renderPlan } from '../../init/render-plan.ts'

const pairs: readonly [before: string, after: string, script: string][] = [
  ['', '', ''],
  ['', 'a\n', '+a\n'],
  ['a\n', '', '-a\n'],
  ['a\nb\nc\n', 'a\nx\nc\n', ' a\n-b\n+x\n c\n'],
  ['a\nb\n', 'a\nb\nc\n', ' a\n b\n+c\n'],
  ['b\nc\n', 'a\nb\nc\n', '+a\n b\n c\n'],
  ['a\na\na\n', 'a\na\n', ' a\n a\n-a\n'],
  ['1\n2\n3\n4\n', '2\n3\n5\n4\n', '-1\n 2\n 3\n+5\n 4\n'],
]

for (const [before, after, script] of pairs) {
  test(`the difference of ${JSON.stringify(before)} and ${JSON.stringify(after)}`, () => {
    assert.equal(
      diffLines(before, after)
        .map(({ kind, text }) => kind + text)
        .join(''),
      script,
    )
  })
}

test('any script leads from the one text to the other, and is a shortest one', () => {
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let round = 0; round < 300; round += 1) {
    const [before, after] = [1, 2].map(() => Array.from({ length: random(12) }, () => `${random(4)}\n`))
    assert.ok(before !== undefined && after !== undefined)
    const script = diffLines(before.join(''), after.join(''))
    const side = (left: '-' | '+'): string[] => script.filter(({ kind }) => kind !== left).map(({ text }) => text)
    assert.deepEqual([side('+'), side('-')], [before, after])
    const kept = script.filter(({ kind }) => kind === ' ').length
    assert.equal(kept, longestCommon(before, after))
  }
})

test('texts that have nothing in common are shown whole, however long', () => {
  assert.equal(diffLines(numberedLines('a'), numberedLines('b')).length, 10_000)
})

test('a plan is shown as a diff in 80 columns, the copied program in one line', () => {
  const before = '{\n  "a": 1,\n  "b": 2,\n  "c": 3,\n  "d": 4,\n  "e": 5,\n  "f": 6\n}\n'
  const after = before.replace('"f": 6', `"f": 6,\n  "g": "${'x'.repeat(200)}"`)
  const changes = [
    { path: '/r/s.json', before, after },
    { path: '/r/new', before: undefined, after: 'a\u001B[2J\n' },
    { path: '/elsewhere/old', before: 'gone\n', after: undefined },
    bundled('a.ts'),
    bundled('lib/b.ts'),
  ]
  const text = renderPlan({ changes }, { color: false, root: '/r' })
  assert.equal(
    text,
    [
      'changed s.json',
      '@@ -4 +4 @@',
      '   "c": 3,',
      '   "d": 4,',
      '   "e": 5,',
      '-  "f": 6',
      '+  "f": 6,',
      `+  "g": "${'x'.repeat(71)}`,
      `+${'x'.repeat(79)}`,
      `+${'x'.repeat(50)}"`,
      ' }',
      'created new',
      '@@ -1 +1 @@',
      '+a\\u{1b}[2J',
      'deleted /elsewhere/old',
      '@@ -1 +1 @@',
      '-gone',
      'created .claude/x/ (2 files, 1 kB)',
    ].join('\n'),
  )
  assert.ok(text.split('\n').every((line) => line.length <= 80))
})

test('of a long line that changes, the part that differs is shown', () => {
  const text = renderPlan(
    { changes: [{ path: '/a', before: longLine('old'), after: longLine('new') }] },
    { color: false, width: 60 },
  )
  assert.match(text, /^-….*"last":"old"\}$/m)
  assert.match(text, /^\+….*"last":"new"\}$/m)
})

function numberedLines(letter: string): string {
  return Array.from({ length: 5000 }, (_, index) => `${letter}${index}\n`).join('')
}

function longLine(value: string): string {
  return `{${'"key":"value",'.repeat(20)}"last":"${value}"}\n`
}

function bundled(name: string): FileChange {
  return { path: `/r/.claude/x/${name}`, before: undefined, after: 'text', isBundled: true }
}

function longestCommon(a: readonly string[], b: readonly string[]): number {
  const [first, ...rest] = a
  if (first === undefined || b.length === 0) return 0
  const table = Array.from({ length: a.length + 1 }, () => Array<number>(b.length + 1).fill(0))
  for (let i = rest.length; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const [row, below] = [table[i] ?? [], table[i + 1] ?? []]
      row[j] = a[i] === b[j] ? 1 + (below[j + 1] ?? 0) : Math.max(below[j] ?? 0, row[j + 1] ?? 0)
    }
  }
  return table[0]?.[0] ?? 0
}
