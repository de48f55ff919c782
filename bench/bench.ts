/**
 * `npm run bench`: what agent-isolate costs on this machine, against what it is built on. `npm run bench -- create many`
 * runs those alone, `--json` answers for a program. Everything happens in a temporary folder of its own.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { stdoutColors } from '../cli/colors.ts'
import { watchForInterruption } from '../demo/interruption.ts'
import { compiledProgram } from '../demo/programs.ts'
import { openStage, type Stage } from '../demo/stage.ts'
import { describeFailure, IsolateError } from '../lib/isolate-error.ts'
import { measureArticle } from './article.ts'
import { measureCreate } from './create.ts'
import { measureDependencies } from './dependencies.ts'
import type { Result } from './harness.ts'
import { measureLease } from './lease.ts'
import { measureMany } from './many.ts'
import { measurePostgres } from './postgres.ts'
import { measureRemove } from './remove.ts'
import { renderResult } from './render.ts'
import { measureSqlite } from './sqlite.ts'

type Measurement = (stage: Stage) => Promise<Result[]>

const measurements: ReadonlyMap<string, Measurement> = new Map([
  ['create', measureCreate],
  ['article', measureArticle],
  ['many', measureMany],
  ['lease', measureLease],
  ['remove', measureRemove],
  ['sqlite', measureSqlite],
  ['postgres', measurePostgres],
  ['dependencies', measureDependencies],
])

process.exitCode = await run()

/** Answers the exit code. */
async function run(): Promise<number> {
  const stage = openStage('agent-isolate-bench-')
  const interruption = watchForInterruption()
  try {
    return await Promise.race([measureAll(stage), interruption])
  } catch (error) {
    process.stderr.write(`bench: ${describeFailure(error)}\n`)
    return 1
  } finally {
    await stage.close()
  }
}

async function measureAll(stage: Stage): Promise<number> {
  const { wanted, asJson } = parseWords(process.argv.slice(2))
  requireCompiled()
  const machine = describeMachine()
  if (!asJson) process.stdout.write(`${machine}\n`)
  const results: Result[] = []
  for (const measure of wanted) {
    for (const result of await measure(stage)) {
      results.push(result)
      if (!asJson) process.stdout.write(`\n${renderResult(result, stdoutColors())}\n`)
    }
  }
  if (asJson) process.stdout.write(`${JSON.stringify({ machine, results }, undefined, 2)}\n`)
  return 0
}

function parseWords(words: readonly string[]): { wanted: Measurement[]; asJson: boolean } {
  const names = words.filter((word) => word !== '--json')
  return {
    wanted: names.length > 0 ? names.map(requireMeasurement) : [...measurements.values()],
    asJson: names.length < words.length,
  }
}

function requireMeasurement(name: string): Measurement {
  const measurement = measurements.get(name)
  if (measurement !== undefined) return measurement
  throw new IsolateError(`there is no measurement "${name}"`, {
    hint: `There are: ${[...measurements.keys()].join(', ')}.`,
  })
}

function requireCompiled(): void {
  if (existsSync(compiledProgram)) return
  throw new IsolateError('the package is not compiled', { hint: 'npm run build' })
}

function describeMachine(): string {
  const git = execFileSync('git', ['--version'], { encoding: 'utf8' }).trim()
  const processor = cpus()[0]?.model ?? 'unknown processor'
  return `Node ${process.versions.node}, ${git}, ${process.platform}, ${availableParallelism()} × ${processor}`
}
