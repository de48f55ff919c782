import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removeIgnoreBlock, setIgnoreBlock } from '../../init/gitignore.ts'

const lines = ['.claude/worktrees/', '.pnpm-store/', '.env.local', '.agent-isolate/', 'node_modules']

/** Files as people have them, and how many of the five lines they need. */
const shapes: Readonly<Record<string, [text: string, missing: number]>> = {
  'an empty file': ['', 5],
  'a final newline': ['dist\ncoverage/\n', 5],
  'no final newline': ['dist\ncoverage/', 5],
  'one line without newline': ['*.log', 5],
  CRLF: ['dist\r\ncoverage/\r\n', 5],
  'CRLF without a final one': ['dist\r\ncoverage/', 5],
  'a byte order mark': ['\uFEFFdist\n', 5],
  'a byte order mark alone': ['\uFEFF', 5],
  'blank lines at the end': ['dist\n\n\n', 5],
  'white space alone': ['\n', 5],
  'two of our lines': ['node_modules\n.env.local\n', 3],
  'our lines with other slashes': ['/node_modules\n**/.env.local\n.claude/worktrees\n/.agent-isolate/', 1],
  'node_modules with a slash, which covers no link': ['node_modules/\n', 5],
  'wildcards of Next and Vite': ['# local env files\n.env*.local\n*.local\n', 4],
  'a rule taken back': ['.env*\n!.env.local\n', 5],
  'a rule taken back for another file': ['.env*\n!.env.example\n', 4],
  'our lines in comments': ['# node_modules\n#.env.local\n', 5],
  'all of our lines': [`${lines.join('\n')}\n`, 0],
  'text beyond ASCII': ['# größer als 日本語\nbüro/\n', 5],
  'white space behind a line': ['node_modules  \n', 4],
  'a block of another tool': ['# >>> direnv\n.direnv\n# <<< direnv', 5],
}

for (const [name, [original, missing]] of Object.entries(shapes)) {
  test(`.gitignore (${name}): the block goes in once and comes out without a trace`, () => {
    const text = setIgnoreBlock(original, lines) ?? ''
    assert.equal(linesInBlock(text).length, missing)
    assert.ok(text.startsWith(original))
    assert.equal(setIgnoreBlock(text, lines), text)
    assert.equal(removeIgnoreBlock(text), original)
  })

  test(`.gitignore (${name}): what is written around the block stays`, () => {
    const text = setIgnoreBlock(original, lines) ?? ''
    const [top, end] = ['*.tmp\n', text.endsWith('\n') ? 'more\n' : '\nmore\n']
    const removed = removeIgnoreBlock(`${top}${text}${end}`)
    const glue =
      missing === 0 || original === '' || original.endsWith('\n') ? '' : original.includes('\r') ? '\r\n' : '\n'
    assert.equal(removed.replaceAll('\r\n', '\n'), `${top}${original}${glue}more\n`.replaceAll('\r\n', '\n'))
  })
}

test('the shapes are twenty or more', () => {
  assert.ok(Object.keys(shapes).length >= 20)
})

test('other lines change the block where it stands', () => {
  const text = `${setIgnoreBlock('dist\n', lines)}later\n`
  const changed = setIgnoreBlock(text, ['.env.agent'])
  assert.equal(changed, 'dist\n# agent-isolate: begin\n.env.agent\n# agent-isolate: end\nlater\n')
  assert.equal(setIgnoreBlock(text, []), 'dist\nlater\n')
})

test('without a file one is made, unless there is nothing to ignore', () => {
  assert.equal(setIgnoreBlock(undefined, ['a']), '# agent-isolate: begin\na\n# agent-isolate: end\n')
  assert.equal(setIgnoreBlock(undefined, []), undefined)
})

function linesInBlock(text: string): string[] {
  const block = /# agent-isolate: begin\r?\n([\s\S]*?)# agent-isolate: end/.exec(text)?.[1] ?? ''
  return block.split(/\r?\n/).filter((line) => line !== '')
}

test('a template is taken out of what the rest of the file ignores, and named nowhere else', () => {
  const table: [text: string, path: string, isNamed: boolean][] = [
    ['.env*\n', '.env.agent.template', true],
    ['/.env.*\n', '.env.agent.template', true],
    ['.env*\n', 'apps/api/.env.agent.template', true],
    ['.env*\n!.env.agent.template\n', '.env.agent.template', false],
    ['.env\n.env*.local\n', '.env.agent.template', false],
    ['', '.env.agent.template', false],
  ]
  for (const [text, path, isNamed] of table) {
    const written = setIgnoreBlock(text, [`!${path}`]) ?? ''
    assert.deepEqual(linesInBlock(written), isNamed ? [`!${path}`] : [], text)
    assert.equal(setIgnoreBlock(written, [`!${path}`]), written)
    assert.equal(removeIgnoreBlock(written), text)
  }
})
