/** What ends a run early: a signal, or a reader of its output that has seen enough (`| head`). */
import { constants } from 'node:os'
import { errorCode } from '../lib/report/isolate-error.ts'

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Resolves with the exit code that shells give to such an end; stays open otherwise. From now on none of them ends the process by itself. */
export function watchForInterruption(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of endingSignals) process.on(signal, () => resolve(128 + constants.signals[signal]))
    process.stdout.on('error', (error) => {
      if (errorCode(error) !== 'EPIPE') throw error
      resolve(128 + constants.signals.SIGPIPE)
    })
  })
}
