/** settings.json files as people have them: what stands in them must survive every edit byte for byte. */

const others = {
  hooks: {
    WorktreeCreate: [{ hooks: [{ type: 'command', command: 'echo "made by somebody else"' }] }],
    SessionStart: [{ matcher: 'startup', hooks: [{ type: 'command', command: 'cat NOTES.md', timeout: 5 }] }],
    PostToolUse: [{ matcher: 'Edit|Write', hooks: [{ type: 'command', command: 'prettier --write' }] }],
  },
}

const inlineDeny = `{
  "permissions": {
    "allow": ["Bash(npm run lint)", "Bash(npm test:*)"],
    "deny": ["Read(./.env)", "Read(./secrets/**)"]
  }
}
`

export const settingsShapes: Readonly<Record<string, string>> = {
  'an empty file': '',
  'white space only': '\n',
  'an empty object': '{}',
  'an empty object with a final newline': '{}\n',
  'an empty object over two lines': '{\n}\n',
  'an empty object with a blank': '{ }\n',
  'two spaces': `${JSON.stringify({ model: 'opus', permissions: { allow: ['Bash(ls)'] } }, undefined, 2)}\n`,
  'four spaces, no final newline': JSON.stringify({ env: { FOO: '1' }, includeCoAuthoredBy: false }, undefined, 4),
  tabs: `${JSON.stringify({ permissions: { deny: ['Read(./.env)'] } }, undefined, '\t')}\n`,
  minified: JSON.stringify({ model: 'opus', permissions: { allow: ['Bash(ls)'], deny: [] } }),
  'one line with spaces': '{ "model": "opus", "permissions": { "deny": ["Read(./.env)", "WebFetch"] } }\n',
  CRLF: `${JSON.stringify({ model: 'opus', hooks: others.hooks }, undefined, 2)}\n`.replaceAll('\n', '\r\n'),
  'a byte order mark': `\uFEFF${JSON.stringify({ cleanupPeriodDays: 30 }, undefined, 2)}\n`,
  'a byte order mark, CRLF and tabs': `\uFEFF${JSON.stringify(others, undefined, '\t')}\n`.replaceAll('\n', '\r\n'),
  'hooks of others in the same events': `${JSON.stringify(others, undefined, 2)}\n`,
  'empty hooks and empty events': '{\n  "hooks": {\n    "SessionStart": [],\n    "WorktreeCreate": [ ]\n  }\n}\n',
  'empty containers of every kind': '{"hooks": {}, "permissions": {"deny": [\n\n]}, "agentConfiguration": {\n}}\n',
  'lists in one line': inlineDeny,
  'rules of ours among those of the user': `${JSON.stringify(
    {
      permissions: { deny: ['Read(**/dist/**)', 'Read(./.env)', 'Read(**/node_modules/**)'] },
      agentConfiguration: { excludePatterns: ['**/dist/**'], maxContextTokens: 45_000 },
    },
    undefined,
    2,
  )}\n`,
  'text beyond ASCII':
    '{\n  "statusLine": { "type": "command", "command": "echo \\"→ 日本語 🚀 é\\u0301\\"" },\n  "ü": "\\u00fc"\n}\n',
  'deep nesting': `${JSON.stringify({ a: { b: { c: [{ d: [[{ e: { hooks: {}, permissions: { deny: ['x'] } } }]] }] } } }, undefined, 3)}\n`,
  'an odd layout': '\n\n{ "model":"opus"\n , "permissions" :\n{"deny":["a"\n,"b"]\n}\n,"env":{}}\n\n\n',
  'a key in twice': '{\n  "hooks": { "Stop": [] },\n  "model": "opus",\n  "hooks": { "SessionStart": [] }\n}\n',
  'a list of groups in one line':
    '{\n  "hooks": {\n    "SessionStart": [{ "hooks": [{ "type": "command", "command": "date" }] }]\n  }\n}\n',
}
