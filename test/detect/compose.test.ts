/** Compose files in all the ways in which people write them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectCompose, type ComposeFile } from '../../detect/compose.ts'

async function read(text: string): Promise<ComposeFile> {
  const [file] = await detectCompose(['compose.yaml'], () => text)
  assert.ok(file)
  return file
}

/** `db 5432>5432 @3`: a service, what it publishes of which port of its own, in which line; `x3` of a range. */
function summarise({ services }: ComposeFile): string[] {
  return services.flatMap(({ name, ports }) =>
    ports.map(({ published, target, line, count }) => {
      const range = count > 1 ? ` x${count}` : ''
      return `${name} ${published ?? 'any'}>${target ?? 'any'}${range} @${line}`
    }),
  )
}

const shapes: readonly [title: string, text: string, ports: readonly string[]][] = [
  [
    'lists, quoted or not, and comments',
    'name: shop\nservices:\n    web:\n        ports:\n        - 3000:3000 # here\n        - "127.0.0.1:9229:9229/tcp"\n        environment:\n            PORTS: "1:2"\n',
    ['web 3000>3000 @5', 'web 9229>9229 @6'],
  ],
  [
    'a list on one line',
    'services:\n  db:\n    ports: ["5432:5432", \'5433\']\n',
    ['db 5432>5432 @3', 'db any>5433 @3'],
  ],
  [
    'a list on several lines',
    'services:\n  db:\n    ports: [\n      5432:5432,\n      "81:80",\n    ]\n',
    ['db 5432>5432 @4', 'db 81>80 @5'],
  ],
  ['flow style', 'services: {db: {image: x, ports: ["5432:5432"]}}\n', ['db 5432>5432 @1']],
  ['a service in flow style', 'services:\n  db: { image: x, ports: [ "5432:5432" ] }\n', ['db 5432>5432 @2']],
  ['JSON', '{\n\t"services": {\n\t\t"db": {\n\t\t\t"ports": ["5432:5432"]\n\t\t}\n\t}\n}\n', ['db 5432>5432 @4']],
  ['quoted keys', '"services":\n  "db":\n    "ports":\n      - "5432:5432"\n', ['db 5432>5432 @4']],
  [
    'a merged mapping',
    'x-db: &db\n  ports:\n    - 5432:5432\nservices:\n  db:\n    <<: *db\n    image: x\n',
    ['db 5432>5432 @3'],
  ],
  [
    'several merged mappings, of which the first counts, and what is its own before them',
    'x-a: &a {ports: ["1:10"]}\nx-b: &b\n  ports: ["2:20"]\nservices:\n  one:\n    <<: [*a, *b]\n  two:\n    <<: *b\n    ports: ["3:30"]\n',
    ['one 1>10 @1', 'two 3>30 @9'],
  ],
  [
    'an alias for a list, an item, a service',
    'x: &p ["1:10"]\nservices:\n  a: &s\n    ports: *p\n  b:\n    ports:\n      - &one "2:20"\n  c: {ports: [*one]}\n  d: *s\n',
    ['a 1>10 @1', 'b 2>20 @7', 'c 2>20 @7', 'd 1>10 @1'],
  ],
  [
    'the long form, in any order',
    'services:\n  a:\n    ports:\n      - published: 15432\n        target: 5432\n      - target: 80\n        host_ip: 127.0.0.1\n        published: "8080"\n        protocol: tcp\n      - target: 9187\n      - {target: 1, published: "${P:-2}"}\n',
    ['a 15432>5432 @4', 'a 8080>80 @8', 'a any>1 @11'],
  ],
  [
    'ranges',
    'services:\n  a:\n    ports:\n      - 3000-3002:4000-4002\n      - 5000-5009:80\n      - 6000-6005\n      - {target: 90-91, published: 90-91}\n',
    ['a 3000>4000 x3 @4', 'a any>80 @5', 'a any>6000 @6', 'a 90>90 x2 @7'],
  ],
  [
    'variables, addresses and protocols',
    'services:\n  a:\n    ports:\n      - "${DB_PORT:-5432}:5432"\n      - ${PORT}:3000\n      - 127.0.0.1:8001:8001\n      - 127.0.0.1::3000\n      - "[::1]:53:53/udp"\n      - "127.0.0.1:${P:?no port}:81"\n      - 0:80\n      - 70000:1\n',
    [
      'a any>5432 @4',
      'a any>3000 @5',
      'a 8001>8001 @6',
      'a any>3000 @7',
      'a 53>53 @8',
      'a any>81 @9',
      'a any>80 @10',
      'a any>1 @11',
    ],
  ],
  [
    'tags of compose, and several documents',
    'services:\n  a:\n    image: !reset null\n    ports: !override\n      - 1:10\n---\nservices: {b: {ports: ["2:20"]}}\n',
    ['a 1>10 @5', 'b 2>20 @7'],
  ],
  ['lines that end in CRLF, after a BOM', '\uFEFFservices:\r\n  a:\r\n    ports:\r\n      - 1:10\r\n', ['a 1>10 @4']],
  [
    'what nobody means',
    'services:\n  a:\n  b: []\n  c: {ports: 5432}\n  ? [d]\n  : x\n  e: {ports: *gone}\n  f: {ports: [{}, [], null]}\n',
    [],
  ],
  ['nothing', '', []],
]

for (const [title, text, ports] of shapes) {
  test(`ports of a compose file: ${title}`, async () => {
    const file = await read(text)
    assert.deepEqual([file.fault, summarise(file)], [undefined, ports])
  })
}

test('image and name of a container are found through quotes and merges, and both files of a project are read', async () => {
  const texts: Record<string, string> = {
    'compose.yaml': 'x: &x\n  image: "postgres:16"\nservices:\n  db:\n    <<: *x\n    container_name: \'shop-db\'\n',
    'compose.override.yaml': 'services:\n  db:\n    ports: ["5432:5432"]\n',
  }
  const [base, override] = await detectCompose([...Object.keys(texts), 'compose.md'], (path) => texts[path])
  const [db] = base?.services ?? []
  assert.deepEqual([db?.image, db?.containerName], ['postgres:16', { name: 'shop-db', line: 6 }])
  assert.ok(override)
  assert.deepEqual(summarise(override), ['db 5432>5432 @3'])
})

test('files that services come from are named with their lines, and not read', async () => {
  const { sources } = await read(
    'include:\n  - parts/a.yaml\n  - path: parts/b.yaml\n  - path: [parts/c.yaml]\nservices:\n  web:\n    extends:\n      file: common.yaml\n      service: web\n  job: {extends: {service: web}}\n',
  )
  assert.deepEqual(
    sources.map(({ path, line }) => `${path} @${line}`),
    ['parts/a.yaml @2', 'parts/b.yaml @3', 'parts/c.yaml @4', 'common.yaml @8'],
  )
})

const faults: readonly [title: string, text: string, message: RegExp, line: number][] = [
  ['a tab', 'services:\n\tdb:\n', /Tabs are not allowed/, 2],
  ['a list that is not closed', 'services:\n  db:\n    ports: ["1:1"\n  web: {}\n', /./, 4],
  ['a key that is there twice', 'services:\n  db: {}\n  db: {}\n', /unique/, 3],
  ['a text of many millions', `services: {}\n#${'x'.repeat(2_000_000)}`, /more than 1000000 characters/, 1],
  ['aliases without end', `a: &a [1]\nb: [${'*a, '.repeat(2_000)}]\n`, /more than 1000 aliases/, 1],
  ['nesting without end', `services: ${'['.repeat(20_000)}`, /stack/, 1],
]

for (const [title, text, message, line] of faults) {
  test(`a compose file with ${title} has a fault, and no services`, async () => {
    const { services, fault } = await read(text)
    assert.deepEqual([services, fault?.line], [[], line])
    assert.match(fault?.message ?? '', message)
  })
}

test('mappings that merge themselves, or each other many times over, come to an end', async () => {
  const levels = Array.from({ length: 60 }, (_, level) => {
    const below = level === 0 ? '' : `, <<: [${`*l${level - 1}, `.repeat(9)}]`
    return `x${level}: &l${level} {k${level}: 1${below}}`
  })
  const file = await read(`${levels.join('\n')}\nservices:\n  a: &a\n    <<: [*a, *l59]\n    ports: ["1:10"]\n`)
  assert.deepEqual([file.fault, summarise(file)], [undefined, ['a 1>10 @64']])
})
