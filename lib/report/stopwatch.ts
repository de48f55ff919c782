/** Where the time of a creation goes, step by step. */

export type Stopwatch = {
  /** Does the work and adds its time to the step's. */
  measure: <T>(step: string, work: () => Promise<T>) => Promise<T>
  /** Lines `step  12.3 ms`, in the order in which steps ended; steps that ran side by side overlap. */
  report: () => string[]
}

export function startStopwatch(): Stopwatch {
  const steps: { step: string; ms: number }[] = []
  return {
    async measure(step, work) {
      const start = performance.now()
      try {
        return await work()
      } finally {
        steps.push({ step, ms: performance.now() - start })
      }
    },
    report() {
      // timeOrigin is when the process began, so this counts the start of the runtime and our own loading too.
      const total = { step: 'since the process began', ms: performance.now() }
      const width = Math.max(...[...steps, total].map(({ step }) => step.length))
      return [...steps, total].map(({ step, ms }) => `${step.padEnd(width)}  ${ms.toFixed(1).padStart(8)} ms`)
    },
  }
}
