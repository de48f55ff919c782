/** Reads a text file that need not be there. */
import { readFileSync } from 'node:fs'
import { errorCode, errorText, IsolateError } from './isolate-error.ts'

/** Undefined when there is no such file; throws `IsolateError` when it cannot be read. */
export function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined
    throw new IsolateError(`${path} cannot be read: ${errorText(error)}`, { cause: error })
  }
}
