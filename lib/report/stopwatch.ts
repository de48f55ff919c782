/** Where the time of a creation goes, step by step, and that a step which outlasts the deadline is the last one. */
import { timeIsUp, type Deadline, type Step } from './deadline.ts'
import { IsolateError } from './isolate-error.ts'

export type Stopwatch = {
  /** Does the work and notes its time. Throws `IsolateError` when the deadline has passed by then. */
  measure: <T>(step: string, work: () => Promise<T>) => Promise<T>
  /** Lines `step  12.3 ms`, in the order in which steps ended; steps that ran side by side overlap. */
  report: () => string[]
}

export function startStopwatch(deadline: Deadline): Stopwatch {
  const steps: Step[] = []
  return {
    async measure(step, work) {
      const start = performance.now()
      const note = (): void => void steps.push({ step, ms: performance.now() - start })
      const result = await work().catch((error: unknown) => {
        note()
        throw deadline.hasPassed() && error instanceof IsolateError ? timeIsUp(deadline, steps, error) : error
      })
      note()
      if (deadline.hasPassed()) throw timeIsUp(deadline, steps, undefined)
      return result
    },
    report() {
      // timeOrigin is when the process began, so this counts the start of the runtime and our own loading too.
      const total = { step: 'since the process began', ms: performance.now() }
      const width = Math.max(...[...steps, total].map(({ step }) => step.length))
      return [...steps, total].map(({ step, ms }) => `${step.padEnd(width)}  ${ms.toFixed(1).padStart(8)} ms`)
    },
  }
}
