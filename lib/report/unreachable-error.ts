/** The expected failure that may pass by itself. */
import { IsolateError } from './isolate-error.ts'

/**
 * What has to be talked to (a container engine, a server) is out of reach for now. Whoever releases things keeps what it
 * could not release, and tries again later.
 */
export class UnreachableError extends IsolateError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options)
    this.name = 'UnreachableError'
  }
}
