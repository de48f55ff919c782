import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { plantsOf, sampleApps } from '../support/sample-apps.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

/** What the doctor finds in code; that no hook is registered is another matter. */
const ofCode = ['ports', 'frameworks', 'shared-databases']

type Found = { id: string; check: string; severity: string; place: string; fix: unknown; why: unknown }

async function findFaults(sandbox: Sandbox, files: Readonly<Record<string, string>>): Promise<Found[]> {
  const { stdout, stderr } = await runCli(sandbox, sandbox.repository('app', files), ['doctor', '--json'])
  assert.equal(stderr, '')
  const answer: { findings: Record<string, unknown>[] } = JSON.parse(stdout)
  return answer.findings
    .map(({ id, check, severity, file, line, fix, why }) => ({
      id: String(id),
      check: String(check),
      severity: String(severity),
      place: typeof line === 'number' ? `${String(file)}:${line}` : String(file),
      fix,
      why,
    }))
    .filter(({ check, severity }) => ofCode.includes(check) && severity !== 'ok')
}

for (const app of sampleApps) {
  test(`every fault planted in the ${app.name} application is found, each with its line`, async (t) => {
    const found = await findFaults(createSandbox(t), app.faulty)
    assert.deepEqual([...new Set(found.map(({ place }) => place))].toSorted(), plantsOf(app))
    for (const { place, fix, why } of found) {
      assert.ok(typeof fix === 'string' && fix !== '' && typeof why === 'string', place)
    }
  })

  test(`the fixed ${app.name} application has no faults`, async (t) => {
    assert.deepEqual(await findFaults(createSandbox(t), app.fixed), [])
  })
}

test('a framework’s fixed port is found once, and the port of a preview says nothing of it', async (t) => {
  const manifest = '{ "scripts": { "dev": "vite" }, "devDependencies": { "vite": "8" } }\n'
  const found = await findFaults(createSandbox(t), {
    'a/package.json': manifest,
    'a/vite.config.ts': 'export default { server: { port: 3001 } }\n',
    'b/package.json': manifest,
    'b/vite.config.ts': 'export default { server: { host: true }, preview: { port: 4173 } }\n',
  })
  const places = ['a/vite.config.ts:1', 'b/vite.config.ts', 'b/vite.config.ts:1']
  assert.deepEqual(found.map(({ place }) => place).toSorted(), places)
})
