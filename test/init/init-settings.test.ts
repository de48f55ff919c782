import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findOwnHandlers, hookEvents } from '../../init/hook-handlers.ts'
import { hookCommands } from '../../init/installation.ts'
import { addToSettings, denyRulesFor, removeFromSettings, type SettingsWishes } from '../../init/settings.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { settingsShapes } from '../support/settings-shapes.ts'

const excludePatterns = ['**/node_modules/**', '**/dist/**', '**/package-lock.json']
const wishes = { commands: hookCommands('repository', 'program'), excludePatterns } satisfies SettingsWishes
const file = '/repo/.claude/settings.json'

for (const [name, original] of Object.entries(settingsShapes)) {
  test(`settings.json (${name}): hooks go in once and come out without a trace`, () => {
    const first = addToSettings(original, file, wishes, undefined)
    requireInstalled(first.text, original)
    assert.deepEqual(addToSettings(first.text, file, wishes, first.record), first)
    assert.equal(removeFromSettings(first.text, file, first.record), original)
  })

  test(`settings.json (${name}): what is written around our entries stays`, () => {
    const first = addToSettings(original, file, wishes, undefined)
    if (/"/.test(original)) {
      assert.equal(removeFromSettings(addAtTop(first.text), file, first.record), addAtTop(original))
    }
    const edited = editAround(first.text)
    const removed = removeFromSettings(edited, file, first.record) ?? ''
    const value = parse(removed)
    assert.equal(value.added, true)
    assert.deepEqual(
      value.hooks.SessionStart.at(-1),
      { hooks: [{ type: 'command', command: 'date -u' }] },
      'a handler that the user put into our group',
    )
    assert.doesNotMatch(removed, /agent-isolate/)
  })
}

test('the shapes are twenty or more', () => {
  assert.ok(Object.keys(settingsShapes).length >= 20)
})

test('a file that was made for us goes when nothing else is in it, and stays when there is', () => {
  const { text, record } = addToSettings(undefined, file, wishes, undefined)
  assert.equal(removeFromSettings(text, file, record), undefined)
  const withOther = text.replace('{', '{\n  "model": "opus",')
  assert.deepEqual(JSON.parse(removeFromSettings(withOther, file, record) ?? ''), { model: 'opus' })
})

test('changed patterns change their rules and nothing else; rules of the user never go', () => {
  const original = '{\n  "permissions": { "deny": ["Read(**/dist/**)"] }\n}\n'
  const first = addToSettings(original, file, wishes, undefined)
  const second = addToSettings(first.text, file, { ...wishes, excludePatterns: ['**/build/**'] }, first.record)
  assert.deepEqual(parse(second.text).permissions.deny, ['Read(**/dist/**)', 'Read(**/build/**)'])
  assert.deepEqual(parse(second.text).agentConfiguration.excludePatterns, ['**/build/**'])
  assert.deepEqual(parse(second.text).hooks, parse(first.text).hooks)
  const third = addToSettings(second.text, file, { ...wishes, excludePatterns: [] }, second.record)
  assert.equal(parse(third.text).agentConfiguration, undefined)
  assert.equal(removeFromSettings(third.text, file, third.record), original)
})

test("entries of an older version, and by hand, become this version's; their other keys stay", () => {
  const old = {
    hooks: {
      WorktreeCreate: [
        {
          hooks: [
            { type: 'command', command: 'node "/src/agent-isolate/dist/hooks/worktree-create.js"', timeout: 90 },
            { type: 'command', command: 'npx tsx .claude/agent-isolate/hooks/worktree-create.ts' },
          ],
        },
      ],
      SessionStart: [
        { hooks: [{ type: 'command', command: 'node', args: ['/x/agent-isolate/dist/hooks/session-start.js'] }] },
      ],
    },
  }
  const { text } = addToSettings(JSON.stringify(old, undefined, 2), file, wishes, undefined)
  const { hooks } = parse(text)
  assert.deepEqual(hooks.WorktreeCreate, [
    { hooks: [{ type: 'command', command: wishes.commands.WorktreeCreate, timeout: 90 }] },
  ])
  assert.deepEqual(hooks.SessionStart, [{ hooks: [{ type: 'command', command: wishes.commands.SessionStart }] }])
})

test('commands of others are not taken for ours', () => {
  const commands = [
    'echo agent-isolate worktree-create',
    '/x/agent-isolate/hooks/worktree-create-notify.sh',
    'sh /x/agent-isolate/run worktree-remove',
    'node /x/not-agent-isolate/hooks/worktree-create.js',
  ]
  const groups = [{ hooks: commands.map((command) => ({ type: 'command', command })) }]
  assert.deepEqual(findOwnHandlers(groups, 'WorktreeCreate'), [])
})

const faulty: Record<string, [text: string, message: RegExp]> = {
  'broken JSON': ['{\n  "model": "opus",\n', /settings\.json is not JSON: line 3/],
  'a trailing comma': ['{\n  "model": "opus",\n}\n', /settings\.json is not JSON: line 3/],
  comments: ['{\n  // ours\n  "model": "opus"\n}\n', /settings\.json has a comment in line 2/],
  'an array': ['[]', /settings\.json holds no object but an array/],
  'a word': ['"hooks"', /settings\.json holds no object but a string/],
  'hooks that are a list': ['{"hooks": []}', /settings\.json: hooks must be an object/],
  'an event that is an object': ['{"hooks": {"SessionStart": {}}}', /hooks\.SessionStart must be a list/],
  'the flat form': [
    '{"hooks": {"WorktreeCreate": [{"type": "command", "command": "x"}]}}',
    /hooks\.WorktreeCreate\[0\] must be a group/,
  ],
  'a handler that is text': [
    '{"hooks": {"WorktreeRemove": [{"hooks": ["x"]}]}}',
    /\[0\]\.hooks must be a list of objects/,
  ],
  'deny that is text': ['{"permissions": {"deny": "Read"}}', /permissions\.deny must be a list/],
  'permissions null': ['{"permissions": null}', /permissions must be an object/],
}

for (const [name, [text, message]] of Object.entries(faulty)) {
  test(`settings.json with ${name} is an error that names the fault`, () => {
    assert.throws(
      () => addToSettings(text, file, wishes, undefined),
      (error) => error instanceof IsolateError && message.test(error.message) && error.hint !== undefined,
    )
  })
}

test('five megabytes of settings are edited as well', () => {
  const original = `${JSON.stringify({ env: Object.fromEntries(bigEntries()) }, undefined, 2)}\n`
  assert.ok(original.length > 5_000_000)
  const first = addToSettings(original, file, wishes, undefined)
  assert.equal(removeFromSettings(first.text, file, first.record), original)
})

function bigEntries(): [string, string][] {
  return Array.from({ length: 10_000 }, (_, index) => [`KEY_${index}`, 'x'.repeat(500)])
}

/** All of the user's value is there, and ours once. */
function requireInstalled(text: string, original: string): void {
  const [value, was] = [parse(text), parse(original)]
  for (const event of hookEvents) {
    assert.equal(findOwnHandlers(value.hooks[event], event).length, 1, event)
    assert.deepEqual(value.hooks[event]?.slice(0, -1), was.hooks?.[event] ?? [])
  }
  const deny: unknown[] = was.permissions?.deny ?? []
  const rules = denyRulesFor(excludePatterns)
  assert.deepEqual(value.permissions.deny, [...deny, ...rules.filter((rule) => !deny.includes(rule))])
  assert.deepEqual(new Set(value.agentConfiguration.excludePatterns), new Set(excludePatterns))
  assert.equal(text.includes('\r\n'), /\r\n/.test(original))
  assert.equal(text.startsWith('\uFEFF'), original.startsWith('\uFEFF'))
}

/** A new key at the top, and a handler of the user's in our SessionStart group. */
function editAround(text: string): string {
  const handler = `${JSON.stringify({ type: 'command', command: 'date -u' })}, `
  const ours = text.lastIndexOf('{', text.indexOf('run\\" session-start'))
  const edited = `${text.slice(0, ours)}${handler}${text.slice(ours)}`
  return addAtTop(edited)
}

function addAtTop(text: string): string {
  return text.replace('{', '{ "added": true, ')
}

type Settings = {
  added?: boolean
  hooks: Record<string, unknown[]> & { SessionStart: unknown[] }
  permissions: { deny: unknown[] }
  agentConfiguration: { excludePatterns: unknown[] }
}

function parse(text: string): Settings {
  const blank = text.replace(/^\uFEFF/, '')
  return JSON.parse(blank.trim() === '' ? '{}' : blank)
}
