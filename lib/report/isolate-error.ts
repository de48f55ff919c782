/** The one kind of error that a user is meant to see, and how any failure is put into words at a program's edge. */
import { hideSecrets } from './hide-secrets.ts'

/** An expected failure: what failed and on what (`message`), and the next thing to do (`hint`). */
export class IsolateError extends Error {
  readonly hint: string | undefined

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'IsolateError'
    this.hint = options.hint
  }
}

/** An `IsolateError` as its message and hint; anything else is a bug and keeps its stack. No passwords: other programs' words are in it. */
export function describeFailure(error: unknown): string {
  return hideSecrets(failureText(error))
}

function failureText(error: unknown): string {
  if (error instanceof IsolateError)
    return error.hint === undefined ? error.message : `${error.message}\n  ${error.hint}`
  return `internal error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}

/** The `code` of a Node error (`ENOENT`, `EEXIST`, …); undefined for anything without one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Short text of an unknown thrown value, for use inside another message. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
