/**
 * `npm run bench`: what agent-isolate costs on this machine, against what it is built on. `npm run bench -- create many`
 * runs those alone, `--once` does each thing once, to see that it works, `--json` answers for a program. Everything happens
 * in a temporary folder of its own. What needs a program that is not there is skipped. Exit code 1 when a measurement failed.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { stdoutColors } from '../cli/colors.ts'
import { watchForInterruption } from '../demo/interruption.ts'
import { compiledProgram } from '../demo/programs.ts'
import { openStage, type Stage } from '../demo/stage.ts'
import { describeFailure, IsolateError } from '../lib/report/isolate-error.ts'
import { measureArticle } from './article.ts'
import { measureCreate } from './create.ts'
import { measureDependencies } from './dependencies.ts'
import type { Result } from './harness.ts'
import { measureLease } from './lease.ts'
import { measureMany } from './many.ts'
import { findPostgresObstacle, measurePostgres } from './postgres.ts'
import { measureRemove } from './remove.ts'
import { renderResult } from './render.ts'
import { runMeasurements, type Measurement } from './run-measurements.ts'
import { findSqliteObstacle, measureSqlite } from './sqlite.ts'

const measurements: readonly Measurement[] = [
  { name: 'create', rounds: 5, measure: measureCreate },
  { name: 'article', rounds: 5, needs: ['bash', 'cp'], findObstacle: findSqliteObstacle, measure: measureArticle },
  { name: 'many', rounds: 3, needs: ['bash', 'cp'], measure: measureMany },
  { name: 'lease', rounds: 1, measure: measureLease },
  { name: 'remove', rounds: 5, measure: measureRemove },
  { name: 'sqlite', rounds: 3, needs: ['cp'], findObstacle: findSqliteObstacle, measure: measureSqlite },
  {
    name: 'postgres',
    rounds: 3,
    needs: ['bash', 'cp', 'docker'],
    findObstacle: findPostgresObstacle,
    measure: measurePostgres,
  },
  { name: 'dependencies', rounds: 3, needs: ['cp'], measure: measureDependencies },
]

process.exitCode = await run()

/** Returns the exit code. */
async function run(): Promise<number> {
  const stage = openStage('agent-isolate-bench-')
  const interruption = watchForInterruption()
  const end = new AbortController()
  try {
    return await Promise.race([measureAll(stage, end.signal), interruption])
  } catch (error) {
    process.stderr.write(`bench: ${describeFailure(error)}\n`)
    return 1
  } finally {
    end.abort()
    await stage.close()
  }
}

async function measureAll(stage: Stage, signal: AbortSignal): Promise<number> {
  const { wanted, asJson } = parseWords(process.argv.slice(2))
  requireCompiled()
  const machine = describeMachine()
  if (!asJson) process.stdout.write(`${machine}\n`)
  const results: Result[] = []
  const [skipped, failed]: [string[], string[]] = [[], []]
  const onResult = (result: Result): void => {
    results.push(result)
    if (!asJson) process.stdout.write(`\n${renderResult(result, stdoutColors())}\n`)
  }
  const listener = { onResult, onSkipped: noteIn(skipped), onFailed: noteIn(failed) }
  const isWell = await runMeasurements(stage, wanted, listener, signal)
  if (asJson) process.stdout.write(`${JSON.stringify({ machine, results, skipped, failed }, undefined, 2)}\n`)
  return isWell ? 0 : 1
}

function noteIn(list: string[]): (line: string) => void {
  return (line) => {
    list.push(line)
    process.stderr.write(`bench: ${line}\n`)
  }
}

function parseWords(words: readonly string[]): { wanted: readonly Measurement[]; asJson: boolean } {
  const names = words.filter((word) => !['--once', '--json'].includes(word))
  const wanted = names.length > 0 ? names.map(requireMeasurement) : measurements
  return {
    wanted: words.includes('--once') ? wanted.map((each) => ({ ...each, rounds: 1 })) : wanted,
    asJson: words.includes('--json'),
  }
}

function requireMeasurement(name: string): Measurement {
  const measurement = measurements.find((each) => each.name === name)
  if (measurement !== undefined) return measurement
  throw new IsolateError(`there is no measurement "${name}"`, {
    hint: `There are: ${measurements.map((each) => each.name).join(', ')}.`,
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
