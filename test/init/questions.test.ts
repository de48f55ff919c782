import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { command } from '../../cli/init.ts'
import { questionKeys, questions } from '../../init/questions/questions.ts'

test('every question is an option, has its place in the help and is a key of the schema', () => {
  const schema = readFileSync(join(import.meta.dirname, '../../agent-isolate.schema.json'), 'utf8')
  let last = 0
  for (const name of questionKeys) {
    const { flag, placeholder, help, config } = questions[name]
    assert.ok(command.syntax.texts?.includes(flag), flag)
    const place = command.help.indexOf(`\n  --${flag} ${placeholder} `)
    assert.ok(place > last, `--${flag} in the help, in the order of the questions`)
    last = place
    assert.ok(help.split('\n').every((line) => line.length <= 63))
    for (const key of config?.key ?? []) assert.ok(schema.includes(`"${key}"`), `${key} in the schema`)
  }
})

test('options stand in one column of the help, none of its lines is longer than 88', () => {
  const options = command.help.split('\n').filter((line) => /^ {2}--[\w-]+ [A-Z]+ /.test(line))
  assert.equal(options.length, questionKeys.length)
  for (const line of options) assert.match(line.slice(23), /^ {2}\S/)
  assert.ok(command.help.split('\n').every((line) => line.length <= 88))
})
