import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { findPortNames, renderTemplate } from '../../lib/env-text/template.ts'
import { createSandbox } from '../support/sandbox.ts'

const variables = {
  AGENT_DYNAMIC_PORT: '20410',
  AGENT_PORT_API: '20411',
  AGENT_DATABASE_URL: 'file:/home/me/my project/dev.db',
  AGENT_DB_NAME: '',
  AGENT_DB_PASSWORD: undefined,
  AGENT_BRANCH: "me/it's",
  AGENT_WORKTREE: '/home/me/a "b" $c',
}

function render(template: string): string {
  return renderTemplate(template, variables).text
}

/** What the entries hold, references in the template's own words. */
function values(template: string): string[] {
  return renderTemplate(template, variables).entries.map(({ pieces }) =>
    pieces.map((piece) => (piece.kind === 'reference' ? `<${piece.name}>` : piece.text)).join(''),
  )
}

const rendered: [title: string, template: string, text: string][] = [
  ['$NAME', 'PORT=$AGENT_DYNAMIC_PORT\n', 'PORT=20410\n'],
  ['${NAME}', 'URL=http://localhost:${AGENT_PORT_API}/v1\n', 'URL=http://localhost:20411/v1\n'],
  ['${NAME:-default} with a value', 'A=${AGENT_DYNAMIC_PORT:-3000}\n', 'A=20410\n'],
  ['an empty one gives way to its default', 'A=${AGENT_DB_NAME:-app}\n', 'A=app\n'],
  ['one without a value gives way to its default', 'A=${AGENT_DB_PASSWORD:-x y}\n', "A='x y'\n"],
  ['a default that is a variable', 'A=${AGENT_DB_NAME:-${AGENT_DYNAMIC_PORT}}\n', 'A=20410\n'],
  ['no default leaves nothing', 'A=$AGENT_DB_NAME\n', "A=''\n"],
  ['the longest name counts', 'A=${AGENT_PORT_API}0\n', 'A=204110\n'],
  ['unknown ones stay', 'A=$HOME/x:${USER}:${SHELL:-sh}\n', 'A=$HOME/x:${USER}:${SHELL:-sh}\n'],
  ['a known one in the default of an unknown one', 'A=${P:-$AGENT_DYNAMIC_PORT}\n', 'A=${P:-20410}\n'],
  ['quotes are kept', `A="x $AGENT_PORT_API"\nB='$AGENT_PORT_API'\n`, `A="x 20411"\nB='20411'\n`],
  ['a bare value that needs quotes gets them', 'A=$AGENT_DATABASE_URL\n', "A='file:/home/me/my project/dev.db'\n"],
  ['its author forgot the quotes', 'A=two words\n', "A='two words'\n"],
  ['a quote that would end the value', `A='$AGENT_BRANCH'\n`, `A="me/it's"\n`],
  ['beside a reference', `A='x'\nB="$AGENT_WORKTREE/$X"\n`, `A='x'\nB="/home/me/a \\"b\\" \\$c/$X"\n`],
  ['backticks, which a shell would run', 'A=`it is "x"`\n', `A='it is "x"'\n`],
  ['an escaped dollar', 'A="\\$AGENT_NOTHING"\n', 'A="\\$AGENT_NOTHING"\n'],
  ['comments and blank lines stay', '# $AGENT_X\n\nA=1 # one\n', '# $AGENT_X\n\nA=1 # one\n'],
  ['a comment without a space in front', 'A=1#one\n', 'A=1 #one\n'],
  ['a comment that has quotes', `A='1' # it's "one"\n`, `A='1' # it's "one"\n`],
  ['export and odd spaces', 'export  A = 1\n  B=2\n', 'export A=1\nB=2\n'],
  ['a value of several lines', 'A="one\n# $AGENT_PORT_API\n"\nB=2\n', 'A="one\n# 20411\n"\nB=2\n'],
  ['CRLF, a byte order mark, no last newline', '\uFEFFA="one\r\ntwo"\r\nB=2', 'A="one\ntwo"\nB=2\n'],
  ['an unclosed quote', `A='tis\nB=2\n`, `A="'tis"\nB=2\n`],
  ['nothing', '', ''],
]

for (const [title, template, text] of rendered) {
  test(`a template is rendered: ${title}`, () => assert.equal(render(template), text))
}

test('an entry holds the value that the text stands for', () => {
  const template = [
    'A="one\\ntwo"',
    `B='one\\ntwo'`,
    'C="say \\"$AGENT_PORT_API\\" for \\$5"',
    'D=$AGENT_WORKTREE',
    `E='$X'`,
    'F="$X"',
    'G=`${X}`',
  ].join('\n')
  assert.deepEqual(values(template), [
    'one\ntwo',
    'one\\ntwo',
    'say "20411" for $5',
    '/home/me/a "b" $c',
    '$X',
    '<X>',
    '${X}',
  ])
})

test('an unknown variable of ours is an error that names the line and the known ones', () => {
  for (const written of [
    '$AGENT_PROT',
    '${AGENT_PORT_WEB}',
    '${X:-$AGENT_PROT}',
    '$DYNAMIC_PORT',
    '${AGENT_DB_NAME+x}',
    '${AGENT_DB_NAME',
  ]) {
    for (const quoted of [written, `"${written}"`, `'${written}'`]) {
      assert.throws(
        () => render(`# ports\nA=1\nB=${quoted}\n`),
        (error) =>
          error instanceof IsolateError &&
          error.message.startsWith('the environment template, line 3: $') &&
          error.hint?.includes('AGENT_DYNAMIC_PORT, AGENT_PORT_API') === true,
        written,
      )
    }
  }
})

test('a line that is neither an assignment nor a comment is an error', () => {
  assert.throws(() => render('A="x\ny"\nPORT: 3000\n'), /line 3 is neither KEY=value nor a comment: PORT: 3000/)
})

test('a value that dotenv-expand would run is refused', () => {
  assert.throws(
    () => renderTemplate('A=$AGENT_BRANCH\n', { AGENT_BRANCH: 'x$(touch${IFS}y)' }),
    /line 1: \$AGENT_BRANCH is x\$\(touch/,
  )
})

test('a value that no quoting keeps the same for all is warned of', () => {
  assert.deepEqual(renderTemplate('A=1\nB=$AGENT_WORKTREE\n', variables).warnings, [
    'the environment template, line 2: the value of B may be misread by dotenv-expand, Next, Vite, Bun',
  ])
})

test('the named ports of a template are found in order, each once, and not in comments', () => {
  const template = `
    # $AGENT_PORT_OLD
    PORT=$AGENT_DYNAMIC_PORT
    WEB=\${AGENT_PORT_WEB} # $AGENT_PORT_NO
    API='http://localhost:$AGENT_PORT_API_V2/'
    BOTH="$AGENT_PORT_WEB \${X:-$AGENT_PORT_LAST} \\$AGENT_PORT_ESCAPED"`
  assert.deepEqual(findPortNames(template), ['web', 'api_v2', 'last'])
})

test('the sample template renders', () => {
  const sample = readFileSync(join(import.meta.dirname, '../..', '.env.agent.template'), 'utf8')
  assert.match(render(sample), /\n\nPORT=20410\nDATABASE_URL="file:\/home\/me\/my project\/dev.db"\n$/)
})

const hostile: [line: string, value: string][] = [
  ['A="`touch ran`"', '`touch ran`'],
  ['A="$(touch ran)"', '$(touch ran)'],
  ['A=$(touch ran)', '$(touch ran)'],
  ['A=x`touch ran`', 'x`touch ran`'],
  ['A="${FOO:-$(touch ran)}"', '$(touch ran)'],
  ['A=${FOO:-$(touch ran)}', '$(touch ran)'],
  ['A="${FOO:-`touch ran`}"', '`touch ran`'],
  ['A="${FOO:-${BAR:-$(touch ran)}}"', '$(touch ran)'],
  ['A="one\n$(touch ran)\n"', 'one\n$(touch ran)\n'],
  ['A="\\\\$(touch ran)"', '\\$(touch ran)'],
  ['A="\\$(touch ran)"', '$(touch ran)'],
  ['A="${FOO=$(touch ran)}"', '${FOO=$(touch ran)}'],
  ['A="${PWD@P}"', '${PWD@P}'],
  ["A='$(touch ran)`touch ran`'", '$(touch ran)`touch ran`'],
  ['A="x\\"\nB=\'" `touch ran` #\'', 'x\\'],
  ['A="${FOO:-x\\}"\nB=\'}" `touch ran` #\'', 'x\\'],
  ['A="x\\\\"\nB=\'`touch ran`\'', 'x\\'],
  ['A="$((1+1)) costs 5$ or $5, $$"', '$((1+1)) costs 5$ or $5, $$'],
]

for (const shell of ['sh', 'bash']) {
  for (const [line, value] of hostile) {
    test(`${shell} that reads it runs nothing: ${JSON.stringify(line)}`, (t) => {
      const { folder, env, write } = createSandbox(t)
      const file = write('.env.local', `${render(line)}LAST=1\n`)
      const print = 'process.stdout.write(JSON.stringify([process.env.A, process.env.LAST]))'
      const script = `set -a; . "${file}"; exec "$0" -e '${print}'`
      const clean = { ...env, FOO: '', BAR: '' }
      const output = execFileSync(shell, ['-c', script, process.execPath], {
        cwd: folder,
        env: clean,
        encoding: 'utf8',
      })
      assert.deepEqual(JSON.parse(output), [value, '1'])
      assert.equal(existsSync(join(folder, 'ran')), false)
    })
  }
}

test('a key that has a shell run its value is refused, with its line', () => {
  for (const line of [`RANDOM='a[$(touch ran)]'`, 'OPTIND=1', 'a.b=./run', 'A-B=x/$X', '1A=${X}']) {
    assert.throws(() => render(`# c\n${line}\n`), /line 2: a shell that reads \S+ in an env file may run/, line)
  }
})
