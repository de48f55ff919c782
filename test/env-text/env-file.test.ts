import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { giveBackReplaced, mergeEnvFile, removeManagedBlock } from '../../lib/env-text/managed-block.ts'

const ours = `PORT=20410\nKEY='one\ntwo'\n`

function block(rendered: string): string {
  return [
    '# >>> agent-isolate >>>',
    '# Generated for the worktree x, and rewritten whenever it is set up: edit outside of this block.',
    `${rendered}# <<< agent-isolate <<<\n`,
  ].join('\n')
}

const merged: [title: string, base: string, text: string][] = [
  ['an empty file', '', block(ours)],
  ['other keys, comments and order stay', '# c\n\nB=1\n  A = "2" # d\n', `# c\n\nB=1\n  A = "2" # d\n${block(ours)}`],
  ['our keys go', 'A=1\nPORT=3000\nexport KEY=2\nB=3\n', `A=1\n${block(ours)}B=3\n`],
  ['with all their lines', `A=1\nKEY="x\nPORT=1\n'y' # z" # c\nB=3\n`, `A=1\n${block(ours)}B=3\n`],
  ['a key twice', 'PORT=1\nA=1\n  PORT = 2', `${block(ours)}A=1\n`],
  ['commented ones stay', '# PORT=3000\n#KEY=1\n', `# PORT=3000\n#KEY=1\n${block(ours)}`],
  ['keys that begin alike stay', 'PORT_API=1\nMY_PORT=2\n', `PORT_API=1\nMY_PORT=2\n${block(ours)}`],
  ['our keys inside a value stay', `A='\nPORT=1\n'\n`, `A='\nPORT=1\n'\n${block(ours)}`],
  ['CRLF stays', 'A=1\r\nPORT=2\r\nB="x\r\ny"\r\n', `A=1\r\n${block(ours)}B="x\r\ny"\r\n`],
  ['no last newline', 'A=1', `A=1\n${block(ours)}`],
  ['a byte order mark goes', '\uFEFFA=1\n', `A=1\n${block(ours)}`],
  ['what is no assignment stays', 'JUNK\nA: 1\n', `JUNK\nA: 1\n${block(ours)}`],
  ['an unclosed quote', `A='b\nPORT=1\n`, `A='b\n${block(ours)}`],
  ['a backslash before the last quote', `A='C:\\'\nPORT=1\nB=''\n`, `A='C:\\'\n${block(ours)}B=''\n`],
  ['an older block is replaced', `A=1\n${block('PORT=1\nOLD=2\n')}`, `A=1\n${block(ours)}`],
  ['where it stands', `A=1\n${block('PORT=1\n')}B=2\nPORT=3\n`, `A=1\n${block(ours)}B=2\n`],
  ['saved with CRLF', `A=1\r\n${block('PORT=1\n').replaceAll('\n', '\r\n')}B=2\r\n`, `A=1\r\n${block(ours)}B=2\r\n`],
  ['two blocks become one', `${block('PORT=1\n')}A=1\n${block('PORT=2\n')}`, `${block(ours)}A=1\n`],
  ['a first line alone', '# >>> agent-isolate >>>\nA=1\nPORT=1\n', `${block(ours)}A=1\n`],
  ['a last line alone', 'A=1\n# <<< agent-isolate <<<\nB=1\n', `A=1\nB=1\n${block(ours)}`],
]

for (const [title, base, text] of merged) {
  test(`an env file is merged: ${title}`, () => {
    assert.equal(mergeEnvFile(base, ours, 'x'), text)
    assert.equal(mergeEnvFile(text, ours, 'x'), text, 'a second merge changes nothing')
  })
}

test('a line below that uses what the block sets has our value in a shell that reads the file', () => {
  const text = mergeEnvFile('A=1\nPORT=3000\nURL=http://localhost:${PORT}\n', ours, 'x')
  const url = execFileSync('sh', ['-c', `${text}printf %s "$URL"`], { encoding: 'utf8' })
  assert.equal(url, 'http://localhost:20410')
})

test('a worktree name cannot leave its comment', () => {
  assert.match(mergeEnvFile('', ours, 'a\nPORT=1'), /\n# Generated for the worktree a_PORT_1,/)
})

test('without its block a file is its user’s alone', () => {
  for (const base of ['', 'A=1\n', '# c\r\nA=1\r\n', `A='x\ny'\n`]) {
    assert.equal(removeManagedBlock(mergeEnvFile(base, ours, 'x'), ''), base)
    assert.equal(removeManagedBlock(mergeEnvFile(`${base}B=1\n`, ours, 'x') + 'C=2\n', ''), `${base}B=1\nC=2\n`)
  }
  assert.equal(removeManagedBlock('A=1', ''), 'A=1')
})

for (const [title, base] of merged) {
  test(`nothing changed, so the file is as it was, to the byte: ${title}`, () => {
    assert.equal(removeManagedBlock(mergeEnvFile(base, ours, 'x'), base), base)
  })
}

const returned: [title: string, base: string, edit: (text: string) => string, text: string][] = [
  ['a line behind the block', 'A=1\nPORT=3\nB=2\n', (text) => `${text}C=3\n`, 'A=1\nPORT=3\nB=2\nC=3\n'],
  ['all its lines', 'KEY="x\ny"\nPORT=3', (text) => `MINE=1\n${text}`, 'KEY="x\ny"\nPORT=3\nMINE=1\n'],
  ['the neighbour is gone', 'A=1\nB=2\nPORT=3\nC=4\n', (text) => text.replace('B=2\n', ''), 'A=1\nPORT=3\nC=4\n'],
  ['the key is set anew', 'PORT=3\nKEY=1\n', (text) => `PORT=9\n${text}`, 'KEY=1\nPORT=9\n'],
  ['a line that its user took out', 'A=1\nPORT=3\n', (text) => text.replace('A=1\n', ''), 'PORT=3\n'],
]

for (const [title, base, edit, text] of returned) {
  test(`the lines that the block replaced come back: ${title}`, () => {
    assert.equal(removeManagedBlock(edit(mergeEnvFile(base, ours, 'x')), base), text)
  })
}

test('lines that the next template no longer replaces come back, and the block stays where it stands', () => {
  const text = `${mergeEnvFile('A=1\nPORT=3\n', 'A=2\nPORT=4\n', 'x')}Z=1\n`
  assert.equal(mergeEnvFile(giveBackReplaced(text, 'A=1\nPORT=3\n'), 'PORT=5\n', 'x'), `A=1\n${block('PORT=5\n')}Z=1\n`)
})
