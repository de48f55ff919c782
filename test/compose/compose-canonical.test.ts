/** The edit of what docker-compose 1.x prints, as text. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editCanonicalConfig, parseCanonicalConfig } from '../../lib/compose/canonical-config.ts'
import { planCompose } from '../../lib/compose/plan.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'

const config = `networks:
  default:
    name: fixed-net
services:
  '123':
    image: x
    network_mode: host
  db:
    container_name: fixed-db
    environment:
      LONG: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        cccccccccccccccccccccccccccccccc dddddddd
      MULTI: "ports:\\n  - 5432:5432\\nx\\n"
      QUOTED: 'first

        ports:'
    image: postgres
    ports:
    - published: 5432
      target: 5432
    - published: 7000
      target: 7000
    volumes:
    - data:/var/lib/postgresql/data:rw
  "on":
    container_name: repo-one-ab12cd-on
    image: x
    ports:
    - 127.0.0.1:8080:80/tcp
    - target: 3000
version: '3.9'
volumes:
  data:
    name: 'shared: data'
  given:
    external: true
    name: given
  other: {}
`

const edited = `# made by agent-isolate for this worktree, and removed with it
networks:
  default:
services:
  '123':
    image: x
    network_mode: host
  db:
    environment:
      LONG: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        cccccccccccccccccccccccccccccccc dddddddd
      MULTI: "ports:\\n  - 5432:5432\\nx\\n"
      QUOTED: 'first

        ports:'
    image: postgres
    volumes:
    - data:/var/lib/postgresql/data:rw
    ports:
    - "127.0.0.1:20411:5432"
  "on":
    container_name: repo-one-ab12cd-on
    image: x
    ports:
    - 127.0.0.1:8080:80/tcp
    - target: 3000
version: '3.9'
volumes:
  data:
  given:
    external: true
    name: given
  other: {}
`

const project = 'repo-one-ab12cd'
const leased = [{ name: 'db', service: 'db', containerPort: 5432, hostPort: 20411 }]

test('ports are replaced, fixed names taken out, and every other line stays as it was', () => {
  const plan = planCompose(parseCanonicalConfig(config), project, leased, [20410, 20411])
  assert.equal(editCanonicalConfig(config, plan), edited)
  assert.deepEqual(plan.warnings, [
    'the compose service on publishes the fixed port 8080, as it does in every worktree; name it in "compose.ports"',
  ])
})

function edit(text: string): string {
  return editCanonicalConfig(text, planCompose(parseCanonicalConfig(text), project, leased, [20410, 20411]))
}

for (const [what, text] of [
  ['no services', 'version: "3"\n'],
  ['nothing', ''],
  ['flow style', 'services: {db: {image: x}}\n'],
  ['a service in flow style', 'services:\n  db: {image: x}\n'],
  ['wide indentation', 'services:\n    db:\n        image: x\n'],
  ['a tab', 'services:\n\tdb:\n    image: x\n'],
  ['a complex key', 'services:\n  ? db\n  : image: x\n'],
  ['an escaped key', 'services:\n  "d\\x62":\n    image: x\n'],
  ['two documents', 'services:\n  db:\n    image: x\n---\nservices: {}\n'],
  ['an alias for a service', 'services:\n  a: &id001\n    image: x\n  db: *id001\n'],
  ['an anchor at what goes', 'services:\n  db:\n    ports: &id001\n    - 1:2\n  web:\n    ports: *id001\n'],
  ['a folded name', 'services:\n  db:\n    container_name: >-\n      x\n'],
  ['text before the project', 'WARNING: something\nservices:\n  db:\n    image: x\n'],
] as const) {
  test(`${what} is refused, not guessed at`, () => {
    assert.throws(
      () => edit(text),
      (error) => error instanceof IsolateError && /is not understood/.test(error.message),
    )
  })
}
