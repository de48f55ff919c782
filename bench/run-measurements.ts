/** Runs measurements one after the other. One whose program is missing is skipped and one that fails is told of; the others run. */
import type { Stage } from '../demo/stage.ts'
import { describeFailure, errorText, IsolateError } from '../lib/report/isolate-error.ts'
import type { Result } from './harness.ts'

export type Measurement = {
  name: string
  /** Programs that have to be on PATH. */
  needs?: readonly string[]
  /** Why it cannot be made on this machine; undefined when it can. Asked once `needs` are there. */
  findObstacle?: (stage: Stage) => Promise<string | undefined>
  /** How often it is done for its numbers to be steady. */
  rounds: number
  measure: (stage: Stage, run: Run) => Promise<Result[]>
}

export type Run = {
  rounds: number
  /** Is told, in a line, of what of it cannot be made here. */
  leaveOut: (reason: string) => void
}

/** What there is to say as it becomes known; each a line, but a result. */
export type Listener = {
  onResult: (result: Result) => void
  onSkipped: (line: string) => void
  onFailed: (text: string) => void
}

/** True when none failed; skipping is no failure. Begins no further one once the signal is aborted. */
export async function runMeasurements(
  stage: Stage,
  measurements: readonly Measurement[],
  { onResult, onSkipped, onFailed }: Listener,
  signal?: AbortSignal,
): Promise<boolean> {
  let isWell = true
  for (const measurement of measurements) {
    if (signal?.aborted) break
    const { name, rounds, measure } = measurement
    try {
      const obstacle = await findObstacle(stage, measurement)
      if (obstacle !== undefined) onSkipped(`${name} is skipped: ${obstacle}`)
      else {
        const leaveOut = (reason: string): void => onSkipped(`of ${name} is left out: ${reason}`)
        for (const result of await measure(stage, { rounds, leaveOut })) onResult(result)
      }
    } catch (error) {
      // Whoever interrupts has ended what was being measured.
      if (signal?.aborted) break
      isWell = false
      onFailed(`${name} failed: ${error instanceof IsolateError ? describeFailure(error) : stackOf(error)}`)
    }
  }
  return isWell
}

async function findObstacle(
  stage: Stage,
  { needs = [], findObstacle: find }: Measurement,
): Promise<string | undefined> {
  for (const program of needs) {
    if (!(await isProgram(stage, program))) return `there is no ${program} on PATH`
  }
  return find?.(stage)
}

/** Whether the program starts at all: one that is missing has no exit code. */
export async function isProgram(stage: Stage, program: string): Promise<boolean> {
  const { code } = await stage.start([program, '--version'], { cwd: stage.folder }).ended
  return code !== null
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : errorText(error)
}
