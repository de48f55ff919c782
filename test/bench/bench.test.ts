/** `npm run bench` on a machine that has not everything: what can be measured is. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runMeasurements, type Measurement } from '../../bench/run-measurements.ts'
import { openStage } from '../../demo/stage.ts'
import { IsolateError } from '../../lib/report/isolate-error.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const script = ['--import', import.meta.resolve('tsx'), join(import.meta.dirname, '../..', 'bench', 'bench.ts')]

/** A folder that has these programs and no others. */
function binFolder(sandbox: Sandbox, programs: readonly string[]): string {
  const bin = join(sandbox.folder, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const program of programs) {
    const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim()
    symlinkSync(found, join(bin, program))
  }
  return bin
}

function bench(sandbox: Sandbox, names: readonly string[], env: NodeJS.ProcessEnv) {
  return spawnSync(process.execPath, [...script, ...names], { env: { ...sandbox.env, ...env }, encoding: 'utf8' })
}

const result = (title: string) => async () => [{ title, against: '', rounds: 1, rows: [] }]

test('without docker the bench skips postgres, says why, and measures what follows', (t) => {
  const sandbox = createSandbox(t)
  const PATH = binFolder(sandbox, ['git', 'bash', 'cp'])
  const { status, stdout, stderr } = bench(sandbox, ['--once', 'postgres', 'dependencies'], { PATH })
  assert.equal(stderr, 'bench: postgres is skipped: there is no docker on PATH\n')
  assert.match(stdout, /^node_modules: /m)
  assert.equal(status, 0)
})

test('a docker that does not answer is as good as none', (t) => {
  const sandbox = createSandbox(t)
  const DOCKER_HOST = `unix://${join(sandbox.folder, 'no.sock')}`
  const fake = '#!/bin/sh\n[ "$1" = --version ] && exit\necho "Cannot connect to the Docker daemon" >&2\nexit 1\n'
  spawnSync('chmod', ['+x', sandbox.write('bin/docker', fake)])
  const PATH = `${join(sandbox.folder, 'bin')}:${process.env['PATH']}`
  const { status, stdout, stderr } = bench(sandbox, ['--json', 'postgres'], { PATH, DOCKER_HOST })
  const line = 'postgres is skipped: docker does not answer: Cannot connect to the Docker daemon'
  assert.equal(stderr, `bench: ${line}\n`)
  const { results, skipped, failed } = JSON.parse(stdout)
  assert.deepEqual([status, results, skipped, failed], [0, [], [line], []])
})

test('one that fails is told of, the rest is measured, and the bench has failed', async (t) => {
  const stage = openStage('agent-isolate-test-')
  t.after(() => stage.close())
  const lines: string[] = []
  const listener = {
    onResult: ({ title }: { title: string }) => lines.push(title),
    onSkipped: (line: string) => lines.push(line),
    onFailed: (text: string) => lines.push(text),
  }
  const measurements: Measurement[] = [
    { name: 'a', rounds: 1, needs: ['no-such-program'], measure: result('a') },
    { name: 'b', rounds: 1, findObstacle: async () => 'it rains', measure: result('b') },
    {
      name: 'c',
      rounds: 1,
      measure: async () => {
        throw new IsolateError('it broke', { hint: 'mind the gap' })
      },
    },
    {
      name: 'd',
      rounds: 1,
      measure: async (_, { leaveOut }) => {
        leaveOut('one runtime')
        return result('d')()
      },
    },
  ]
  assert.equal(await runMeasurements(stage, measurements, listener), false)
  assert.deepEqual(lines, [
    'a is skipped: there is no no-such-program on PATH',
    'b is skipped: it rains',
    'c failed: it broke\n  mind the gap',
    'of d is left out: one runtime',
    'd',
  ])
  assert.equal(await runMeasurements(stage, measurements.slice(0, 2), listener), true)
})

/** Each one that is there would be measured. */
const noRuntimes = { AGENT_ISOLATE_TEST_NODE22: '', AGENT_ISOLATE_TEST_NODE24: '', AGENT_ISOLATE_TEST_DENO: '' }

test('a runtime that is named and is not there is left out of what is measured', (t) => {
  const sandbox = createSandbox(t)
  const missing = join(sandbox.folder, 'no-bun')
  const { stdout, stderr, status } = bench(sandbox, ['--once', 'create'], {
    ...noRuntimes,
    AGENT_ISOLATE_TEST_BUN: missing,
  })
  assert.equal(stderr, `bench: of create is left out: Bun: AGENT_ISOLATE_TEST_BUN names no program: ${missing}\n`)
  assert.match(stdout, /hook, compiled, this Node/)
  assert.equal(status, 0)
})
