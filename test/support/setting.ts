/** What a test needs of its machine, named by an environment variable. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

/** Undefined, and the test skipped, where it is not named. In CI nothing is skipped. */
export function findSetting(t: TestContext, variable: string): string | undefined {
  const value = process.env[variable]
  if (value !== undefined) return value
  const reason = `${variable} is not set`
  assert.equal(process.env['CI'], undefined, `${reason}: in CI nothing is skipped`)
  t.skip(reason)
  return undefined
}
