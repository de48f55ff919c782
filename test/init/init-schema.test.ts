/** agent-isolate.schema.json says what lib/project/config.ts reads: the same keys, defaults that are right, and no others. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../lib/project/config.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'

type Schema = {
  properties?: Record<string, Schema>
  definitions?: Record<string, Schema>
  default?: unknown
  $ref?: string
}

const schema: Schema = JSON.parse(readFileSync(join(import.meta.dirname, '../..', 'agent-isolate.schema.json'), 'utf8'))

/** Where each object of the config is in the schema, with what it cannot be without. */
const sections: readonly (readonly [name: string, Schema | undefined, required: Record<string, unknown>])[] = [
  ...['worktrees', 'ports', 'compose', 'dependencies', 'environment', 'sync'].map(
    (name) => [name, schema.properties?.[name], {}] as const,
  ),
  ['database', schema.definitions?.['sqlite'], {}],
  ['database', schema.definitions?.['postgresDocker'], { provider: 'postgres-docker' }],
  ['database', schema.definitions?.['postgresServer'], { provider: 'postgres-server', url: '$X' }],
]

for (const [name, found, required] of sections) {
  test(`"${name}" ${JSON.stringify(required)}: the schema has the keys of the config, and its defaults`, () => {
    const properties = found?.properties ?? {}
    // Any folder may be a key of "dependencies".
    if (name !== 'dependencies')
      assert.deepEqual(
        Object.keys(properties).toSorted(),
        keysOf((unknown) => ({ [name]: { ...required, ...unknown } })),
      )
    const plain = parse({ [name]: required })
    for (const [key, property] of Object.entries(properties)) {
      const value = defaultOf(property)
      if (value === undefined) continue
      assert.deepEqual(parse({ [name]: { ...required, [key]: value } }), plain, key)
    }
  })
}

test('at the top the schema has the keys of the config', () => {
  assert.deepEqual(
    Object.keys(schema.properties ?? {}).toSorted(),
    keysOf((unknown) => unknown),
  )
})

function defaultOf({ default: value, $ref: reference }: Schema): unknown {
  return value ?? schema.definitions?.[reference?.replace('#/definitions/', '') ?? '']?.default
}

/** What the error for an unknown key tells of the known ones. */
function keysOf(wrap: (unknown: Record<string, unknown>) => unknown): string[] {
  try {
    parse(wrap({ 'not a key': 1 }))
  } catch (error) {
    assert.ok(error instanceof IsolateError)
    return (
      /^Known: (.*)\.$/
        .exec(error.hint ?? '')?.[1]
        ?.split(', ')
        .toSorted() ?? []
    )
  }
  return []
}

function parse(value: unknown): unknown {
  return parseConfig(JSON.stringify(value), 'agent-isolate.json')
}
