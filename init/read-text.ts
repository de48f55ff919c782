/** Reads files that are to be edited: what is no plain UTF-8 text would not survive that, and is refused. */
import { readFileSync } from 'node:fs'
import { errorCode, errorText, IsolateError } from '../lib/isolate-error.ts'
import { findOddity } from '../lib/read-if-any.ts'

/** Undefined when there is no such file. A byte order mark stays in the text. Throws `IsolateError` naming the file. */
export function readText(path: string): string | undefined {
  const bytes = readBytes(path)
  if (bytes === undefined) return undefined
  const text = bytes.toString('utf8')
  if (Buffer.from(text).equals(bytes)) return text
  throw new IsolateError(`${path} is not UTF-8 text`, { hint: 'Save it as UTF-8 and try again.' })
}

function readBytes(path: string): Buffer | undefined {
  const oddity = findOddity(path)
  if (oddity !== undefined) {
    throw new IsolateError(`${path} cannot be read: it is ${oddity}, not a file`, {
      hint: 'Put a file in its place, or move it away, and try again.',
    })
  }
  try {
    return readFileSync(path)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT') return undefined
    if (code === undefined) throw error
    throw new IsolateError(`${path} cannot be read: ${errorText(error)}`, {
      hint: 'See to it that it is a readable file, and try again.',
      cause: error,
    })
  }
}
