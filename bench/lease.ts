/** 200 processes that lease ports at the same time. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Stage } from '../demo/stage.ts'
import { answerOf } from '../demo/programs.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { measureInTurns, type Result } from './harness.ts'
import type { Run } from './run-measurements.ts'

const names = Array.from({ length: 200 }, (_, index) => `agent-${index}`)

export async function measureLease(stage: Stage, { rounds }: Run): Promise<Result[]> {
  const empty = join(stage.folder, 'empty.mjs')
  const lease = join(stage.folder, 'lease.mjs')
  writeFileSync(empty, '')
  await bundleLease(lease)
  const startAll = (program: string): Promise<string[]> =>
    Promise.all(names.map((name) => answerOf(stage, [process.execPath, program, name], { cwd: stage.folder })))
  return [
    await measureInTurns('200 processes at once', rounds, [
      { name: 'empty programs on this Node', prepare: async () => () => startAll(empty) },
      {
        name: 'leasing a block of ports each',
        prepare: async () => async () => requireDistinct(await startAll(lease)),
        note: () => `${names.length} distinct blocks`,
      },
    ]),
  ]
}

/** The program of the ledger's test, in one file as the hooks are: it prints `NAME BLOCK`. */
async function bundleLease(outfile: string): Promise<void> {
  const entry = join(import.meta.dirname, '..', 'test', 'support', 'lease.ts')
  await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20.12' })
}

function requireDistinct(answers: readonly string[]): void {
  const distinct = new Set(answers.map((answer) => answer.split(' ')[1]))
  if (distinct.size === names.length) return
  throw new IsolateError(`${names.length} leases, and only ${distinct.size} distinct blocks of ports`)
}
