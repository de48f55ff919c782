/** Names in any script, where they are laid out: tables, diffs and wrapped text keep their columns. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { renderTable } from '../../cli/table.ts'
import { breakAtWidth, cutToWidth, displayWidth } from '../../init/display-width.ts'
import { renderPlan } from '../../init/render-plan.ts'
import { createSandbox } from '../support/sandbox.ts'

const family = '👨‍👩‍👧'
/** An e and a combining accent. */
const accented = 'e\u0301'

test('text is as wide as a terminal shows it', () => {
  const table: [string, number][] = [
    ['feature', 7],
    ['機能-ブランチ 🦦', 16],
    [`caf${accented}`, 4],
    [family, 2],
    ['🇩🇪', 2],
    ['\u001b[32mgreen\u001b[39m', 5],
    ['한글', 4],
    ['', 0],
  ]
  for (const [text, width] of table) assert.equal(displayWidth(text), width, text)
})

test('text is cut to columns, never within what a reader takes for one character', () => {
  const table: [string, number, 'end' | 'start', string][] = [
    ['機能ブランチ', 12, 'end', '機能ブランチ'],
    ['機能ブランチ', 8, 'end', '機能ブ…'],
    ['機能ブランチ', 8, 'start', '…ランチ'],
    // Two columns do not fit into one.
    ['機能ブランチ', 7, 'end', '機能ブ…'],
    ['機能ブランチ', 6, 'end', '機能…'],
    [`a${family}b${family}`, 4, 'end', `a${family}…`],
    [`a${family}b${family}`, 4, 'start', `…b${family}`],
    [`${accented}${accented}${accented}`, 2, 'end', `${accented}…`],
  ]
  for (const [text, width, cut, expected] of table) assert.equal(cutToWidth(text, width, cut), expected)
  assert.deepEqual(breakAtWidth(`機能${family}ab`, 4), ['機能', `${family}ab`])
  assert.deepEqual(breakAtWidth('機能', 1), ['機', '能'])
})

test('a table with wide names is aligned', () => {
  const columns = [{ title: 'NAME', cut: 'end' as const }, { title: 'PORT' }]
  const rows = ['機能-ブランチ', `caf${accented}`, '🦦', 'plain'].map((name) => ({ cells: [name, '20410'] }))
  assertAligned(renderTable(columns, rows, 80), '20410')
  const narrow = renderTable(columns, rows, 17)
  assertAligned(narrow, '20410')
  assert.match(narrow, /^機能-ブラ…  20410$/m)
})

test('a diff of wide lines fits the terminal', () => {
  const line = '機能'.repeat(60)
  const changes = [{ path: '/a', before: `${line}\n`, after: `${line}🦦🦦\n` }]
  const text = renderPlan({ changes }, { color: false, width: 41 })
  assert.match(text, /^\+….*🦦🦦$/m)
  assert.deepEqual(
    text.split('\n').filter((row) => displayWidth(row) > 41),
    [],
  )
})

test('list is aligned in a repository whose branches are in Japanese and emoji', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('app')
  for (const [index, branch] of ['機能-ブランチ', 'fix/🦦', `caf${accented}`, 'plain'].entries()) {
    const path = join(sandbox.folder, `tree-${index}`)
    sandbox.git(root, 'worktree', 'add', '--quiet', '-b', branch, path)
    sandbox.cli(path, 'setup')
  }
  const text = sandbox.cli(root, 'list')
  assert.match(text, /機能-ブランチ/)
  assertAligned(text, /\bapp \d{5}/)
})

/** That `column` begins at one place of the terminal in every line that has it. */
function assertAligned(text: string, column: string | RegExp): void {
  const starts = text.split('\n').flatMap((line) => {
    const index = line.search(column)
    return index === -1 ? [] : [displayWidth(line.slice(0, index))]
  })
  assert.equal(starts.length, 4, text)
  assert.equal(new Set(starts).size, 1, text)
}
