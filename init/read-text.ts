/** Reads files that are to be edited: what is no plain UTF-8 text would not survive that, and is refused. */
import { IsolateError } from '../lib/report/isolate-error.ts'
import { readBytesIfAny } from '../lib/files/read-if-any.ts'

/** Undefined when there is no such file. A byte order mark stays in the text. Throws `IsolateError` naming the file. */
export function readText(path: string): string | undefined {
  const bytes = readBytesIfAny(path)
  if (bytes === undefined) return undefined
  const text = bytes.toString('utf8')
  if (Buffer.from(text).equals(bytes)) return text
  throw new IsolateError(`${path} is not UTF-8 text`, { hint: 'Save it as UTF-8 and try again.' })
}
