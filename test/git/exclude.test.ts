import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { addLines, findNotIgnored, removeBlock } from '../../lib/git/exclude.ts'
import { createSandbox } from '../support/sandbox.ts'

test('lines are added once, in one block, and go without a trace', () => {
  for (const content of ['', '# git ls-files --others --exclude-from=.git/info/exclude\n', 'a\nb\n']) {
    const once = addLines(content, ['/node_modules', '/.env.local'])
    assert.match(once, /\n\/node_modules\n\/\.env\.local\n/)
    assert.equal(addLines(once, ['/node_modules']), once)
    const more = addLines(once, ['/.venv'])
    assert.equal(more.split('agent-isolate: begin').length, 2)
    assert.equal(removeBlock(more), content)
    assert.equal(removeBlock(content), content)
  }
})

test('what the user writes after the block stays', () => {
  const edited = `${addLines('a\n', ['/x'])}mine\n`
  assert.equal(removeBlock(edited), 'a\nmine\n')
  assert.equal(removeBlock(addLines(edited, ['/y'])), 'a\nmine\n')
})

test('a path is ignored by the repository’s rules, not by ours and not by a rule that takes it back', async (t) => {
  const sandbox = createSandbox(t)
  const repository = sandbox.repository('repo', { '.gitignore': '*.log\n!kept.log\nbuild/\n' })
  await writeFile(join(repository, '.git/info/exclude'), addLines('', ['/ours']))
  const paths = ['a.log', 'kept.log', 'build/', 'ours', 'other']
  assert.deepEqual(await findNotIgnored({ gitDir: join(repository, '.git'), workTree: repository }, paths), [
    'kept.log',
    'ours',
    'other',
  ])
})
