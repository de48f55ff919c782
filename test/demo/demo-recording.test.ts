/** The picture of the demo in the README. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { steadyOutput } from '../../demo/steady-output.ts'
import { drawTerminal } from '../../demo/terminal-picture.ts'
import { createSandbox } from '../support/sandbox.ts'

const root = join(import.meta.dirname, '../..')
const picture = readFileSync(join(root, 'docs/demo.svg'), 'utf8')
const label = { title: 'a <demo>', description: 'R & D' }

test('the picture in the README shows what the demo shows today', (t) => {
  const { env, folder } = createSandbox(t)
  const file = join(folder, 'demo.svg')
  const record = ['--import', import.meta.resolve('tsx'), join(root, 'demo/record.ts'), file]
  const { status, stderr } = spawnSync(process.execPath, record, { env: { ...env, TMPDIR: folder }, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const hint = 'the demo shows something else: npm run demo:record makes its picture anew'
  assert.deepEqual(readFileSync(file, 'utf8').split('\n'), picture.split('\n'), hint)
})

test('the picture is small, well-formed, needs nothing from elsewhere, and has words for who does not see it', () => {
  assert.ok(Buffer.byteLength(picture) < 60_000)
  assertWellFormed(picture)
  assert.doesNotMatch(picture, /<script|<image|<foreignObject|\bon\w+=|href|url\(|@import/)
  assert.match(picture, /<title id="title">.+<\/title>\n<desc id="description">.+<\/desc>/)
  assert.match(readFileSync(join(root, 'README.md'), 'utf8'), /!\[[^\]]{40,}\]\(docs\/demo\.svg\)/)
})

test('text is drawn at its column, in its colours, whatever it holds', () => {
  const table: [string, string][] = [
    ['a  b', '<tspan x="20">a</tspan> <tspan x="45.29">b</tspan>'],
    ['機x', '<tspan x="20">機</tspan> <tspan x="36.86">x</tspan>'],
    ['e\u0301x', '<tspan x="20">e\u0301x</tspan>'],
    ['<a&b>', '<tspan x="20">&#60;a&#38;b&#62;</tspan>'],
    ['\u001b[31mno\u001b[39m', '<tspan x="20" fill="#ff7b72">no</tspan>'],
    ['\u001b[1m\u001b[36m1\u001b[39m\u001b[22m', '<tspan x="20" fill="#56d4dd" font-weight="bold">1</tspan>'],
    ['\u001b[2m', ''],
  ]
  for (const [text, drawn] of table) {
    const svg = drawTerminal(`${text}\nend\n`, label)
    assertWellFormed(svg)
    assert.equal(/<text y="50">(.*)<\/text>/.exec(svg)?.[1] ?? '', drawn, text)
  }
  assert.match(drawTerminal('\u001b[1ma\nb\n', label), /<text y="69"><tspan x="20" font-weight="bold">b</)
  assert.throws(() => drawTerminal('\u001b[35mmagenta', label), /no style/)
})

test('what changes from run to run is steady, in its column', () => {
  const steady = steadyOutput(
    printOn({ node: '/usr/bin/node', first: 39_633, leased: 20_750, pid: 812, age: 'AGE', seconds: 0 }),
  )
  assert.equal(
    steadyOutput(
      printOn({ node: '/opt/a b/node', first: 60_123, leased: 23_870, pid: 1_234_567, age: 'AGE ', seconds: 12 }),
    ),
    steady,
  )
  assert.match(steady, /sample project: ~\/sample-shop\p{Cc}/u)
  assert.match(steady, /ready: a branch\n   PORTS      AGE  STATE\n   app 20410  \p{Cc}\[2m0 s\p{Cc}\[22m  \p{Cc}/u)
  assert.match(steady, /20410: pid 4101: node --env-file=\.env\.local server\.js\p{Cc}/u)
})

type Machine = { node: string; first: number; leased: number; pid: number; age: string; seconds: number }

/** The demo's lines that differ between machines. `age`: the title of that column, as wide as its cells. */
function printOn({ node, first, leased, pid, age, seconds }: Machine): string {
  return [
    '\u001b[2m   sample project: /var/my tmp/agent-isolate-demo-x1Y2z3\u001b[22m',
    `\u001b[2m   its database: SQLite, through ${node}\u001b[22m`,
    `   agent 1: listening on 127.0.0.1:${first}, which stands in for 3000 here`,
    `   payments PORT=${leased}  DATABASE_URL=file:…/app.db`,
    `   \u001b[32m✓\u001b[39m ready in ${seconds}.5 s: a branch`,
    `   PORTS      ${age}  STATE`,
    `   app ${leased}  \u001b[2m${seconds} s\u001b[22m  \u001b[32mready\u001b[39m`,
    `   \u001b[32m  ${leased}: pid ${pid}: ${node} server…\u001b[39m`,
    `All of it held, in ${seconds}.1 seconds. README.md`,
  ].join('\n')
}

/** Every tag is closed by its own, in order, in one root; nothing else looks like a tag or an entity. */
function assertWellFormed(xml: string): void {
  const open: string[] = []
  const text = xml.replace(/<(\/?)(\w+)((?: [\w-]+="[^"<]*")*)(\/?)>/g, (_, end, name, attributes, single) => {
    if (end) assert.equal(open.pop(), name)
    else if (!single) open.push(name)
    return attributes
  })
  assert.deepEqual(open, [])
  assert.doesNotMatch(text, /[<>]|&(?!(?:#\d+|quot);)|\p{Cc}(?<!\n)/u)
  assert.match(xml, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]*>\n[^]*<\/svg>\n$/)
}
