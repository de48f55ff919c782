/** Names and values as SQL text: the simple query protocol has no parameters. */
import { IsolateError } from '../../../report/isolate-error.ts'

/** A name (database, role, schema) in double quotes, exactly as it is: the server folds no case in it. */
export function quoteIdentifier(name: string): string {
  if (name === '') throw new IsolateError('an empty name is no name for PostgreSQL')
  return `"${withoutNul(name).replaceAll('"', '""')}"`
}

/**
 * A text in single quotes. One with a backslash is written as ` E'…'`, which reads the same whatever
 * `standard_conforming_strings` is; the space keeps the E apart from a word before it, as in libpq's PQescapeLiteral.
 */
export function quoteLiteral(text: string): string {
  const quoted = `'${withoutNul(text).replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? ` E${quoted}` : quoted
}

/** PostgreSQL has no text with a NUL in it, and its protocol would end there. */
function withoutNul(text: string): string {
  if (text.includes('\0')) throw new IsolateError('PostgreSQL takes no text with a NUL character in it')
  return text
}
